"""Linear layer.  Spec: OP-LINEAR.  CMSIS-NN: arm_fully_connected_per_channel_s8, arm_convolve_1x1_s4."""

from __future__ import annotations

import numpy as np

from refimpl.block_params import BlockLinear
from refimpl.fixedpoint import Ints, clamp, requantize
from refimpl.ops.block_linear import block_linear
from refimpl.ops.rescale import OUT_DTYPES
from refimpl.params import Linear


def linear(a: Ints, p: Linear | BlockLinear) -> Ints:
    """``clamp(requantize(a @ codes.T + bias, multiplier, shift) + output_offset)``.

    a : (..., K) int8; result (..., N) in int8, int16 or int32 by ``p.out_bits``.  The accumulator is
    int32; :mod:`refimpl.quantize.bounds` proves that it cannot overflow.  A :class:`BlockLinear` is
    :func:`refimpl.ops.block_linear.block_linear`.
    """
    if isinstance(p, BlockLinear):
        return block_linear(a, p)
    acc = a.astype(np.int32) @ p.codes.T.astype(np.int32)
    if p.bias is not None:
        acc = acc + p.bias
    y = requantize(acc, p.multiplier, p.shift, p.rounding) + p.output_offset
    return clamp(y, p.out_bits).astype(OUT_DTYPES[p.out_bits])
