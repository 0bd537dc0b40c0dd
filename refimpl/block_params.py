"""Leaves beyond one int8 scale a tensor: wide activations, zero points, groups, blocks, online quantizers.

No float.  The model text does not change: where an input is quantized *online* (per token or per block),
its site holds a :class:`Keep` and the linear that reads the wide value quantizes it.  Spec: section 9.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from refimpl.params import Int8s, Int32s, Norm, Rescale

Uint8s = npt.NDArray[np.uint8]
Online = Literal["static", "token", "mx"]
# How the stored byte of a block becomes the factor of its weights: as it is, as a power of
# two, or as an int8.
Factors = Literal["scale", "exponent", "signed"]
FACTORS: tuple[Factors, ...] = ("scale", "exponent", "signed")  # the image and the vectors store the index

MX_BLOCK = 32  # inputs that share a power-of-two scale
MX_CODE_MAX = 7
# Exponents of one row (weights or activations) span at most this much; smaller ones are raised, so that
# aligned block sums stay within int64: 7 * 2^15 twice, times 2^11 inputs, stays below 2^47.
EXPONENT_SPAN = 15
TOKEN_CODE_MAX = 127


@dataclass(frozen=True, eq=False)
class Keep:
    """A site that stays wide (int32); the linear reading it quantizes online."""

    name: str


@dataclass(frozen=True, eq=False)
class BlockLinear:
    """Linear with an int64 accumulator and one 64-bit rounding (OP-BLOCK-LINEAR).

    Weight of row n, input k: ``(codes[n, k] - zero_point[n]) * factor``, where the factor of the block k
    lies in is 1 without ``block_scale``, else what ``factors`` makes of ``block_scale[n, k // block]``:
    itself (``scale``, 1..255), two to the power of it (``exponent``: above the row's smallest, 0..15), or its
    bits as an int8 other than 0 (``signed``).

    codes (N, K) int8; zero_point (N,) int8 or None; block_scale (N, ceil(K / block)) uint8 or None; bias
    (N,) int32 in output units or None; multiplier Q0.31, shift in -31..14, both (N,) int32.
    ``activations``: ``static`` takes int8 or int16 codes; ``token`` and ``mx`` take int32 values and
    quantize them online.
    """

    name: str
    weight_bits: int
    codes: Int8s
    zero_point: Int8s | None
    block: int
    block_scale: Uint8s | None
    factors: Factors
    bias: Int32s | None
    multiplier: Int32s
    shift: Int32s
    out_bits: int
    activations: Online


def factor_values(stored: Uint8s, factors: Factors) -> npt.NDArray[np.int64]:
    """The factors that stored bytes stand for."""
    if factors == "signed":
        return stored.view(np.int8).astype(np.int64)
    values = stored.astype(np.int64)
    return np.asarray(np.int64(1) << values if factors == "exponent" else values)


@dataclass(frozen=True, eq=False)
class Int8Norm:
    """RMSNorm whose output is stored as int8 codes and read back as state units (int8 carry).

    ``to_code``: state units -> int8, saturating; ``to_state``: code -> int16 state units.  The array
    between operators holds the value read back, so sums of states see nothing but state units.
    """

    name: str
    norm: Norm
    to_code: Rescale
    to_state: Rescale

    @property
    def size(self) -> int:
        return self.norm.size
