"""Twin of :mod:`refimpl.ops.linear`."""

from __future__ import annotations

import numpy as np

from refimpl.block_params import BlockLinear
from refimpl.fast.block_linear import block_linear
from refimpl.fast.exact_gemm import linear_rescaled
from refimpl.fixedpoint import Ints
from refimpl.params import Linear


def linear(a: Ints, p: Linear | BlockLinear) -> Ints:
    """``clamp(requantize(a @ codes.T + bias, multiplier, shift) + output_offset)``."""
    if isinstance(p, BlockLinear):
        return block_linear(a, p)
    y = linear_rescaled(a.reshape(-1, a.shape[-1]).view(np.int8), p)
    return y.reshape(*a.shape[:-1], y.shape[-1])
