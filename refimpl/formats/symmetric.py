"""``w<b>t`` and ``w<b>c``: one symmetric scale a tensor, or one a row; ``ternary``: -1, 0, 1.

Codes lie in [-qmax, qmax] with qmax = 2^(b-1) - 1, b = 2..8.  ``w4t`` is the paper's *naive INT4*.  The
scale of a ternary tensor is its mean magnitude (BitNet b1.58).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

import numpy as np

from refimpl.formats.weights import SCALE_FLOOR, Float64s, QuantizedWeights, WeightFormat, nearest_codes

Scale = Literal["tensor", "row", "mean"]


@dataclass(frozen=True)
class Symmetric(WeightFormat):
    """``scale``: absmax of the tensor or of each row over qmax, or the tensor's mean magnitude."""

    scale: Scale = "row"

    def _quantize(self, w: Float64s) -> QuantizedWeights:
        magnitude = np.abs(w)
        if self.scale == "row":
            real = magnitude.max(axis=1) / self.qmax
        else:
            whole = magnitude.mean() if self.scale == "mean" else magnitude.max() / self.qmax
            real = np.full(len(w), whole)
        scale = np.maximum(real, SCALE_FLOOR)
        return QuantizedWeights(nearest_codes(w, scale[:, None], -self.qmax, self.qmax), scale)


def parse(name: str) -> Symmetric | None:
    """The format of this family called ``name``, or None."""
    if name == "ternary":
        return Symmetric(name, 2, scale="mean")
    match = re.fullmatch(r"w([2-8])([tc])", name)
    return match and Symmetric(name, int(match[1]), scale="row" if match[2] == "c" else "tensor")
