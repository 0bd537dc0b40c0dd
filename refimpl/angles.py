"""cos and sin of every position from two small tables, turned together.  Spec: NUM-ANGLES."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from refimpl.fixedpoint import ROPE_FRAC_BITS, clamp
from refimpl.layout import split
from refimpl.params import Int16s, Int32s, Rope

STEP = 32  # positions between two rows of the coarse table; the fine one has the positions in between
FRAC_BITS = 30
SHIFT = 2 * FRAC_BITS - ROPE_FRAC_BITS


def turned(coarse: Int32s, fine: Int32s) -> tuple[Int16s, Int16s]:
    """cos and sin in Q1.14 of sums of two angles, each (..., d) in Q30: cosines, then as many sines."""
    (c, s), (e, t) = split(coarse.astype(np.int64)), split(fine.astype(np.int64))
    exact = c * e - s * t + (1 << SHIFT - 1), s * e + c * t + (1 << SHIFT - 1)
    return clamp(exact[0] >> SHIFT, 16).astype(np.int16), clamp(exact[1] >> SHIFT, 16).astype(np.int16)


def rope_of(name: str, coarse: Int32s, fine: Int32s, positions: int) -> Rope:
    """The rotation of ``positions`` positions from (ceil(positions / 32), d) and (up to 32, d) int32."""
    at = np.arange(positions)
    return Rope(name, *turned(coarse[at // STEP], fine[at % STEP]), coarse, fine)


def within_one(table: Int32s | None) -> bool:
    """Then products of two entries fit 63 bits."""
    return table is None or bool((np.abs(table.astype(np.int64)) <= 1 << FRAC_BITS).all())


def angle_tables(cos: npt.NDArray[np.floating], sin: npt.NDArray[np.floating]) -> tuple[Int32s, Int32s]:
    """Both tables in Q30, half to even, from (T, d/2) float64 cosines and sines."""
    codes = np.rint(np.concatenate([cos, sin], axis=1) * 2**FRAC_BITS).astype(np.int32)
    return codes[::STEP], codes[:STEP]
