"""Twin of :mod:`refimpl.ops.softmax`.

A difference of two int8 scores takes 256 values, so the exponentials of one leaf are a table, computed
by the specification itself.
"""

from __future__ import annotations

from weakref import WeakKeyDictionary

import numpy as np

from refimpl.fast.scalar import njit, rounding_shift, saturating_high_multiply
from refimpl.fixedpoint import Int64s, wrap32
from refimpl.fixedpoint import saturating_high_multiply as multiply_high
from refimpl.ops.softmax import SUM_INTEGER_BITS, exp_on_negative
from refimpl.params import Int8s, Int16s, Softmax

_tables: WeakKeyDictionary[Softmax, Int64s] = WeakKeyDictionary()


def exponentials(p: Softmax) -> Int64s:
    """Q0.31 exponential of each difference 0, -1, .. -255; -1 where the difference is not counted."""
    table = _tables.get(p)
    if table is None:
        diff = -np.arange(256, dtype=np.int64)
        counted = diff >= p.diff_min
        scaled = multiply_high(wrap32(np.where(counted, diff, 0) << p.shift), p.multiplier)
        table = np.where(counted, exp_on_negative(scaled), -1)
        _tables[p] = table
    return table


@njit
def _softmax(a: Int8s, table: Int64s, integer_bits: int, out: Int16s) -> None:
    probabilities = np.empty(256, np.int16)
    for r in range(a.shape[0]):
        top, least = a[r, 0], a[r, 0]
        for c in range(a.shape[1]):
            top, least = max(top, a[r, c]), min(least, a[r, c])
        top = np.int64(top)
        total = np.int64(0)
        for c in range(a.shape[1]):
            e = table[top - np.int64(a[r, c])]
            if e >= 0:
                total += rounding_shift(e, integer_bits)
        headroom = np.int64(31)
        rest = total
        while rest > 1:
            rest >>= 1
            headroom -= 1
        x = np.int64(np.int32((total << headroom) - (1 << 31)))
        half_denominator = (x + 2147483647 + 1) >> 1
        y = 1515870810 + saturating_high_multiply(half_denominator, -1010580540)
        for _ in range(3):
            step = saturating_high_multiply(y, (1 << 29) - saturating_high_multiply(half_denominator, y)) << 2
            y += min(max(step, -2147483648), 2147483647)
        scale = min(y << 1, 2147483647)
        bits = integer_bits - headroom + 15
        for d in range(top - least + 1):
            if table[d] >= 0:
                p = rounding_shift(saturating_high_multiply(table[d], scale), bits) - 32768
                probabilities[d] = min(p, 32767)
            else:
                probabilities[d] = -32768
        for c in range(a.shape[1]):
            out[r, c] = probabilities[top - np.int64(a[r, c])]


def softmax(a: Int8s, p: Softmax) -> Int16s:
    """Row-wise softmax; output ``probability * 65536 - 32768``, saturated."""
    rows = np.ascontiguousarray(a).reshape(-1, a.shape[-1])
    out = np.empty(rows.shape, np.int16)
    _softmax(rows, exponentials(p), SUM_INTEGER_BITS, out)
    return out.reshape(a.shape)
