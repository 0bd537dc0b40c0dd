"""Scalar rounding rules for Numba kernels: the twins of :mod:`refimpl.fixedpoint`.

Everything is int64 inside a kernel.  ``njit`` below is the one place where compile options stand:
cached on disk, no GIL, no fast-math (there is no float), no parallel loops (results could not change,
but compile time would triple; callers run puzzles side by side instead).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

from refimpl.fast.cache import cached_njit

F = TypeVar("F", bound=Callable[..., Any])
SOURCES = ("refimpl", "refimpl.ops", "refimpl.fast")  # whose rules and constants a kernel may take in
Scalar: TypeAlias = Any  # a kernel-local int64; NumPy and Python integers both come in


def njit(function: F) -> F:
    """Compile on first use and cache on disk."""
    return cached_njit(function, SOURCES, nogil=True, boundscheck=False)


def inline(function: F) -> F:
    """Compile into each caller."""
    return cached_njit(function, SOURCES, nogil=True, inline="always")


@inline
def rounding_shift(x: Scalar, exponent: Scalar) -> Scalar:
    """``x / 2^exponent``, ties away from zero: half minus one is added below zero."""
    return (x + ((1 << exponent) >> 1) - ((x < 0) & (exponent > 0))) >> exponent


@inline
def saturating_high_multiply(a: Scalar, b: Scalar) -> Scalar:
    return min((a * b + (1 << 30)) >> 31, 2147483647)
