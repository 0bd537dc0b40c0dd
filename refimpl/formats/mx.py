"""``mxint4``: blocks of 32 inputs, power-of-two scale, codes in [-7, 7].

The exponent is the smallest e with ``absmax <= 7 * 2^e``.  Stored is how far it lies above the
row's smallest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from refimpl.block_params import EXPONENT_SPAN, MX_BLOCK, MX_CODE_MAX, Factors
from refimpl.formats.weights import (
    Float64s,
    Int64s,
    QuantizedWeights,
    StoredWeights,
    WeightFormat,
    blocks_of,
    nearest_codes,
    spread,
)


def mx_exponents(absmax: Float64s) -> Int64s:
    """The smallest e with ``absmax <= 7 * 2^e``; 0 where absmax is 0.  Exact: compares, never rounds."""
    _, exponent = np.frexp(absmax / MX_CODE_MAX)
    exponent = exponent.astype(np.int64)
    exponent += absmax > np.ldexp(float(MX_CODE_MAX), exponent)
    exponent -= absmax <= np.ldexp(float(MX_CODE_MAX), exponent - 1)
    return np.where(absmax > 0, exponent, 0)


@dataclass(frozen=True)
class Mx(WeightFormat):
    """Stored exponents span at most EXPONENT_SPAN; smaller ones are raised before codes are taken."""

    factors: ClassVar[Factors | None] = "exponent"

    def _quantize(self, w: Float64s) -> QuantizedWeights:
        scale = np.ldexp(1.0, mx_exponents(np.abs(blocks_of(w, self.block)).max(axis=2)))
        codes = nearest_codes(w, spread(scale, self.block, w.shape[1]), -self.qmax, self.qmax)
        return QuantizedWeights(codes, np.ones(len(w)), None, scale, self.block)

    def _stored(self, w: Float64s, where: str) -> StoredWeights:
        absmax = np.abs(blocks_of(w, self.block)).max(axis=2)
        exponent = mx_exponents(absmax)
        used = absmax > 0  # zero blocks take the row's smallest exponent
        lowest = np.where(used, exponent, np.iinfo(np.int64).max).min(axis=1, keepdims=True)
        lowest = np.where(used.any(axis=1, keepdims=True), lowest, 0)
        exponent = np.where(used, exponent, lowest)
        exponent = np.maximum(exponent, exponent.max(axis=1, keepdims=True) - EXPONENT_SPAN)
        smallest = exponent.min(axis=1)
        step = spread(np.ldexp(1.0, exponent), self.block, w.shape[1])
        codes = nearest_codes(w, step, -self.qmax, self.qmax)
        above = (exponent - smallest[:, None]).astype(np.uint8)
        return StoredWeights(codes, np.ldexp(1.0, smallest), None, above)


def parse(name: str) -> Mx | None:
    """The format of this family called ``name``, or None."""
    return Mx(name, 4, MX_BLOCK) if name == "mxint4" else None
