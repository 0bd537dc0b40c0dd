"""``w4a`` and ``w4an``: one scale and one zero point a row.

``w4a`` has codes 0..15 and a zero point that is not clamped: the paper's *calibrated INT4* as its script has
it.  ``w4an`` is the same on the signed grid of the paper's notebook: codes and zero point in [-8, 7].
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from refimpl.errors import InputError
from refimpl.formats.weights import (
    SCALE_FLOOR,
    Float64s,
    Int64s,
    QuantizedWeights,
    StoredWeights,
    WeightFormat,
)
from refimpl.params import Int8s


@dataclass(frozen=True)
class ZeroPoint(WeightFormat):
    """``offset`` is what lies between the published grid and signed nibbles: 8 for 0..15, else 0."""

    offset: int = 0

    zero_point: ClassVar[bool] = True

    def _quantize(self, w: Float64s) -> QuantizedWeights:
        low, high = w.min(axis=1), w.max(axis=1)
        scale = np.maximum((high - low) / 15, SCALE_FLOOR)
        if self.offset:
            zero_point = np.rint(-low / scale)
            codes = np.clip(np.rint(w / scale[:, None]) + zero_point[:, None], 0, 15)
        else:
            zero_point = np.clip(np.rint(-8 - low / scale), -8, 7)
            codes = np.clip(np.rint(w / scale[:, None] + zero_point[:, None]), -8, 7)
        return QuantizedWeights(codes.astype(np.int8), scale, zero_point.astype(np.int64))

    def _stored(self, w: Float64s, where: str) -> StoredWeights:
        published = self._quantize(w)
        assert published.zero_point is not None
        zero_point = _int8_zero_points(published.zero_point - self.offset, where)
        return StoredWeights(published.codes - np.int8(self.offset), published.scale, zero_point)


def _int8_zero_points(zero_point: Int64s, where: str) -> Int8s:
    outside = np.flatnonzero((zero_point < -128) | (zero_point > 127))
    if len(outside):
        row = int(outside[0])
        raise InputError(
            f"{where}: row {row} has zero point {zero_point[row]}, outside int8 "
            f"({len(outside)} such rows); emulate it (carry float) or use a symmetric format."
        )
    return zero_point.astype(np.int8)


def parse(name: str) -> ZeroPoint | None:
    """The format of this family called ``name``, or None."""
    offsets = {"w4a": 8, "w4an": 0}
    return ZeroPoint(name, 4, offset=offsets[name]) if name in offsets else None
