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
            for j in range(size):
                partner = -np.int64(a[g, t, j + half]) if j < half else np.int64(a[g, t, j - half])
                turned = np.int64(a[g, t, j]) * np.int64(cos[t, j]) + partner * np.int64(sin[t, j])
                out[g, t, j] = min(max(rounding_shift(turned, ROPE_FRAC_BITS), -128), 127)


def rope(a: Int8s, p: Rope) -> Int8s:
    """``a cos + rotate_half(a) sin`` in Q1.14; (B, h, T, d) int8 in and out."""
    groups = np.ascontiguousarray(a).reshape(-1, *a.shape[-2:])
    out = np.empty(groups.shape, np.int8)
    _rope(groups, p.cos, p.sin, out)
    return out.reshape(a.shape)
