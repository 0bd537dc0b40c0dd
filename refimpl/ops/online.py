"""Activations quantized while they are read: int8 per token, MXInt4 blocks.

Spec: OP-ONLINE-TOKEN, OP-ONLINE-MX.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from refimpl.block_params import EXPONENT_SPAN, MX_BLOCK, MX_CODE_MAX, TOKEN_CODE_MAX
from refimpl.fixedpoint import Int64s, Ints, rounding_shift

RECIPROCAL_BITS = 23  # the reciprocal of a row's absmax has 30 or 31 significant bits


def bit_length(x: Int64s) -> Int64s:
    """Bits of a non-negative value below 2^32: 0 -> 0, 1 -> 1, 255 -> 8."""
    x = np.asarray(x, np.int64)
    length = np.zeros_like(x)
    for step in (16, 8, 4, 2, 1):
        high = x >> step
        length += np.where(high > 0, step, 0)
        x = np.where(high > 0, high, x)
    return length + x


def token_codes(values: Ints) -> tuple[Int64s, Int64s, Int64s]:
    """int8 codes of each row of (M, K) int32 values by its absmax, without a float.

    With A the absmax, n its bit length and ``r = floor(127 * 2^(n + 23) / A)`` (below 2^31), a code is
    ``(v * r + 2^(n + 22)) >> (n + 23)``: nearest, ties up, never beyond +-127.

    Returns
    -------
    codes (M, K); multiplier (M,) in [2^30, 2^31) and shift (M,) with ``A = multiplier * 2^(shift - 31)``;
    a zero row has codes, multiplier and shift 0.  The scale of a row is A / 127; the 127 belongs to the
    linear's own multiplier.
    """
    wide = values.astype(np.int64)
    absmax = np.abs(wide).max(axis=1)
    length = bit_length(absmax)
    bits = length + RECIPROCAL_BITS
    reciprocal = (np.int64(TOKEN_CODE_MAX) << bits) // np.maximum(absmax, 1)
    reciprocal = np.where(absmax > 0, reciprocal, 0)
    codes = wide * reciprocal[:, None] + (np.int64(1) << bits - 1)[:, None] >> bits[:, None]
    return codes, absmax << 32 - length >> 1, length  # also of 2^31, whose length is 32


def mx_exponents(absmax: Int64s) -> Int64s:
    """The smallest e >= 0 with ``absmax <= 7 * 2^e``."""
    exponent = np.maximum(bit_length(absmax) - 3, 0)
    return exponent + (absmax > np.int64(MX_CODE_MAX) << exponent)


def mx_codes(values: Ints) -> tuple[npt.NDArray[np.int64], Int64s]:
    """MXInt4 of each row of (M, K) int32 values: blocks of 32, the last one zero padded.

    An exponent more than EXPONENT_SPAN below the row's largest is raised to that distance; codes are
    ``v / 2^e`` rounded ties away from zero, in [-7, 7].

    Returns
    -------
    aligned (M, K): ``code << (e - smallest e of the row)``; the smallest e (M,).
    """
    wide = values.astype(np.int64)
    rows, inner = wide.shape
    count = -(-inner // MX_BLOCK)
    padded = np.zeros((rows, count * MX_BLOCK), np.int64)
    padded[:, :inner] = wide
    absmax = np.abs(padded).reshape(rows, count, MX_BLOCK).max(axis=2)
    exponent = mx_exponents(absmax)
    exponent = np.maximum(exponent, exponent.max(axis=1, keepdims=True) - EXPONENT_SPAN)
    smallest = exponent.min(axis=1)
    each = np.repeat(exponent, MX_BLOCK, axis=1)[:, :inner]
    return rounding_shift(wide, each) << each - smallest[:, None], smallest
