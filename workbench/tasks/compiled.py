"""Typed entry to Numba, and the random stream that compiled generators draw from.

The stream is SplitMix64 (Steele, Lea, Flood 2014), written out here so that a seed means the same
puzzles on every platform and with every version of NumPy and Numba.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from refimpl.fast.cache import cached_njit

Function = TypeVar("Function", bound=Callable[..., Any])

_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_MIX_A = np.uint64(0xBF58476D1CE4E5B9)
_MIX_B = np.uint64(0x94D049BB133111EB)


def compiled(function: Function) -> Function:
    """Compile ``function`` in nopython mode and cache the machine code on disk."""
    return cached_njit(function, ("workbench.tasks",), nogil=True)


@compiled
def next_word(stream: NDArray[np.uint64]) -> Any:
    """Advance ``stream`` (uint64, shape (1,)) and return 64 random bits (uint64)."""
    stream[0] += _GAMMA
    z = stream[0]
    z = (z ^ (z >> np.uint64(30))) * _MIX_A
    z = (z ^ (z >> np.uint64(27))) * _MIX_B
    return z ^ (z >> np.uint64(31))


@compiled
def below(stream: NDArray[np.uint64], bound: int) -> Any:
    """Return a random int64 in [0, bound); the bias is under ``bound / 2**32``."""
    return np.int64(((next_word(stream) >> np.uint64(32)) * np.uint64(bound)) >> np.uint64(32))


@compiled
def shuffle(stream: NDArray[np.uint64], values: NDArray[np.int64]) -> None:
    """Permute the vector ``values`` in place (Fisher-Yates)."""
    for last in range(values.size - 1, 0, -1):
        other = below(stream, last + 1)
        kept = values[last]
        values[last] = values[other]
        values[other] = kept


@compiled
def stream_of(seed: int, index: int) -> NDArray[np.uint64]:
    """Return the stream of item ``index`` of a batch, so that an item does not depend on the batch size."""
    stream = np.empty(1, dtype=np.uint64)
    stream[0] = np.uint64(seed)
    stream[0] = next_word(stream) ^ (np.uint64(index) * _MIX_A)
    return stream
