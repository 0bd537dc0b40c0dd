"""Weight formats: float rows -> integer codes and one scale a row.  Spec: section 7.

A format's name says bits and granularity: ``w8t`` one scale a tensor, ``w8c`` one a row, both
symmetric with codes in [-qmax, qmax], qmax = 2^(bits-1) - 1; ``w4t`` is the paper's *naive INT4*.
Rounding is half to even, as in the published code.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from refimpl.errors import InputError, unknown_name

# Kept from the published code: a zero row still gets a scale, so nothing divides by zero.
SCALE_FLOOR = 1e-8
FORMATS = ("w8t", "w8c", "w4t", "w4c")


@dataclass(frozen=True)
class WeightFormat:
    """``bits`` a code, ``per_row``: one scale a row, else one a tensor."""

    name: str
    bits: int
    per_row: bool

    @property
    def qmax(self) -> int:
        return 2 ** (self.bits - 1) - 1


@dataclass(frozen=True)
class QuantizedWeights:
    """codes (N, K) int8, scale (N,) float64 with ``weight ~ codes * scale[:, None]``."""

    codes: npt.NDArray[np.int8]
    scale: npt.NDArray[np.float64]

    def dequantize(self) -> npt.NDArray[np.float64]:
        return self.codes * self.scale[:, None]


def parse_format(name: str) -> WeightFormat:
    """Return the format called ``name``; the error of an unknown name suggests the nearest."""
    match = re.fullmatch(r"w([2-8])([tc])", name)
    if match is None:
        raise unknown_name("weight format", name, FORMATS)
    return WeightFormat(name, int(match[1]), match[2] == "c")


def quantize_weights(weight: npt.NDArray[np.floating], fmt: WeightFormat) -> QuantizedWeights:
    """Symmetric codes of ``weight`` (N, K) by absmax, per row or per tensor.

    Raises InputError when a weight is not finite.
    """
    w = np.asarray(weight, np.float64)
    if not np.isfinite(w).all():
        raise InputError(f"{int((~np.isfinite(w)).sum())} weights are not finite; they cannot be quantized.")
    absmax = np.abs(w).max(axis=1) if fmt.per_row else np.full(len(w), np.abs(w).max())
    scale = np.maximum(absmax / fmt.qmax, SCALE_FLOOR)
    codes = np.clip(np.rint(w / scale[:, None]), -fmt.qmax, fmt.qmax)
    return QuantizedWeights(codes.astype(np.int8), scale)
