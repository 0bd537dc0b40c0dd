"""A flash that flips bits on the way into the arena, and the CRC32 that notices.

For asking what a damaged read would do: every tile of weights that passes through the arena is checked
against the CRC32 of what the image holds; a damaged one is read again, or, without the check, used.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from refimpl.errors import InputError

Bytes = npt.NDArray[np.uint8]


@dataclass
class NoisyFlash:
    """Flip one bit in ``every`` bytes read, at places drawn from ``seed``.

    ``check`` compares CRC32s and reads a damaged tile again.  ``flipped`` and ``detected`` count bits and
    tiles; ``read_again`` counts bytes.
    """

    every: int
    seed: int = 0
    check: bool = True
    flipped: int = 0
    detected: int = 0
    read_again: int = 0
    _rng: np.random.Generator = field(init=False)

    def __post_init__(self) -> None:
        if self.every < 1:
            raise InputError(f"one flipped bit in {self.every} bytes is no rate; it takes at least 1 byte.")
        self._rng = np.random.default_rng(self.seed)

    def deliver(self, packed: Bytes) -> Bytes:
        """What arrives when ``packed`` is read."""
        arrived = self._once(packed)
        while self.check and zlib.crc32(arrived.tobytes()) != zlib.crc32(packed.tobytes()):
            self.detected += 1
            self.read_again += packed.size
            arrived = self._once(packed)
        return arrived

    def _once(self, packed: Bytes) -> Bytes:
        arrived = packed.copy()
        hits = int(self._rng.binomial(packed.size, 1 / self.every))
        if hits:
            at = self._rng.integers(0, packed.size, hits)
            np.bitwise_xor.at(arrived, at, np.uint8(1) << self._rng.integers(0, 8, hits, np.uint8))
            self.flipped += hits
        return arrived
