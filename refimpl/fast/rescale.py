"""Twin of :mod:`refimpl.ops.rescale`, for one multiplier a tensor or one a column."""

from __future__ import annotations

import numpy as np

from refimpl.block_params import Keep
from refimpl.fast.scalar import Scalar, njit, requantize_double, requantize_single
from refimpl.fixedpoint import Ints, Rounding
from refimpl.ops.rescale import OUT_DTYPES
from refimpl.params import Int32s, Rescale


@njit
def _rescale(acc: Ints, multiplier: int, shift: int, single: bool, offset: int, low: int, high: int,
             out: Ints) -> None:  # fmt: skip
    if single:
        for i in range(acc.size):
            out[i] = min(max(requantize_single(np.int64(acc[i]), multiplier, shift) + offset, low), high)
    else:
        for i in range(acc.size):
            out[i] = min(max(requantize_double(np.int64(acc[i]), multiplier, shift) + offset, low), high)


@njit
def _columns_double(acc: Ints, bias: Int32s, multiplier: Int32s, shift: Int32s, low: Scalar, high: Scalar,
                    offset: Scalar, out: Ints) -> None:  # fmt: skip
    # Two loops a row, each over one width (64-bit products, 32-bit rounding): three times the speed of one
    # loop over both on AVX2.  np.int32 around a sum keeps it 32 bits wide, as int32 registers would.
    groups, rows, columns = out.shape
    left, right = np.empty(columns, np.int32), np.empty(columns, np.int32)
    mask = np.empty(columns, np.int32)
    for c in range(columns):
        left[c], right[c] = max(shift[c], 0), max(-shift[c], 0)
        mask[c] = (np.int64(1) << right[c]) - 1
    product = np.empty(columns, np.int32)
    for g in range(groups):
        for r in range(rows):
            for c in range(columns):
                shifted = np.int32(np.int32(np.int32(acc[g, r, c]) + bias[g, c]) << (left[c] & 31))
                product[c] = np.int32((np.int64(shifted) * np.int64(multiplier[c]) + (1 << 30)) >> 31)
            for c in range(columns):
                x = product[c]
                up = np.int32(x & mask[c]) > np.int32((mask[c] >> 1) + (x < 0))
                y = np.int32(np.int32(x >> (right[c] & 31)) + up)
                out[g, r, c] = np.int32(min(max(y, low), high) + offset)


@njit
def _columns_single(acc: Ints, bias: Int32s, multiplier: Int32s, shift: Int32s, low: Scalar, high: Scalar,
                    offset: Scalar, out: Ints) -> None:  # fmt: skip
    groups, rows, columns = out.shape
    for g in range(groups):
        for r in range(rows):
            for c in range(columns):
                product = np.int64(np.int32(np.int32(acc[g, r, c]) + bias[g, c])) * np.int64(multiplier[c])
                y = ((product >> (30 - np.int64(shift[c]))) + 1) >> 1  # low and high lie within 32 bits
                out[g, r, c] = np.int32(min(max(y, np.int64(low)), np.int64(high)) + offset)


def rescale(acc: Ints, p: Rescale | Keep) -> Ints:
    """``clamp(requantize(acc) + output_offset)`` in the output type of ``p``; Keep leaves int32 as it is."""
    if isinstance(p, Keep):
        return acc.astype(np.int32)
    flat = np.ascontiguousarray(acc).reshape(-1)
    out = np.empty(flat.size, OUT_DTYPES[p.out_bits])
    high = 2 ** (p.out_bits - 1) - 1
    _rescale(flat, p.multiplier, p.shift, p.rounding == "single", p.output_offset, -high - 1, high, out)
    return out.reshape(acc.shape)


def rescale_columns(
    acc: Ints,
    bias: Int32s | None,
    multiplier: Int32s,
    shift: Int32s,
    rounding: Rounding,
    out_bits: int,
    offset: int,
    out: Ints | None = None,
) -> Ints:
    """acc (M, N) with bias, multiplier, shift (N,) -> (M, N) in the output type, into ``out`` if given.

    G matrices at once are acc (G, M, N) with bias (G, N).  With ``out``, acc may have further rows and
    columns, which are passed over.  acc holds int32 values in any type; acc + bias wraps at 32 bits as in
    :mod:`refimpl.ops`.
    """
    if out is None:
        out = np.empty(acc.shape, OUT_DTYPES[out_bits])
    grouped = acc if acc.ndim == 3 else acc[None]
    if bias is None:
        bias = np.zeros((len(grouped), acc.shape[-1]), np.int32)
    # Saturate before the offset: clamp(y) + offset stays inside int32 where y + offset might not.
    top = 2 ** (out_bits - 1)
    low, high = max(-top - offset, -(2**31)), min(top - 1 - offset, 2**31 - 1)
    kernel = _columns_single if rounding == "single" else _columns_double
    kernel(grouped, bias.reshape(len(grouped), -1), multiplier, shift, np.int32(low), np.int32(high),
           np.int32(offset), out.reshape(-1, *out.shape[-2:]))  # fmt: skip
    return out
