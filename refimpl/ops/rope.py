"""Rotary positions.  Spec: OP-ROPE."""

from __future__ import annotations

import numpy as np

from refimpl.fixedpoint import ROPE_FRAC_BITS, clamp, rounding_shift
from refimpl.params import Int8s, Rope


def rope(a: Int8s, p: Rope) -> Int8s:
    """``a cos + rotate_half(a) sin`` in Q1.14, shifted back ties away from zero; int8 in and out.

    a : (B, h, T, d).  Input and output share one scale, which calibration takes after the rotation,
    so the output saturates rarely.
    """
    half = a.shape[-1] // 2
    wide = a.astype(np.int32)
    rotated = np.concatenate([-wide[..., half:], wide[..., :half]], axis=-1)
    turned = wide * p.cos + rotated * p.sin
    return clamp(rounding_shift(turned, ROPE_FRAC_BITS), 8).astype(np.int8)
