"""What every weight format is: codes of some width, and what each row carries beside them.  Spec: section 7.

One file of this package a family: how real weights become published codes and scales, what an image stores of
them, and which parts a row has.  Bytes, bounds, tiles and costs follow from those parts.  Rounding is half to
even, as in the published code.
"""

from __future__ import annotations

import zlib
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from refimpl.block_params import Factors
from refimpl.errors import InputError
from refimpl.params import Int8s

Float64s = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]
Floats = npt.NDArray[np.floating]

# Kept from the published code: a zero row still gets a scale, so nothing divides by zero.
SCALE_FLOOR = 1e-8


@dataclass(frozen=True)
class QuantizedWeights:
    """``weight ~ (codes - zero_point[:, None]) * scale[:, None] * block_scale`` (spread over its inputs).

    Scales are real numbers, as published.  codes (N, K) int8; scale (N,); zero_point (N,) int64, or None
    for 0; block_scale (N, blocks), or None for 1.
    """

    codes: Int8s
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


@dataclass(frozen=True)
class StoredWeights:
    """What an image holds: codes with integer zero points and block factors (see
    :class:`refimpl.block_params.BlockLinear`), and the real scale of each row."""

    codes: Int8s
    row_scale: Float64s
    zero_point: Int8s | None = None
    block_scale: npt.NDArray[np.uint8] | None = None


@dataclass(frozen=True)
class WeightFormat(ABC):
    """A named format: ``bits`` a stored code, ``block`` inputs that share a factor (0: a whole row).

    ``zero_point``: each row has one, an int8.  ``factors``: how the byte of a block is read, None without
    blocks.  ``integer``: an integer program exists; otherwise the format is emulated in float.
    """

    name: str
    bits: int
    block: int = 0

    zero_point: ClassVar[bool] = False
    factors: ClassVar[Factors | None] = None
    integer: ClassVar[bool] = True

    @property
    def qmax(self) -> int:
        """Largest code of a symmetric format."""
        return (1 << self.bits - 1) - 1

    @property
    def plain(self) -> bool:
        """One scale a row and nothing else: OP-LINEAR takes the codes as they are, in an int32 sum."""
        return not self.zero_point and self.factors is None

    def blocks(self, inner: int) -> int:
        """Blocks of a row of ``inner`` inputs; the last may be short."""
        return -(-inner // self.block) if self.block else 0

    def quantize(self, weight: Floats) -> QuantizedWeights:
        """Published codes and scales of ``weight`` (N, K); InputError when a weight is not finite."""
        return self._quantize(finite(weight))

    def stored(self, weight: Floats, where: str) -> StoredWeights:
        """The integers of ``weight`` (N, K); InputError, with ``where``, for rows without such a form."""
        return self._stored(finite(weight), where)

    def emulated(self, weight: Floats, where: str = "") -> Floats:
        """``weight`` rounded to the format and back, in its own dtype."""
        return np.asarray(self.quantize(weight).dequantize().astype(weight.dtype))

    @abstractmethod
    def _quantize(self, w: Float64s) -> QuantizedWeights: ...

    def _stored(self, w: Float64s, where: str) -> StoredWeights:
        quantized = self._quantize(w)
        return StoredWeights(quantized.codes, quantized.scale)


def finite(weight: Floats) -> Float64s:
    """``weight`` in float64, refused where a value is not finite."""
    w = np.asarray(weight, np.float64)
    if not np.isfinite(w).all():
        raise InputError(f"{int((~np.isfinite(w)).sum())} weights are not finite; they cannot be quantized.")
    return w


def nearest_codes(w: Float64s, scale: Float64s, lowest: int, highest: int) -> Int8s:
    """``w / scale``, half to even, cut to [lowest, highest]."""
    return np.clip(np.rint(w / scale), lowest, highest).astype(np.int8)


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


@dataclass(frozen=True)
class Exact(WeightFormat):
    """``fp32``: the weights as they are."""

    integer: ClassVar[bool] = False

    def emulated(self, weight: Floats, where: str = "") -> Floats:
        return weight

    def _quantize(self, w: Float64s) -> QuantizedWeights:
        raise InputError(f"{self.name} has no codes.")


@dataclass(frozen=True)
class Noise(Exact):
    """``noise<s>``: normal noise of ``s`` times the tensor's standard deviation is added, from a stream
    seeded by the tensor's name: the zero-mean control of the published study."""

    level: float = 0.0

    def emulated(self, weight: Floats, where: str = "") -> Floats:
        generator = np.random.default_rng(zlib.crc32(where.encode()))
        noise = generator.standard_normal(weight.shape) * (self.level * float(weight.std()))
        return (weight + noise).astype(weight.dtype)
