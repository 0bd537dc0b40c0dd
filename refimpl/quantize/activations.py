"""Activation formats of linear inputs, and their emulation on floats.

``a8``, ``a16``, ``a4``  static: one symmetric scale a call site, absmax / qmax of a calibration run
``a8p16``                a8, but int16 at the gated product (the input of each ``down``)
``a8d``                  dynamic: int8, one scale a token (row of the input)
``amx``                  MXInt4: blocks of 32 inputs, power-of-two scale, chosen online
``float``                the published weight-only setting (emulation only)

In the integer reading the values between two linears (gate, up, silu, q, k, v, scores) stay static int8
in every format.  In emulation they stay float, as in the published code, which rounds linear inputs only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from refimpl.block_params import MX_BLOCK, Online
from refimpl.errors import unknown_name
from refimpl.float_params import Floats
from refimpl.quantize.calibrate import Calibration
from refimpl.quantize.sites import Visitor
from refimpl.quantize.weights import MX_QMAX, SCALE_FLOOR, mx_exponents


@dataclass(frozen=True)
class ActivationFormat:
    """``bits`` a code, ``product_bits`` at the gated product; ``online`` says when the scale is chosen."""

    name: str
    bits: int
    online: Online
    product_bits: int = 0

    def bits_at(self, site: str) -> int:
        """Bits of the codes at a linear's input."""
        return self.product_bits if self.product_bits and site.endswith(".down.input") else self.bits

    def qmax(self, site: str) -> int:
        return (1 << self.bits_at(site) - 1) - 1


_ALL: tuple[ActivationFormat, ...] = (
    ActivationFormat("a8", 8, "static"),
    ActivationFormat("a16", 16, "static"),
    ActivationFormat("a8p16", 8, "static", product_bits=16),
    ActivationFormat("a4", 4, "static"),
    ActivationFormat("a8d", 8, "token"),
    ActivationFormat("amx", 4, "mx"),
)
ACTIVATIONS = {fmt.name: fmt for fmt in _ALL}


def parse_activations(name: str) -> ActivationFormat:
    """Return the integer activation format called ``name``."""
    if name not in ACTIVATIONS:
        raise unknown_name("activation format", name, ACTIVATIONS)
    return ACTIVATIONS[name]


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
    codes = np.clip(np.rint(blocks / scale), -MX_QMAX, MX_QMAX)
    return np.asarray((codes * scale).reshape(padded.shape)[..., :inner])


def emulated_inputs(fmt: ActivationFormat, calibration: Calibration) -> Visitor:
    """A visitor that rounds every linear's input to ``fmt`` and back, and leaves other sites alone."""

    def visit(site: str, value: Floats) -> Floats:
        if not site.endswith(".input"):
            return value
        if fmt.online == "token":
            return fake_token(value)
        if fmt.online == "mx":
            return fake_mx(value)
        qmax = fmt.qmax(site)
        scale = value.dtype.type(calibration.scale(site, qmax))
        return np.asarray(np.clip(np.rint(value / scale), -qmax, qmax) * scale)

    return visit
