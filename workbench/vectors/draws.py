"""Seeded integers that are the same on every platform and NumPy version: SplitMix64 in counter mode."""

from __future__ import annotations

import zlib

import numpy as np
import numpy.typing as npt

Int64s = npt.NDArray[np.int64]
GAMMA = 0x9E3779B97F4A7C15


class Draws:
    """A stream named by ``seed``; each call continues it."""

    def __init__(self, seed: str) -> None:
        self.state = (zlib.crc32(seed.encode()) + 1) * GAMMA & 2**64 - 1

    def bits(self, count: int) -> npt.NDArray[np.uint64]:
        """``count`` 64-bit words."""
        z = np.uint64(self.state) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(GAMMA)
        self.state = self.state + count * GAMMA & 2**64 - 1
        z = (z ^ z >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ z >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
        return z ^ z >> np.uint64(31)

    def integer(self, low: int, high: int) -> int:
        """One integer in [low, high]: what :meth:`integers` without a shape would draw."""
        self.state = z = self.state + GAMMA & 2**64 - 1
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & 2**64 - 1
        z = (z ^ z >> 27) * 0x94D049BB133111EB & 2**64 - 1
        return (z ^ z >> 31) % (high - low + 1) + low

    def integers(self, low: int, high: int, *shape: int) -> Int64s:
        """Integers in [low, high], both ends included, of ``shape``."""
        words = self.bits(int(np.prod(shape)))
        return (words % np.uint64(high - low + 1)).astype(np.int64).reshape(shape) + low
