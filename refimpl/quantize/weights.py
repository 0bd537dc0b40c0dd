"""Weight formats: float rows -> integer codes and scales.  Spec: section 7.

A format's name says bits and granularity:

``w<b>t``, ``w<b>c``  one symmetric scale a tensor, or one a row; codes in [-qmax, qmax] with
                  qmax = 2^(b-1) - 1, b = 2..8.  ``w4t`` is the paper's *naive INT4*.
``w4a``           one scale and one zero point a row, codes 0..15, zero point not clamped: the paper's
                  *calibrated INT4* as its script has it.
``w4an``          the same on the signed grid of the paper's notebook: codes and zero point in [-8, 7].
``w<b>g<n>``      one symmetric scale for every n inputs of a row.
``mxint4``        blocks of 32 inputs, power-of-two scale, codes in [-7, 7]; the exponent is the smallest
                  e with absmax <= 7 * 2^e.
``ternary``       codes -1, 0, 1; the scale of the tensor is the mean magnitude (BitNet b1.58).

Rounding is half to even, as in the published code.  Here scales are real numbers, as published; what an
image stores of them is the business of :mod:`refimpl.quantize.lower`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from refimpl.errors import InputError, unknown_name

Granularity = Literal["tensor", "row", "asymmetric", "signed-asymmetric", "group", "mx", "ternary"]
Float64s = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]

# Kept from the published code: a zero row still gets a scale, so nothing divides by zero.
SCALE_FLOOR = 1e-8
MX_BLOCK = 32
MX_QMAX = 7
FORMATS = (
    "w8t", "w8c", "w6c", "w4t", "w4c", "w4a", "w4an", "w4g32", "w4g128", "w3c", "w2c", "ternary", "mxint4",
)  # fmt: skip


@dataclass(frozen=True)
class WeightFormat:
    """``bits`` a code; ``block``: inputs that share a scale, 0 where a whole row (or tensor) does."""

    name: str
    bits: int
    granularity: Granularity
    block: int = 0

    @property
    def qmax(self) -> int:
        """Largest code of a symmetric format."""
        return (1 << self.bits - 1) - 1


@dataclass(frozen=True)
class QuantizedWeights:
    """``weight ~ (codes - zero_point[:, None]) * scale[:, None] * block_scale`` (spread over its inputs).

    codes (N, K) int8; scale (N,); zero_point (N,) int64, or None for 0; block_scale (N, blocks), or
    None for 1.
    """

    codes: npt.NDArray[np.int8]
    scale: Float64s
    zero_point: Int64s | None = None
    block_scale: Float64s | None = None
    block: int = 0

    def dequantize(self) -> Float64s:
        values = self.codes.astype(np.float64)
        if self.zero_point is not None:
            values = values - self.zero_point[:, None]
        if self.block_scale is not None:
            values = values * spread(self.block_scale, self.block, values.shape[1])
        return np.asarray(values * self.scale[:, None])


def parse_format(name: str) -> WeightFormat:
    """Return the format called ``name``; the error of an unknown name suggests the nearest."""
    fixed: dict[str, tuple[int, Granularity, int]] = {
        "w4a": (4, "asymmetric", 0),
        "w4an": (4, "signed-asymmetric", 0),
        "ternary": (2, "ternary", 0),
        "mxint4": (4, "mx", MX_BLOCK),
    }
    if name in fixed:
        return WeightFormat(name, *fixed[name])
    if match := re.fullmatch(r"w([2-8])([tc])", name):
        return WeightFormat(name, int(match[1]), "row" if match[2] == "c" else "tensor")
    if match := re.fullmatch(r"w([2-8])g([1-9]\d{0,4})", name):
        return WeightFormat(name, int(match[1]), "group", int(match[2]))
    raise unknown_name("weight format", name, FORMATS)


def blocks_of(weight: Float64s, block: int) -> Float64s:
    """(N, K) -> (N, blocks, block), the last block zero padded."""
    rows, inner = weight.shape
    count = -(-inner // block)
    padded = np.zeros((rows, count * block))
    padded[:, :inner] = weight
    return padded.reshape(rows, count, block)


def spread(block_values: Float64s, block: int, inner: int) -> Float64s:
    """One value a block (N, blocks) -> one an input (N, inner)."""
    return np.repeat(block_values, block, axis=1)[:, :inner]


def mx_exponents(absmax: Float64s) -> Int64s:
    """The smallest e with ``absmax <= 7 * 2^e``; 0 where absmax is 0.  Exact: compares, never rounds."""
    _, exponent = np.frexp(absmax / MX_QMAX)
    exponent = exponent.astype(np.int64)
    exponent += absmax > np.ldexp(float(MX_QMAX), exponent)
    exponent -= absmax <= np.ldexp(float(MX_QMAX), exponent - 1)
    return np.where(absmax > 0, exponent, 0)


def _symmetric(weight: Float64s, scale: Float64s, qmax: int) -> npt.NDArray[np.int8]:
    return np.clip(np.rint(weight / scale), -qmax, qmax).astype(np.int8)


def _asymmetric(w: Float64s, signed: bool) -> QuantizedWeights:
    low, high = w.min(axis=1), w.max(axis=1)
    scale = np.maximum((high - low) / 15, SCALE_FLOOR)
    if signed:
        zero_point = np.clip(np.rint(-8 - low / scale), -8, 7)
        codes = np.clip(np.rint(w / scale[:, None] + zero_point[:, None]), -8, 7)
    else:
        zero_point = np.rint(-low / scale)
        codes = np.clip(np.rint(w / scale[:, None]) + zero_point[:, None], 0, 15)
    return QuantizedWeights(codes.astype(np.int8), scale, zero_point.astype(np.int64))


def quantize_weights(weight: npt.NDArray[np.floating], fmt: WeightFormat) -> QuantizedWeights:
    """Codes and scales of ``weight`` (N, K).

    Raises InputError when a weight is not finite.
    """
    w = np.asarray(weight, np.float64)
    if not np.isfinite(w).all():
        raise InputError(f"{int((~np.isfinite(w)).sum())} weights are not finite; they cannot be quantized.")
    rows, inner = w.shape
    ones = np.ones(rows)
    if fmt.granularity in ("asymmetric", "signed-asymmetric"):
        return _asymmetric(w, fmt.granularity == "signed-asymmetric")
    if fmt.granularity in ("group", "mx"):
        absmax = np.abs(blocks_of(w, fmt.block)).max(axis=2)
        if fmt.granularity == "mx":
            block_scale = np.ldexp(1.0, mx_exponents(absmax))
        else:
            block_scale = np.maximum(absmax / fmt.qmax, SCALE_FLOOR)
        codes = _symmetric(w, spread(block_scale, fmt.block, inner), fmt.qmax)
        return QuantizedWeights(codes, ones, None, block_scale, fmt.block)
    if fmt.granularity == "ternary":
        scale = ones * max(np.abs(w).mean(), SCALE_FLOOR)
    elif fmt.granularity == "row":
        scale = np.maximum(np.abs(w).max(axis=1) / fmt.qmax, SCALE_FLOOR)
    else:
        scale = np.maximum(ones * np.abs(w).max() / fmt.qmax, SCALE_FLOOR)
    return QuantizedWeights(_symmetric(w, scale[:, None], fmt.qmax), scale)
