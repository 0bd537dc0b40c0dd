"""A number that knows where it came from.

Everything the simulator is told about hardware is a :class:`Figure` or a :class:`Span`; whatever is
computed from several rests on the weakest of their bases.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import sqrt
from typing import Literal, get_args

Basis = Literal["measured", "datasheet", "fitted", "assumed"]

# From the strongest to the weakest: measured by this project with compiled code; read in text that the
# vendor or the kernel's own project published; computed from published measurements on boards
# (mcusim/silicon.py); none of these.
BASES: tuple[Basis, ...] = get_args(Basis)


@dataclass(frozen=True)
class Figure:
    """One number in SI units (bytes, hertz, bytes a second) or a plain count."""

    value: float
    basis: Basis
    source: str

    @property
    def count(self) -> int:
        """The value as the integer it is."""
        return round(self.value)


@dataclass(frozen=True)
class Span:
    """A number known only as a range."""

    low: float
    high: float
    basis: Basis
    source: str

    @property
    def error(self) -> float:
        """Half the range, relative to its middle."""
        return (self.high - self.low) / (self.high + self.low)

    @property
    def factor(self) -> float:
        """How far either end lies from the geometric middle."""
        return sqrt(self.high / self.low)


@dataclass(frozen=True)
class Range:
    """A computed result between two ends."""

    low: float
    high: float

    def __add__(self, other: Range) -> Range:
        return Range(self.low + other.low, self.high + other.high)


def weakest(figures: Iterable[Figure | Span]) -> Figure | Span:
    """Return the figure with the weakest basis, the first of equals; there must be at least one."""
    return max(figures, key=lambda figure: BASES.index(figure.basis))
