"""Leaves of the integer reading: what a flash image stores, as frozen dataclasses.  No float.

A *rescale* is a Q0.31 multiplier with a shift in -31..30: ``value * multiplier * 2^(shift - 31)``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from refimpl.fixedpoint import Rounding

Int8s = npt.NDArray[np.int8]
Int16s = npt.NDArray[np.int16]
Int32s = npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Rescale:
    """One multiplier and shift for a whole tensor.

    The output gains ``output_offset`` (0 throughout our own models; there for int8 zero points of
    other runtimes) and saturates to ``out_bits`` (8, 16 or 32).
    """

    name: str
    multiplier: int
    shift: int
    rounding: Rounding
    out_bits: int = 8
    output_offset: int = 0


@dataclass(frozen=True, eq=False)
class Linear:
    """int8 activations x weights of 2 to 8 bits -> int32 accumulator -> rescaled output.

    codes (N, K) int8 (stored in ``weight_bits`` bits); bias (N,) int32 in accumulator
    units or None; multiplier, shift (N,) int32; the output gains ``output_offset`` after rescaling
    and saturates to ``out_bits``.
    """

    name: str
    weight_bits: int
    codes: Int8s
    bias: Int32s | None
    multiplier: Int32s
    shift: Int32s
    rounding: Rounding
    out_bits: int
    output_offset: int = 0


@dataclass(frozen=True, eq=False)
class Silu:
    """256 int8 entries; entry i is the output for the int8 input i - 128."""

    name: str
    table: Int8s


@dataclass(frozen=True, eq=False)
class Norm:
    """RMSNorm over ``size`` values with STATE_FRAC_BITS fractional bits.

    ``gain`` = round(sqrt(size / 2) * 2^25); ``eps`` = size * round(eps * 2^20), added to the sum of
    squares.
    """

    name: str
    size: int
    gain: int
    eps: int


@dataclass(frozen=True, eq=False)
class Rope:
    """cos and sin in Q1.14, each (T, d/2) int16; half-split: columns j and j + d/2 turn together.

    ``coarse``, ``fine``: what an image stores in their place (:mod:`refimpl.angles`); None outside a model.
    """

    name: str
    cos: Int16s
    sin: Int16s
    coarse: Int32s | None = None
    fine: Int32s | None = None


@dataclass(frozen=True, eq=False)
class Softmax:
    """Input scale as Q0.31 multiplier and left shift; differences below ``diff_min`` give 0."""

    name: str
    multiplier: int
    shift: int
    diff_min: int


@dataclass(frozen=True, eq=False)
class RowTable:
    """Embedding rows: int8 codes (rows, D), one multiplier and shift a row, output in state units."""

    name: str
    codes: Int8s
    multiplier: Int32s
    shift: Int32s
    rounding: Rounding

    def rows(self, indices: npt.NDArray[np.integer]) -> tuple[Int8s, Int32s, Int32s]:
        """Return (codes, multiplier, shift) of the wanted rows."""
        return self.codes[indices], self.multiplier[indices], self.shift[indices]
