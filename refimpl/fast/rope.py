"""Twin of :mod:`refimpl.ops.rope`."""

from __future__ import annotations

import numpy as np

from refimpl.fast.scalar import njit, rounding_shift
from refimpl.fixedpoint import ROPE_FRAC_BITS
from refimpl.params import Int8s, Int16s, Rope


@njit
def _rope(a: Int8s, cos: Int16s, sin: Int16s, out: Int8s) -> None:
    groups, positions, size = a.shape
    half = size // 2
    for g in range(groups):
        for t in range(positions):
            for j in range(half):
                x, y = np.int64(a[g, t, j]), np.int64(a[g, t, j + half])
                c, s = np.int64(cos[t, j]), np.int64(sin[t, j])
                first = rounding_shift(x * c - y * s, ROPE_FRAC_BITS)
                second = rounding_shift(y * c + x * s, ROPE_FRAC_BITS)
                out[g, t, j] = min(max(first, -128), 127)
                out[g, t, j + half] = min(max(second, -128), 127)


def rope(a: Int8s, p: Rope) -> Int8s:
    """``(x cos - y sin, y cos + x sin)`` in Q1.14; (B, h, T, d) int8 in and out."""
    groups = np.ascontiguousarray(a).reshape(-1, *a.shape[-2:])
    out = np.empty(groups.shape, np.int8)
    _rope(groups, p.cos, p.sin, out)
    return out.reshape(a.shape)
