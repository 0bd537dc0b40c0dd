"""Activation formats emulated on floats."""

from __future__ import annotations

import numpy as np

from refimpl.block_params import MX_BLOCK, MX_CODE_MAX
from refimpl.float_params import Floats
from refimpl.formats import ActivationFormat
from refimpl.formats.mx import mx_exponents
from refimpl.formats.weights import SCALE_FLOOR
from refimpl.quantize.calibration import Calibration
from workbench.sites import Visitor


def fake_token(values: Floats) -> Floats:
    """int8 per row of the last axis, half to even, and back."""
    scale = np.maximum(np.abs(values).max(axis=-1, keepdims=True) / 127, SCALE_FLOOR).astype(values.dtype)
    return np.asarray(np.rint(values / scale) * scale)


def fake_mx(values: Floats) -> Floats:
    """MXInt4 in blocks of 32 along the last axis, half to even, and back."""
    inner = values.shape[-1]
    count = -(-inner // MX_BLOCK)
    padded = np.zeros((*values.shape[:-1], count * MX_BLOCK), values.dtype)
    padded[..., :inner] = values
    blocks = padded.reshape(*values.shape[:-1], count, MX_BLOCK)
    exponent = mx_exponents(np.abs(blocks).max(axis=-1).astype(np.float64))
    scale = np.ldexp(values.dtype.type(1), exponent)[..., None]
    codes = np.clip(np.rint(blocks / scale), -MX_CODE_MAX, MX_CODE_MAX)
    return np.asarray((codes * scale).reshape(padded.shape)[..., :inner])


def emulated_inputs(fmt: ActivationFormat, calibration: Calibration) -> Visitor:
    """A visitor that rounds every linear's input to ``fmt`` and back, and leaves other sites alone."""

    def visit(site: str, value: Floats) -> Floats:
        if not site.endswith(".input") or not fmt.integer:
            return value
        if fmt.online == "token":
            return fake_token(value)
        if fmt.online == "mx":
            return fake_mx(value)
        qmax = fmt.qmax(site)
        scale = value.dtype.type(calibration.scale(site, qmax))
        return np.asarray(np.clip(np.rint(value / scale), -qmax, qmax) * scale)

    return visit
