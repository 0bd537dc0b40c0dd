"""Bring an int32 value to an output format with one multiplier.  Spec: OP-RESCALE."""

from __future__ import annotations

import numpy as np

from refimpl.block_params import Keep
from refimpl.fixedpoint import Ints, clamp, requantize
from refimpl.params import Rescale

OUT_DTYPES = {4: np.int8, 8: np.int8, 16: np.int16, 32: np.int32}


def rescale(acc: Ints, p: Rescale | Keep) -> Ints:
    """``clamp(requantize(acc) + output_offset)`` in the output type of ``p``; Keep leaves int32 as it is."""
    if isinstance(p, Keep):
        return acc.astype(np.int32)
    y = requantize(acc, p.multiplier, p.shift, p.rounding) + p.output_offset
    return clamp(y, p.out_bits).astype(OUT_DTYPES[p.out_bits])
