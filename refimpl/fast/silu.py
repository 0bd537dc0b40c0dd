"""Twin of :mod:`refimpl.ops.silu`."""

from __future__ import annotations

import numpy as np

from refimpl.fast.scalar import njit
from refimpl.params import Int8s, Silu


@njit
def _lookup(a: Int8s, table: Int8s, out: Int8s) -> None:
    for i in range(a.size):
        out[i] = table[np.int64(a[i]) + 128]


def silu(a: Int8s, p: Silu) -> Int8s:
    """Entry ``a + 128`` of the frozen table."""
    flat = np.ascontiguousarray(a).reshape(-1)
    out = np.empty(flat.size, np.int8)
    _lookup(flat, p.table, out)
    return out.reshape(a.shape)
