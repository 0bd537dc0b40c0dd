"""``w<b>g<n>``: one symmetric scale for every n inputs of a row.

Stored, a group's scale is one byte, 1..255, times a real scale of its row.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from refimpl.block_params import Factors
from refimpl.formats.weights import (
    SCALE_FLOOR,
    Float64s,
    QuantizedWeights,
    StoredWeights,
    WeightFormat,
    blocks_of,
    nearest_codes,
    spread,
)

GROUP_SCALE_MAX = 255


@dataclass(frozen=True)
class Groups(WeightFormat):
    """Codes in [-qmax, qmax]; the stored scale is rounded up, so no code is cut off."""

    factors: ClassVar[Factors | None] = "scale"

    def _quantize(self, w: Float64s) -> QuantizedWeights:
        scale = np.maximum(np.abs(blocks_of(w, self.block)).max(axis=2) / self.qmax, SCALE_FLOOR)
        codes = nearest_codes(w, spread(scale, self.block, w.shape[1]), -self.qmax, self.qmax)
        return QuantizedWeights(codes, np.ones(len(w)), None, scale, self.block)

    def _stored(self, w: Float64s, where: str) -> StoredWeights:
        wanted = np.abs(blocks_of(w, self.block)).max(axis=2) / self.qmax
        row_scale = np.maximum(wanted.max(axis=1) / GROUP_SCALE_MAX, SCALE_FLOOR)
        stored = np.clip(np.ceil(wanted / row_scale[:, None]), 1, GROUP_SCALE_MAX)
        step = spread(stored * row_scale[:, None], self.block, w.shape[1])
        codes = nearest_codes(w, step, -self.qmax, self.qmax)
        return StoredWeights(codes, row_scale, None, stored.astype(np.uint8))


def parse(name: str) -> Groups | None:
    """The format of this family called ``name``, or None."""
    match = re.fullmatch(r"w([2-8])g([1-9]\d{0,4})", name)
    return match and Groups(name, int(match[1]), int(match[2]))
