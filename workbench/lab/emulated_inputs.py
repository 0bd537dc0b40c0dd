"""Activation formats emulated on floats."""

from __future__ import annotations

import numpy as np

from refimpl.float_params import Floats
from refimpl.formats import ActivationFormat
from refimpl.formats.weights import SCALE_FLOOR
from refimpl.quantize.calibration import Calibration
from workbench.lab.blocks import MX
from workbench.sites import Visitor


def fake_token(values: Floats) -> Floats:
    """int8 per row of the last axis, half to even, and back."""
    scale = np.maximum(np.abs(values).max(axis=-1, keepdims=True) / 127, SCALE_FLOOR).astype(values.dtype)
    return np.asarray(np.rint(values / scale) * scale)


def emulated_inputs(fmt: ActivationFormat, calibration: Calibration) -> Visitor:
    """A visitor that rounds every linear's input to ``fmt`` and back, and leaves other sites alone."""

    def visit(site: str, value: Floats) -> Floats:
        if not site.endswith(".input") or not fmt.integer:
            return value
        if fmt.online == "token":
            return fake_token(value)
        if fmt.online == "mx":
            return MX(value)
        qmax = fmt.qmax(site)
        scale = value.dtype.type(calibration.scale(site, qmax))
        return np.asarray(np.clip(np.rint(value / scale), -qmax, qmax) * scale)

    return visit
