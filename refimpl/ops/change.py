"""How far a state moved.  Spec: OP-CHANGE."""

from __future__ import annotations

import numpy as np

from refimpl.fixedpoint import Int64s, Ints


def change(new: Ints, old: Ints) -> Int64s:
    """(B, T, D) int16 states -> (B, 2) int64: sum and largest of ``|new - old|``, in state units.

    One difference is at most 2^16 - 1, so a sum over fewer than 2^47 values stays in int64.
    """
    moved = np.abs(new.astype(np.int64) - old.astype(np.int64)).reshape(len(new), -1)
    return np.stack([moved.sum(axis=1), moved.max(axis=1)], axis=1)
