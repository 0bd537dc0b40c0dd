"""Linear over wide activations, zero points, groups and MX blocks.  Spec: OP-BLOCK-LINEAR.

Written as one int64 product of aligned values; a device sums int32 within a block, shifts or multiplies
the sum by the block's factor and adds in int64: the same number, because every step is exact until the
one rounding at the end.
"""

from __future__ import annotations

import numpy as np

from refimpl.block_params import BlockLinear, factor_values
from refimpl.fixedpoint import Int64s, Ints, clamp
from refimpl.ops.online import mx_codes, token_codes
from refimpl.ops.rescale import OUT_DTYPES

REDUCED_MAX = 2**15 - 1
LEFT_SHIFT_MAX = 15


def weight_values(p: BlockLinear) -> Int64s:
    """Aligned integer weights (N, K): ``(code - zero point) * block factor``."""
    values = p.codes.astype(np.int64)
    if p.zero_point is not None:
        values = values - p.zero_point.astype(np.int64)[:, None]
    if p.block_scale is not None:
        factor = factor_values(p.block_scale, p.factors)
        values = values * np.repeat(factor, p.block, axis=1)[:, : values.shape[1]]
    return values


def requantize_wide(acc: Int64s, multiplier: Int64s, shift: Int64s) -> Int64s:
    """``acc * multiplier * 2^(shift - 31)`` for |acc| < 2^47, the multiplier cut to 15 bits, ties up.

    ``reduced = min((multiplier + 2^15) >> 16, 32767)``, then ``((acc * reduced >> (14 - shift)) + 1) >> 1``
    with the right shift cut at 62.  Where ``14 - shift`` is negative the accumulator saturates to int32
    and shifts left, at most 15.  CMSIS-NN: arm_nn_requantize_s64 (shift <= 14).
    """
    reduced = np.minimum(multiplier + 2**15 >> 16, REDUCED_MAX)
    right = 14 - np.asarray(shift, np.int64)
    down = (acc * reduced >> np.clip(right, 0, 62)) + 1 >> 1
    up = clamp(acc, 32) * reduced << np.clip(-right, 0, LEFT_SHIFT_MAX)
    return np.asarray(np.where(right >= 0, down, up + 1 >> 1))


def combined(token: Int64s, token_shift: Int64s, row: Ints, row_shift: Ints) -> tuple[Int64s, Int64s]:
    """Token multiplier x row multiplier, brought back to [2^30, 2^31]; nearest, ties up."""
    product = token * row.astype(np.int64)
    large = product >= 2**61
    multiplier = np.where(large, product + 2**30 >> 31, product + 2**29 >> 30)
    return multiplier, token_shift + row_shift - np.where(large, 0, 1)


def block_linear(a: Ints, p: BlockLinear) -> Ints:
    """a (..., K): int8 or int16 codes, or int32 values where ``p`` quantizes online; result (..., N).

    ``clamp(requantize_wide(values @ weights.T) + bias)``.
    """
    flat = a.reshape(-1, a.shape[-1])
    multiplier, shift = p.multiplier.astype(np.int64), p.shift.astype(np.int64)
    if p.activations == "token":
        values, token, token_shift = token_codes(flat)
        multiplier, shift = combined(token[:, None], token_shift[:, None], p.multiplier, p.shift)
    elif p.activations == "mx":
        values, exponent = mx_codes(flat)
        shift = shift + exponent[:, None]
    else:
        values = flat.astype(np.int64)
    y = requantize_wide(values @ weight_values(p).T, multiplier, shift)
    if p.bias is not None:
        y = y + p.bias
    return clamp(y, p.out_bits).astype(OUT_DTYPES[p.out_bits]).reshape(*a.shape[:-1], len(p.codes))
