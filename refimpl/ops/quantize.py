"""State or wide sum -> int8 activations of one call site.  Spec: OP-QUANTIZE."""

from __future__ import annotations

from refimpl.block_params import Keep
from refimpl.fixedpoint import Ints
from refimpl.ops.rescale import rescale
from refimpl.params import Rescale


def quantize(h: Ints, p: Rescale | Keep) -> Ints:
    """Rescale state units (int16 or int32, Q.10) to int8, saturating to [-128, 127]."""
    return rescale(h, p)
