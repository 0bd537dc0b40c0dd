"""External memory: what a read costs, and the object through which embedding rows are read.

A read is cut into bursts (a cache line when code runs from the memory, a DMA chunk otherwise) and each
burst pays the command, address and dummy clocks again.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal, Protocol, get_args

import numpy as np
import numpy.typing as npt

from refimpl.fixedpoint import Rounding
from refimpl.image import Image
from refimpl.models.tree import Embedding
from refimpl.params import Int8s, Int32s, RowTable

Access = Literal["xip", "dma"]
ACCESSES: tuple[Access, ...] = get_args(Access)
SCALE_BYTES = 5  # int32 multiplier and int8 shift of a row


@dataclass(frozen=True)
class FlashInterface:
    """A serial memory bus.

    ``edges`` is 1 (one transfer a clock) or 2 (both edges, DTR); ``overhead_clocks`` are the command,
    address and dummy clocks of one burst of at most ``burst_bytes``.
    """

    clock_hz: float
    lanes: int
    edges: int
    overhead_clocks: int
    burst_bytes: int
    access: Access

    @property
    def peak(self) -> float:
        """Bytes a second without overhead."""
        return self.clock_hz * self.lanes * self.edges / 8

    def bursts(self, count: int, burst_bytes: int | None = None) -> int:
        """Bursts that a read of ``count`` consecutive bytes takes (``burst_bytes``: not the usual ones)."""
        return -(-count // (burst_bytes or self.burst_bytes))

    def time_s(self, count: int, burst_bytes: int | None = None) -> float:
        """Seconds of a read of ``count`` consecutive bytes."""
        overhead = self.bursts(count, burst_bytes) * self.overhead_clocks
        return (overhead + 8 * count / (self.lanes * self.edges)) / self.clock_hz


class Memory(Protocol):
    """What a read is charged to: a :class:`FlashInterface` or a whole :class:`mcusim.parts.Region`."""

    def bursts(self, count: int) -> int:
        """Bursts of a read of ``count`` consecutive bytes."""

    def time_s(self, count: int) -> float:
        """Seconds of such a read."""


@dataclass(frozen=True)
class FlashRead:
    """One row fetched: where, how much, what it took."""

    table: str
    offset: int
    bytes: int
    bursts: int
    seconds: float


@dataclass(frozen=True, eq=False)
class Batch:
    """Reads of one size from one table, in order; ``bursts`` and ``seconds`` of each."""

    table: str
    offsets: npt.NDArray[np.int64]
    size: int
    bursts: int
    seconds: float


@dataclass
class FlashLog:
    """Every row read of a run, in order."""

    batches: list[Batch] = field(default_factory=list)

    @property
    def reads(self) -> list[FlashRead]:
        """The reads one by one."""
        return [
            FlashRead(batch.table, offset, batch.size, batch.bursts, batch.seconds)
            for batch in self.batches
            for offset in batch.offsets.tolist()
        ]

    @property
    def count(self) -> int:
        return sum(batch.offsets.size for batch in self.batches)

    @property
    def bytes(self) -> int:
        return sum(batch.offsets.size * batch.size for batch in self.batches)

    @property
    def bursts(self) -> int:
        return sum(batch.offsets.size * batch.bursts for batch in self.batches)

    @property
    def seconds(self) -> float:
        return sum(batch.offsets.size * batch.seconds for batch in self.batches)


@dataclass(frozen=True)
class Extent:
    """Where one field of row i lies: ``size`` bytes at ``offset + i * stride``."""

    offset: int
    stride: int
    size: int


@dataclass(frozen=True, eq=False)
class FlashRows:
    """A :class:`refimpl.params.RowTable` that stays in external memory and is read row by row.

    It stands in the table's place as a leaf of :class:`refimpl.models.tree.Embedding` and returns the
    same codes.  The arrays of ``table`` may be views of a flash image's bytes or of a memory-mapped
    file, so the host does not hold the table either.  One row is one read for each of ``extents``.
    """

    table: RowTable
    memory: Memory
    log: FlashLog
    extents: tuple[Extent, ...]

    @property
    def name(self) -> str:
        return self.table.name

    @property
    def rounding(self) -> Rounding:
        return self.table.rounding

    def rows(self, indices: npt.NDArray[np.integer]) -> tuple[Int8s, Int32s, Int32s]:
        """Return (codes, multiplier, shift) of the wanted rows and log what reading each took."""
        return self.columns(indices, 0, int(self.table.codes.shape[1]))

    def columns(
        self, indices: npt.NDArray[np.integer], start: int, stop: int
    ) -> tuple[Int8s, Int32s, Int32s]:
        """The same for the codes ``start`` to ``stop`` of each row only."""
        at = np.asarray(indices, np.int64).reshape(-1)
        left_out = int(self.table.codes.shape[1]) - (stop - start)
        for number, extent in enumerate(self.extents):
            codes = number == 0  # codes come first in a row
            size = extent.size - left_out * codes
            offsets = extent.offset + at * extent.stride + start * codes
            batch = Batch(self.name, offsets, size, self.memory.bursts(size), self.memory.time_s(size))
            self.log.batches.append(batch)
        codes_, multiplier, shift = self.table.rows(indices)
        return codes_[..., start:stop], multiplier, shift


def image_extents(image: Image, table: str) -> tuple[Extent, ...]:
    """Extents of ``table`` in a flash image: codes, multiplier and shift are sections of their own."""
    extents = []
    for part in ("codes", "multiplier", "shift"):
        section = image.entry(f"{table}/{part}")
        stride = section.size // section.shape[0]
        extents.append(Extent(section.offset, stride, stride))
    return tuple(extents)


def streamed(embedding: Embedding, memory: Memory, log: FlashLog, image: Image | None = None) -> Embedding:
    """Return ``embedding`` with its token, position and puzzle rows read from ``memory``.

    The log's offsets are those of ``image``; without one, of a file that holds one table as records of
    codes, multiplier and shift.
    """

    def wrap(table: RowTable | None) -> FlashRows | None:
        if table is None:
            return None
        record = int(table.codes.shape[1]) + SCALE_BYTES
        alone = (Extent(0, record, record),)
        return FlashRows(table, memory, log, image_extents(image, table.name) if image else alone)

    return replace(
        embedding,
        tokens=wrap(embedding.tokens),
        positions=wrap(embedding.positions),
        puzzles=wrap(embedding.puzzles),
    )
