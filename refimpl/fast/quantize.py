"""Twin of :mod:`refimpl.ops.quantize`."""

from __future__ import annotations

from refimpl.block_params import Keep
from refimpl.fast.rescale import rescale
from refimpl.fixedpoint import Ints
from refimpl.params import Rescale


def quantize(h: Ints, p: Rescale | Keep) -> Ints:
    """Rescale state units (int16 or int32, Q.10) to int8, saturating to [-128, 127]."""
    return rescale(h, p)
