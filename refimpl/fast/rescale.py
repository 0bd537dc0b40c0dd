"""Twin of :mod:`refimpl.ops.rescale`, for one multiplier a tensor or one a column."""

from __future__ import annotations

from weakref import WeakKeyDictionary

import numpy as np

from refimpl.block_params import Keep
from refimpl.fast.rescale_lanes import LANES, VECTORS, Factors, factors_of, rescale_lanes
from refimpl.fast.scalar import njit
from refimpl.fixedpoint import Ints, Rounding
from refimpl.ops.rescale import OUT_DTYPES
from refimpl.params import Int32s, Rescale

CACHED = 4096  # sums at a time, in the first-level cache
_factors: WeakKeyDictionary[Rescale, Factors] = WeakKeyDictionary()
_double, _single = rescale_lanes(single=False), rescale_lanes(single=True)


@njit
def rescale_tile(sums: Int32s, factors: Factors, g: int, left: int, out: Ints) -> None:
    """Rescale sums (R, C), both at least those of ``out``, to out (M, N) whose first column is ``left``, a
    multiple of LANES, of matrix g.  Both have contiguous rows."""
    rows, columns = out.shape
    whole = columns // LANES * LANES
    _rescale_whole(sums, factors, g, left, out[:, :whole])
    if whole < columns:
        first, last = np.zeros((rows, LANES), np.int32), np.empty((rows, LANES), out.dtype)
        first[:, : columns - whole] = sums[:rows, whole:columns]
        _rescale_whole(first, factors, g, left + whole, last)
        out[:, whole:] = last[:, : columns - whole]


@njit
def _rescale_whole(sums: Int32s, factors: Factors, g: int, left: int, out: Ints) -> None:
    values, single = factors
    by = values[g].ctypes.data + left * VECTORS * 4
    for r in range(out.shape[0]):
        at, to = sums.ctypes.data + r * sums.strides[0], out.ctypes.data + r * out.strides[0]
        for c in range(0, out.shape[1], LANES):
            x, f, y = np.uint64(at + 4 * c), np.uint64(by + VECTORS * 4 * c), np.uint64(to + c * out.itemsize)
            if single:
                _single(x, f, y, out)
            else:
                _double(x, f, y, out)


@njit
def _rescale_rows(acc: Ints, factors: Factors, out: Ints) -> None:
    rows = max(1, CACHED // acc.shape[1])
    sums = np.empty((rows, acc.shape[1]), np.int32)
    for top in range(0, len(acc), rows):
        part = acc[top : top + rows]
        for r in range(len(part)):
            for c in range(acc.shape[1]):
                sums[r, c] = np.int32(part[r, c])
        rescale_tile(sums, factors, 0, 0, out[top : top + rows])


def rescale(acc: Ints, p: Rescale | Keep) -> Ints:
    """``clamp(requantize(acc) + output_offset)`` in the output type of ``p``; Keep leaves int32 as it is."""
    if isinstance(p, Keep):
        return acc.astype(np.int32)
    if p not in _factors:
        bias, multiplier, shift = (np.full(LANES, factor, np.int32) for factor in (0, p.multiplier, p.shift))
        _factors[p] = factors_of(bias[None], multiplier, shift, p.rounding, p.out_bits, p.output_offset)
    rows = np.ascontiguousarray(acc).reshape(-1, 1 if acc.size % LANES else LANES)
    out = np.empty(rows.shape, OUT_DTYPES[p.out_bits])
    _rescale_rows(rows, _factors[p], out)
    return out.reshape(acc.shape)


def rescale_columns(acc: np.ndarray, bias: Int32s | None, multiplier: Int32s, shift: Int32s,
                    rounding: Rounding, out_bits: int, offset: int) -> Ints:  # fmt: skip
    """acc (M, N) with bias, multiplier, shift (N,) -> (M, N) in the output type.

    acc holds int32 values in any type; acc + bias wraps at 32 bits as in :mod:`refimpl.ops`.
    """
    out = np.empty(acc.shape, OUT_DTYPES[out_bits])
    bias = np.zeros(acc.shape[1], np.int32) if bias is None else bias
    _rescale_rows(acc, factors_of(bias[None], multiplier, shift, rounding, out_bits, offset), out)
    return out
