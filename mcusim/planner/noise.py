"""A flash that flips bits on the way into the arena, and the sum of words that notices.

For asking what a damaged read would do: every tile of weights that passes through the arena is checked as an
exported program with ``--check-tiles`` does; a damaged one is read again, or, without the check, used.
Constants arrive undamaged here.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from mcusim.checksum import TRIES, word_sum
from refimpl.errors import InputError

Bytes = npt.NDArray[np.uint8]


class BadFlashError(Exception):
    """A tile arrived damaged however often it was read (RR_BAD_FLASH)."""


@dataclass
class NoisyFlash:
    """Flip one bit in ``every`` bytes read, at places drawn from ``seed``; of the linear ``stuck`` the first
    bit of every tile, always.

    ``check`` compares sums and reads a damaged tile again.  ``flipped`` and ``detected`` count bits and
    tiles; ``read_again`` counts bytes.
    """

    every: int
    seed: int = 0
    check: bool = True
    stuck: str = ""
    flipped: int = 0
    detected: int = 0
    read_again: int = 0
    _rng: np.random.Generator = field(init=False)

    def __post_init__(self) -> None:
        if self.every < 1:
            raise InputError(f"one flipped bit in {self.every} bytes is no rate; it takes at least 1 byte.")
        self._rng = np.random.default_rng(self.seed)

    def deliver(self, packed: Bytes, linear: str) -> Bytes:
        """What arrives when ``packed``, a tile of ``linear``, is read."""
        wanted = word_sum(packed.tobytes())
        for _ in range(TRIES):
            arrived = self._once(packed, linear)
            if not self.check or word_sum(arrived.tobytes()) == wanted:
                return arrived
            self.detected += 1
            self.read_again += packed.size
        raise BadFlashError(f"a tile of {linear} arrived damaged {TRIES} times")

    def _once(self, packed: Bytes, linear: str) -> Bytes:
        arrived = packed.copy()
        hits = int(self._rng.binomial(packed.size, 1 / self.every))
        if hits:
            at = self._rng.integers(0, packed.size, hits)
            np.bitwise_xor.at(arrived, at, np.uint8(1) << self._rng.integers(0, 8, hits, np.uint8))
        if linear == self.stuck:
            arrived[0] ^= 1
        self.flipped += hits + (linear == self.stuck)
        return arrived
