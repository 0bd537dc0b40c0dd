"""Buffers with lifetimes, and where they go: addresses found before anything runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import prod

import numpy as np

ALIGNMENT = 4  # the widest element of the arena is an int32


@dataclass(frozen=True)
class Buffer:
    """A named tensor in the arena."""

    name: str
    shape: tuple[int, ...]
    dtype: str

    @cached_property
    def bytes(self) -> int:
        return prod(self.shape) * np.dtype(self.dtype).itemsize

    @property
    def reserved(self) -> int:
        """Bytes with the padding that keeps the next address aligned."""
        return -(-self.bytes // ALIGNMENT) * ALIGNMENT


@dataclass
class Lifetimes:
    """When each buffer of one scope is live: intervals [first, last) on a clock of allocations.

    A buffer may be allocated again under its name (in the next round of a loop); it then has several
    intervals and one address.
    """

    clock: int = 0
    buffers: dict[str, Buffer] = field(default_factory=dict)
    live: dict[str, int] = field(default_factory=dict)
    intervals: dict[str, list[tuple[int, int]]] = field(default_factory=dict)

    def allocate(self, buffer: Buffer) -> None:
        known = self.buffers.setdefault(buffer.name, buffer)
        assert known == buffer, f"{buffer.name} changes its shape from {known.shape} to {buffer.shape}"
        assert buffer.name not in self.live, f"{buffer.name} is allocated twice"
        self.live[buffer.name] = self.clock
        self.clock += 1

    def free(self, name: str) -> None:
        self.intervals.setdefault(name, []).append((self.live.pop(name), self.clock))
        self.clock += 1


@dataclass(frozen=True)
class Placement:
    """Offsets of the buffers of one scope, and the first byte after the last of them."""

    buffers: Mapping[str, Buffer]
    offsets: Mapping[str, int]
    size: int


def _meet(first: list[tuple[int, int]], second: list[tuple[int, int]]) -> bool:
    return any(a < d and c < b for a, b in first for c, d in second)


def place(lifetimes: Lifetimes) -> Placement:
    """Give each buffer the lowest offset free during its life, the largest buffers first."""
    assert not lifetimes.live, f"still live at the end of its scope: {', '.join(lifetimes.live)}"
    order = sorted(lifetimes.buffers.values(), key=lambda b: (-b.reserved, lifetimes.intervals[b.name]))
    offsets: dict[str, int] = {}
    for buffer in order:
        mine = lifetimes.intervals[buffer.name]
        taken = sorted(
            (offsets[name], offsets[name] + lifetimes.buffers[name].reserved)
            for name in offsets
            if _meet(mine, lifetimes.intervals[name])
        )
        offset = 0
        for start, stop in taken:
            if start - offset >= buffer.reserved:
                break
            offset = max(offset, stop)
        offsets[buffer.name] = offset
    size = max((offsets[b.name] + b.bytes for b in order), default=0)
    return Placement(dict(lifetimes.buffers), offsets, size)
