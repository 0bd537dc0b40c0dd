"""Twin of :mod:`refimpl.ops.rescale`, for one multiplier a tensor or one a column."""

from __future__ import annotations

import numpy as np

from refimpl.block_params import Keep
from refimpl.fast.scalar import njit, requantize_double, requantize_single
from refimpl.fixedpoint import Ints
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
def _rescale_columns(acc: Int32s, bias: Int32s, multiplier: Int32s, shift: Int32s, single: bool, offset: int,
                     low: int, high: int, out: Ints) -> None:  # fmt: skip
    rows, columns = acc.shape
    for r in range(rows):
        if single:
            for c in range(columns):
                y = requantize_single(
                    np.int64(acc[r, c]) + np.int64(bias[c]), np.int64(multiplier[c]), np.int64(shift[c])
                )
                out[r, c] = min(max(y + offset, low), high)
        else:
            for c in range(columns):
                y = requantize_double(
                    np.int64(acc[r, c]) + np.int64(bias[c]), np.int64(multiplier[c]), np.int64(shift[c])
                )
                out[r, c] = min(max(y + offset, low), high)


def rescale(acc: Ints, p: Rescale | Keep) -> Ints:
    """``clamp(requantize(acc) + output_offset)`` in the output type of ``p``; Keep leaves int32 as it is."""
    if isinstance(p, Keep):
        return acc.astype(np.int32)
    flat = np.ascontiguousarray(acc).reshape(-1)
    out = np.empty(flat.size, OUT_DTYPES[p.out_bits])
    high = 2 ** (p.out_bits - 1) - 1
    _rescale(flat, p.multiplier, p.shift, p.rounding == "single", p.output_offset, -high - 1, high, out)
    return out.reshape(acc.shape)


def rescale_columns(acc: Int32s, bias: Int32s, multiplier: Int32s, shift: Int32s, rounding: str,
                    out_bits: int, offset: int) -> Ints:  # fmt: skip
    """acc (M, N) int32 with bias, multiplier, shift (N,) -> (M, N) in the output type."""
    out = np.empty(acc.shape, OUT_DTYPES[out_bits])
    high = 2 ** (out_bits - 1) - 1
    _rescale_columns(acc, bias, multiplier, shift, rounding == "single", offset, -high - 1, high, out)
    return out
