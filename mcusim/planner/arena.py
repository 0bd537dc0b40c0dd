"""The bounded arena: one byte buffer for each region, filled with canaries.

Kernels see views of it only.  A buffer has to be live to be viewed, may not overlap another live one, and
has to end inside the arena; bytes are canaries again as soon as their buffer is freed, so
a read of a dead buffer shows up as wrong bits and a write outside a live one as a broken canary.
Each time it is the other canary, all bits inverted: a value that happens to be the one is not the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from mcusim.planner.buffers import Buffer
from refimpl.errors import RefimplError

Bytes = npt.NDArray[np.uint8]
CANARY_SEED = 0xCA4A


class ArenaError(RefimplError):
    """The schedule broke a rule of its own memory: a fault of ours, never of the input."""


@dataclass(frozen=True)
class Place:
    """Where a buffer lies."""

    region: str
    offset: int


@dataclass
class Arena:
    """``sizes``: region -> bytes.  ``high_water``: region -> bytes up to the highest one ever changed."""

    sizes: Mapping[str, int]
    memory: dict[str, Bytes] = field(init=False)
    canaries: dict[str, Bytes] = field(init=False)
    high_water: dict[str, int] = field(init=False)
    live: dict[str, tuple[Place, Buffer, Bytes]] = field(init=False)

    def __post_init__(self) -> None:
        rng = np.random.default_rng(CANARY_SEED)
        self.canaries = {name: rng.integers(0, 256, size, np.uint8) for name, size in self.sizes.items()}
        self.memory = {name: canary.copy() for name, canary in self.canaries.items()}
        self.high_water = dict.fromkeys(self.sizes, 0)
        self.live = {}

    def allocate(self, buffer: Buffer, place: Place) -> None:
        """Make ``buffer`` live at ``place``."""
        end = place.offset + buffer.bytes
        if end > self.sizes[place.region]:
            raise ArenaError(
                f"buffer {buffer.name!r} ends at byte {end:,} of region {place.region}, "
                f"but the arena there has {self.sizes[place.region]:,}."
            )
        for other, held, _ in self.live.values():
            apart = place.offset >= other.offset + held.bytes or other.offset >= end
            if place.region == other.region and not apart:
                raise ArenaError(f"buffers {buffer.name!r} and {held.name!r} overlap in {place.region}.")
        self.live[buffer.name] = (place, buffer, self.memory[place.region][place.offset : end])

    def view(self, buffer: Buffer) -> npt.NDArray[np.integer]:
        """The bytes of a live buffer in its type and shape."""
        return self._held(buffer)[2].view(buffer.dtype).reshape(buffer.shape)

    def free(self, buffer: Buffer) -> None:
        """End the life of ``buffer``, note how far it was written, put the other canaries there."""
        place, _, raw = self._held(buffer)
        canary = self.canaries[place.region][place.offset : place.offset + buffer.bytes]
        if place.offset + buffer.bytes > self.high_water[place.region]:
            changed = np.flatnonzero(raw != canary)
            if changed.size:
                top = place.offset + int(changed[-1]) + 1
                self.high_water[place.region] = max(self.high_water[place.region], top)
        canary ^= 0xFF
        raw[...] = canary
        del self.live[buffer.name]

    def check(self) -> None:
        """Raise if a byte outside every live buffer is no canary."""
        for region, memory in self.memory.items():
            wrong = (memory != self.canaries[region]) & self._dead(region)
            if wrong.any():
                raise ArenaError(
                    f"byte {int(np.flatnonzero(wrong)[0]):,} of region {region} was written "
                    "outside every live buffer."
                )

    def restore(self) -> None:
        """Put canaries back into every byte outside a live buffer."""
        for region, memory in self.memory.items():
            np.copyto(memory, self.canaries[region], where=self._dead(region))

    def _dead(self, region: str) -> npt.NDArray[np.bool_]:
        dead = np.ones(self.sizes[region], np.bool_)
        for place, buffer, _ in self.live.values():
            if place.region == region:
                dead[place.offset : place.offset + buffer.bytes] = False
        return dead

    def _held(self, buffer: Buffer) -> tuple[Place, Buffer, Bytes]:
        if buffer.name not in self.live:
            raise ArenaError(f"buffer {buffer.name!r} is used while it is not live.")
        return self.live[buffer.name]
