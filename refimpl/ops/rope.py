"""Rotary positions.  Spec: OP-ROPE."""

from __future__ import annotations

import numpy as np

from refimpl.fixedpoint import ROPE_FRAC_BITS, clamp, rounding_shift
from refimpl.layout import split
from refimpl.params import Int8s, Rope


def rope(a: Int8s, p: Rope) -> Int8s:
    """Half-split rotation ``(x cos - y sin, y cos + x sin)``, x and y the halves of the last axis.

    a : (B, h, T, d).  Products in Q1.14, shifted back ties away from zero.  Input and output share one
    scale, which calibration takes after the rotation, so the output saturates rarely.
    """
    x, y = split(a.astype(np.int32))
    turned = np.concatenate([x * p.cos - y * p.sin, y * p.cos + x * p.sin], axis=-1)
    return clamp(rounding_shift(turned, ROPE_FRAC_BITS), 8).astype(np.int8)
