"""RMSNorm with an integer reciprocal square root.  Spec: OP-RMS-NORM."""

from __future__ import annotations

import numpy as np

from refimpl.block_params import Int8Norm
from refimpl.fixedpoint import Ints, clamp, normalise_even, reciprocal_root
from refimpl.ops.int8_norm import stored_as_int8
from refimpl.params import Int16s, Norm


def rms_norm(h: Ints, p: Norm | Int8Norm) -> Int16s:
    """``h / sqrt(mean(h^2) + eps)`` over the last axis, int32 state units in, int16 Q5.10 out.

    The sum of squares is int64 and exact.  With ``sum + eps = m * 2^s`` (s even) and
    ``y = 2^30 / sqrt(m / 2^31)``, a row's factor is ``g = y * gain >> 30`` (< 2^31) and an element
    ``(h * g + 2^(e - 1)) >> e`` with ``e = 30 + s / 2``, one rounding, ties up, then int16 saturation.
    """
    if isinstance(p, Int8Norm):
        return stored_as_int8(rms_norm(h, p.norm), p)
    h = h.astype(np.int64)
    total = np.sum(h * h, axis=-1, keepdims=True) + p.eps
    m, s = normalise_even(total)
    g = reciprocal_root(m) * p.gain >> 30
    exponent = 30 + (s >> 1)
    return clamp(h * g + (np.int64(1) << exponent - 1) >> exponent, 16).astype(np.int16)
