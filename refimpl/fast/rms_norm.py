"""Twin of :mod:`refimpl.ops.rms_norm`."""

from __future__ import annotations

import numpy as np

from refimpl.block_params import Int8Norm
from refimpl.fast.rescale import rescale
from refimpl.fast.scalar import njit
from refimpl.fixedpoint import RECIPROCAL_ROOT_SEED, Int64s, Ints
from refimpl.params import Int16s, Int32s, Norm


@njit
def _rms_norm(h: Int32s, gain: int, eps: int, seed: Int64s, out: Int16s) -> None:
    for r in range(h.shape[0]):
        total = np.int64(eps)
        for c in range(h.shape[1]):
            total += np.int64(h[r, c]) * np.int64(h[r, c])
        length = 0
        rest = total
        while rest > 1:
            rest >>= 1
            length += 1
        s = (length - 29) & ~1
        m = total >> s if s >= 0 else total << -s
        y = seed[(m >> 24) - 32] << 16
        for _ in range(2):
            square = (y * y) >> 30
            y = (y * (3 * (1 << 30) - ((m * square) >> 31))) >> 31
        g = (y * gain) >> 30
        exponent = 30 + (s >> 1)
        half = np.int64(1) << (exponent - 1)
        for c in range(h.shape[1]):
            out[r, c] = min(max((np.int64(h[r, c]) * g + half) >> exponent, -32768), 32767)


def rms_norm(h: Ints, p: Norm | Int8Norm) -> Ints:
    """``h / sqrt(mean(h^2) + eps)`` over the last axis, int32 state units in, int16 Q5.10 out."""
    if isinstance(p, Int8Norm):
        return rescale(rescale(rms_norm(h, p.norm), p.to_code), p.to_state)
    rows = np.ascontiguousarray(h, np.int32).reshape(-1, h.shape[-1])
    out = np.empty(rows.shape, np.int16)
    _rms_norm(rows, p.gain, p.eps, RECIPROCAL_ROOT_SEED, out)
    return out.reshape(h.shape)
