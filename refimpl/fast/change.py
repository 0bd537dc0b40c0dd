"""Twin of :mod:`refimpl.ops.change`."""

from __future__ import annotations

import numpy as np

from refimpl.fast.scalar import njit
from refimpl.fixedpoint import Int64s, Ints
from refimpl.params import Int16s


@njit
def _change(new: Int16s, old: Int16s, out: Int64s) -> None:
    for b in range(new.shape[0]):
        total, largest = np.int64(0), np.int64(0)
        for i in range(new.shape[1]):
            moved = abs(np.int64(new[b, i]) - np.int64(old[b, i]))
            total += moved
            largest = max(largest, moved)
        out[b, 0], out[b, 1] = total, largest


def change(new: Ints, old: Ints) -> Int64s:
    """Sum and largest of ``|new - old|`` of each state, in state units."""
    out = np.empty((len(new), 2), np.int64)
    first, second = (np.ascontiguousarray(a, np.int16).reshape(len(new), -1) for a in (new, old))
    _change(first, second, out)
    return out
