"""What the schedule needs of a machine.  Two exist: one counts, one executes in an arena."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from mcusim.planner.buffers import Buffer
from mcusim.planner.choices import Choices
from refimpl.formats import Format
from refimpl.models.config import ModelConfig
from refimpl.models.operators import Array, Leaf

Where = Literal["any", "known", "each"]


@dataclass(frozen=True)
class Tile:
    """A range of rows, tokens, channels, heads or hidden units.

    ``alike``: for how many such tiles in a row it stands where one machine counts; 0: it matters not where
    it is.
    """

    start: int
    stop: int
    alike: int = 0

    @property
    def size(self) -> int:
        return self.stop - self.start

    def within(self, block: Tile) -> slice:
        """Where the tile lies in a buffer that holds ``block``."""
        return slice(self.start - block.start, self.stop - block.start)

    def shifted(self, by: int) -> Tile:
        return Tile(self.start + by, self.stop + by)


@dataclass
class State:
    """z_H or z_L, (T, D) in the arena in the carry's format; ``norm`` wrote it last and knows its scale."""

    buffer: Buffer
    norm: Leaf


@dataclass(frozen=True)
class Scales:
    """Constants of some rows of a linear, brought into ``buffer`` in the order of
    :attr:`mcusim.planner.stored.Stored.constants`."""

    rows: tuple[Tile, ...]
    buffer: Buffer


@dataclass(frozen=True)
class Staged:
    """A linear whose weights come in tiles: ``buffers`` are the two that a DMA fills in turn, or none."""

    leaf: Leaf
    buffers: tuple[Buffer, ...]


class Machine(Protocol):
    """The machine a schedule runs on.

    ``ops`` is an operator namespace.  What it, :meth:`load` and :meth:`input` return may be a promise:
    it can be handed to another operator or to :meth:`put`, nothing else.  Views are arrays.
    """

    config: ModelConfig
    choices: Choices
    format: Format
    ops: Any

    def scope(self, name: str) -> AbstractContextManager[None]:
        """Buffers allocated inside are freed inside; the scope has an address map of its own."""

    def alloc(self, name: str, shape: tuple[int, ...], dtype: str) -> Buffer:
        """Make a buffer live."""

    def free(self, *buffers: Buffer) -> None:
        """End the life of buffers."""

    def view(self, buffer: Buffer) -> Array:
        """The whole of a live buffer."""

    def put(self, view: Array, value: Array) -> Array:
        """Store ``value`` in a view and return the view."""

    def tiles(self, start: int, stop: int, size: int, where: Where = "any") -> Iterator[Tile]:
        """Consecutive tiles of at most ``size``.  The counting machine visits one of each size; every one
        where ``each`` says that what follows depends on where it is; with ``known``, for a loop over tokens
        inside no other, one that stands for those alike."""

    def stage(self, leaf: Leaf, rows: int, columns: int) -> Staged:
        """Allocate the double buffer for tiles of at most ``rows`` x ``columns`` codes."""

    def fetch(self, staged: Staged, rows: tuple[Tile, ...], columns: Tile,
              scales: Scales | None = None) -> Leaf:  # fmt: skip
        """Bring codes into the arena and return the linear of that tile; without ``scales`` it can only be
        accumulated."""

    def room(self, leaf: Leaf, count: int) -> Buffer:
        """Allocate a buffer for the constants of ``count`` rows of a linear."""

    def scales(self, leaf: Leaf, rows: tuple[Tile, ...], room: Buffer) -> Scales:
        """Bring the constants of rows of a linear into ``room``."""

    def table(self, silu: Leaf, buffer: Buffer) -> Leaf:
        """Bring the 256 bytes of a table into ``buffer``."""

    def positions(self, rope: Leaf, tile: Tile, buffer: Buffer, rows: Buffer) -> Leaf:
        """The rotation of the tokens of a tile in ``buffer``, from angles that pass through ``rows``."""

    def accumulate(self, sums: Array, a: Array, leaf: Leaf, inner: Tile) -> None:
        """``sums += a @ weights.T`` over the inputs ``inner``; the first of them sets the sums."""

    def finish(self, sums: Array, leaf: Leaf, scales: Scales, to: Array) -> Array:
        """Requantize accumulators to the linear's int32 output in ``to``, which may be their own place."""

    def load(self, state: State, tile: Tile, across: bool) -> Array:
        """Rows of a state as state units: tokens, or with ``across`` channels (then (channels, T))."""

    def store(self, state: State, tile: Tile, across: bool, h: Array, norm: Leaf) -> None:
        """Write ``rms_norm(h)`` into rows of a state."""

    def input(self, tile: Tile, across: bool, row: Buffer | None) -> Array:
        """Rows of x as int32, from the arena, or from embedding rows that pass through ``row``."""

    def reset(self, state: State, init: Leaf) -> None:
        """Fill a state with an init vector."""

    def keep(self, state: State, held: State) -> None:
        """Copy a state, whose buffer ``held`` begins to live there; it may lie where x lay."""

    def moved(self, state: State, held: State, rows: Tile) -> Array:
        """OP-CHANGE (2,) between two states over ``rows``, in state units."""

    def let_go(self, held: State) -> None:
        """End the life of a copy; x comes back where it lay there."""
