"""Twin of :mod:`refimpl.ops.online`."""

from __future__ import annotations

from typing import Any

import numpy as np

from refimpl.block_params import EXPONENT_SPAN, MX_BLOCK, MX_CODE_MAX, TOKEN_CODE_MAX
from refimpl.fast.scalar import inline, njit, rounding_shift
from refimpl.fixedpoint import Int64s, Ints
from refimpl.ops.online import RECIPROCAL_BITS
from refimpl.params import Int32s


@inline
def _bit_length(x: Any) -> Any:
    length = 0
    while x > 0:
        x >>= 1
        length += 1
    return length


@njit
def _token_codes(values: Ints, code_max: int, reciprocal_bits: int, codes: Int32s, multiplier: Int64s,
                 shift: Int64s) -> None:  # fmt: skip
    rows, inner = values.shape
    for r in range(rows):
        absmax = np.int64(0)
        for k in range(inner):
            absmax = max(absmax, abs(np.int64(values[r, k])))
        length = _bit_length(absmax)
        multiplier[r] = absmax << (32 - length) >> 1
        shift[r] = length
        if absmax == 0:
            codes[r, :] = 0
            continue
        bits = length + reciprocal_bits
        reciprocal = (np.int64(code_max) << bits) // absmax
        half = np.int64(1) << (bits - 1)
        for k in range(inner):
            codes[r, k] = (np.int64(values[r, k]) * reciprocal + half) >> bits


def token_codes(values: Ints) -> tuple[Int32s, Int64s, Int64s]:
    """int8 codes, multiplier and shift of each row."""
    codes = np.empty(values.shape, np.int32)
    multiplier, shift = np.empty(len(values), np.int64), np.empty(len(values), np.int64)
    _token_codes(values, TOKEN_CODE_MAX, RECIPROCAL_BITS, codes, multiplier, shift)
    return codes, multiplier, shift


@njit
def _mx_codes(values: Ints, block: int, code_max: int, span: int, aligned: Int32s, smallest: Int64s) -> None:
    rows, inner = values.shape
    count = (inner + block - 1) // block
    exponent = np.empty(count, np.int64)
    for r in range(rows):
        largest = np.int64(0)
        for b in range(count):
            absmax = np.int64(0)
            for k in range(b * block, min(inner, (b + 1) * block)):
                absmax = max(absmax, abs(np.int64(values[r, k])))
            e = np.int64(max(_bit_length(absmax) - 3, 0))
            if absmax > code_max << e:
                e += 1
            exponent[b] = e
            largest = max(largest, e)
        low = largest
        for b in range(count):
            exponent[b] = max(exponent[b], largest - span)
            low = min(low, exponent[b])
        smallest[r] = low
        for b in range(count):
            e = exponent[b]
            for k in range(b * block, min(inner, (b + 1) * block)):
                aligned[r, k] = rounding_shift(np.int64(values[r, k]), e) << (e - low)


def mx_codes(values: Ints) -> tuple[Int32s, Int64s]:
    """Aligned MXInt4 codes and the smallest exponent of each row."""
    aligned, smallest = np.empty(values.shape, np.int32), np.empty(len(values), np.int64)
    _mx_codes(values, MX_BLOCK, MX_CODE_MAX, EXPONENT_SPAN, aligned, smallest)
    return aligned, smallest
