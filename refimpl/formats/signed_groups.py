"""``w<b>g<n>s``: groups of n inputs with a signed scale, an int8 times a real scale of the row.

Two's-complement codes reach one further down than up.  The input of largest magnitude in a group gets the
code -2^(b - 1), and the sign of the scale sends it to its own side: all 2^b codes are used, where
``w<b>g<n>`` uses 2^b - 1, so the step is qmax / (qmax + 1) of its step.
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

SIGNED_SCALE_MAX = 127


@dataclass(frozen=True)
class SignedGroups(WeightFormat):
    """A group of zeros gets scale 1 (stored) or the floor (published), and codes 0."""

    factors: ClassVar[Factors | None] = "signed"

    def _scales(self, w: Float64s) -> Float64s:
        """Scale of each group: its input of largest magnitude (the first of equals) over -2^(b - 1)."""
        blocks = blocks_of(w, self.block)
        at = np.abs(blocks).argmax(axis=2)[..., None]
        return np.asarray(np.take_along_axis(blocks, at, axis=2)[..., 0] / -(self.qmax + 1))

    def _codes(self, w: Float64s, scale: Float64s) -> QuantizedWeights:
        codes = nearest_codes(w, spread(scale, self.block, w.shape[1]), -self.qmax - 1, self.qmax)
        return QuantizedWeights(codes, np.ones(len(w)), None, scale, self.block)

    def _quantize(self, w: Float64s) -> QuantizedWeights:
        wanted = self._scales(w)
        return self._codes(w, np.where(np.abs(wanted) < SCALE_FLOOR, SCALE_FLOOR, wanted))

    def _stored(self, w: Float64s, where: str) -> StoredWeights:
        """Stored scales are rounded away from 0, so no code is cut off."""
        wanted = self._scales(w)
        row_scale = np.maximum(np.abs(wanted).max(axis=1) / SIGNED_SCALE_MAX, SCALE_FLOOR)
        magnitude = np.clip(np.ceil(np.abs(wanted) / row_scale[:, None]), 1, SIGNED_SCALE_MAX)
        stored = np.where(wanted < 0, -magnitude, magnitude)
        codes = self._codes(w, stored * row_scale[:, None]).codes
        return StoredWeights(codes, row_scale, None, stored.astype(np.int8).view(np.uint8))


def parse(name: str) -> SignedGroups | None:
    """The format of this family called ``name``, or None."""
    match = re.fullmatch(r"w([2-8])g([1-9]\d{0,4})s", name)
    return match and SignedGroups(name, int(match[1]), int(match[2]))
