"""The machine that counts: shapes instead of values, one visit for all tiles of a size.

Running the schedule on it gives the lifetimes of all buffers and the exact work of every site, in a
fraction of a millisecond for a sublayer, so a search can afford thousands.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from mcusim.kernels import PIECE, WIDE_PIECE, rooms_of
from mcusim.planner.buffers import Buffer, Lifetimes, Placement, place
from mcusim.planner.choices import Choices
from mcusim.planner.ledger import INIT, Ledger, block_counts, product_counts, row_source
from mcusim.planner.machine import Scales, Staged, State, Tile, Where
from mcusim.planner.stopping import shares_x
from mcusim.planner.stored import Reads, Stored, stored
from refimpl.angles import STEP
from refimpl.block_params import MX_BLOCK
from refimpl.formats import Format
from refimpl.models.config import ModelConfig
from refimpl.models.operators import Array, Leaf
from refimpl.models.skeleton import Spec
from workbench import shape_ops
from workbench.counting import Counts, Event, Metered, count
from workbench.image_shapes import linear_shape


class CountingMachine:
    """Machine over :mod:`workbench.shape_ops`; leaves are :class:`refimpl.models.skeleton.Spec`.

    ``resident``: the names of linears whose codes are in the arena already.
    """

    def __init__(self, config: ModelConfig, choices: Choices, format: Format,
                 resident: frozenset[str] = frozenset()) -> None:  # fmt: skip
        self.config = config
        self.choices = choices
        self.format = format
        self.resident = resident
        self.ops: Any = Metered(shape_ops, self._on_event)
        self.ledger = Ledger()
        self.placements: dict[str, Placement] = {}
        self.times = 1
        self._lifetimes = Lifetimes()
        self._rows = row_source(config)
        self._rooms = rooms_of(config, format)
        self._stored: dict[str, Stored] = {}
        self._read_by_use: dict[str, Reads] = {}  # linears whose codes are read where they stand, at each use

    def stored(self, leaf: Spec) -> Stored:
        """What the image holds of a linear."""
        if leaf.name not in self._stored:
            self._stored[leaf.name] = stored(linear_shape(leaf, self.format))
        return self._stored[leaf.name]

    def _on_event(self, event: Event) -> None:
        stored = event.output_bytes
        if event.site.endswith(".input"):  # the counting reading knows int8 only
            stored = stored * self.format.activations.width_at(event.site) // 8
        self._charge(event.site or event.op, event.counts, event.input_bytes + stored)
        if event.op in ("scores", "weighted_values"):
            self._charge_attention(event)
        elif event.op == "multiply" and self.format.activations.width_at(event.site) > 8:
            self.ledger.sites[event.site].rows["wide_products"] += event.counts.requantizations * self.times
        elif event.op == "linear":
            self._read_in_place(event.site)
            outputs = event.counts.requantizations
            self._charge_rows(event.site, outputs, event.counts.macs // outputs, event.shape[-1])
            self._charge_wide(event.site, outputs)

    def _charge_attention(self, event: Event) -> None:
        work, macs = self.ledger.sites[event.site], event.counts.attention_macs
        if event.op == "weighted_values":
            work.attention_values += macs * self.times
        staged = product_counts(event.op, event.shape, macs // event.counts.requantizations)
        work.charge_named(staged, self.times)

    def _charge_rows(self, linear: str, outputs: int, inner: int, channels: int,
                     partial: bool = False) -> None:  # fmt: skip
        """Charge the shape of a linear, block by block where its rows have blocks."""
        weights, work = self.format.weights_at(linear), self.ledger.sites[linear]
        block = weights.block or inner
        for size, times in ((block, inner // block), (inner % block, 1)):
            if size and times:
                work.charge_rows(outputs, size, channels, weights.bits, times * self.times, partial)
        if self.format.plain_at(linear):
            return
        online, pieces = self.format.activations.online, -(-inner // block)
        wide = online == "static" and self.format.activations.width_at(f"{linear}.input") > 8
        if wide:
            work.wide_macs += outputs * inner * self.times
        elif weights.zero_point:  # the sum of a row of activations
            work.charge(Counts(adds=outputs // channels * inner), self.times)
        at_once = min(WIDE_PIECE, self._rooms.columns) if wide else PIECE
        pieces = max(pieces, -(-inner // at_once))
        if online == "mx":
            pieces = max(pieces, -(-inner // MX_BLOCK))
        rows = self._rooms.rows_at_once(online, inner)
        work.charge_named(block_counts(outputs, inner, channels, pieces, online, rows, wide), self.times)

    def _charge_wide(self, linear: str, outputs: int) -> None:
        """Charge the 64-bit rounding of a block linear."""
        if not self.format.plain_at(linear):
            self.ledger.sites[linear].rows["wide_outputs"] += outputs * self.times

    def _charge(self, site: str, counts: Counts, arena_bytes: int = 0) -> None:
        work = self.ledger.sites[site]
        work.charge(counts, self.times)
        work.calls += self.times
        work.arena_bytes += arena_bytes * self.times

    @contextmanager
    def scope(self, name: str) -> Iterator[None]:
        self._lifetimes = Lifetimes()
        yield
        self.placements[name] = place(self._lifetimes)

    def alloc(self, name: str, shape: tuple[int, ...], dtype: str) -> Buffer:
        buffer = Buffer(name, shape, dtype)
        self._lifetimes.allocate(buffer)
        return buffer

    def free(self, *buffers: Buffer) -> None:
        for buffer in buffers:
            self._lifetimes.free(buffer.name)

    def view(self, buffer: Buffer) -> Array:
        return shape_ops.shaped(buffer.shape, buffer.dtype)

    def put(self, view: Array, value: Array) -> Array:
        return view

    def tiles(self, start: int, stop: int, size: int, where: Where = "any") -> Iterator[Tile]:
        if where == "each":
            yield from (Tile(first, min(first + size, stop), 1) for first in range(start, stop, size))
            return
        known = where == "known"
        full, rest = divmod(stop - start, size)
        if full:
            self.times *= full
            yield Tile(start, start + size, full * known)
            self.times //= full
        if rest:
            yield Tile(stop - rest, stop, int(known))

    def stage(self, leaf: Leaf, rows: int, columns: int) -> Staged:
        if not self.choices.staged or leaf.name in self.resident:
            return Staged(leaf, ())
        tile = self.stored(leaf).tile_bytes(rows, columns)
        return Staged(leaf, tuple(self.alloc(f"{leaf.name} tile {i}", (tile,), "int8") for i in (0, 1)))

    def fetch(self, staged: Staged, rows: tuple[Tile, ...], columns: Tile,
              scales: Scales | None = None) -> Leaf:  # fmt: skip
        leaf = staged.leaf
        height = sum(tile.size for tile in rows)
        reads = tuple(self.stored(leaf).code_reads(rows, columns))
        self._read_by_use[leaf.name] = reads if not staged.buffers and leaf.name not in self.resident else ()
        if staged.buffers:
            self._read(leaf.name, reads)
            self._arrived(leaf.name, sum(length * number for length, number in reads))
        return replace(leaf, shape=(height, columns.size))

    def _read(self, name: str, reads: Reads) -> None:
        for length, number in reads:
            self.ledger.sites[name].codes[length] += number * self.times

    def _arrived(self, name: str, size: int) -> None:
        self.ledger.sites[name].arrived[size] += self.times

    def _read_in_place(self, name: str) -> None:
        reads = self._read_by_use[name]
        self._read(name, reads)
        for length, number in reads:
            self.ledger.sites[name].in_place[length] += number * self.times

    def room(self, leaf: Leaf, count: int) -> Buffer:
        return self.alloc(f"{leaf.name} scales", (count * self.stored(leaf).row_bytes,), "int8")

    def scales(self, leaf: Leaf, rows: tuple[Tile, ...], room: Buffer) -> Scales:
        lengths = tuple(self.stored(leaf).constant_reads(rows))
        for length in lengths:
            self.ledger.sites[leaf.name].constants[length] += self.times
        self._arrived(leaf.name, sum(lengths))
        return Scales(rows, room)

    def table(self, silu: Leaf, buffer: Buffer) -> Leaf:
        self.ledger.sites[silu.name].constants[buffer.bytes] += self.times
        self._arrived(silu.name, buffer.bytes)
        return silu

    def positions(self, rope: Leaf, tile: Tile, buffer: Buffer, rows: Buffer) -> Leaf:
        alike = (tile.shifted(i * tile.size) for i in range(tile.alike))
        reads = sum(angle_reads(one) for one in alike) * (self.times // tile.alike)
        self.ledger.sites[rope.name].constants[rows.bytes // 2] += reads
        self._charge(rope.name, Counts(rope_elements=tile.size * 2 * rope.shape[1]))
        return rope

    def accumulate(self, sums: Array, a: Array, leaf: Leaf, inner: Tile) -> None:
        work = count("linear", (a, leaf), sums)
        size = a.shape[0] * leaf.shape[0]
        counts = Counts(macs=work.macs, adds=size, weight_elements=work.weight_elements)
        self._charge(leaf.name, counts, a.size * a.itemsize + 2 * sums.itemsize * size)
        self._read_in_place(leaf.name)
        self._charge_rows(leaf.name, size, a.shape[1], leaf.shape[0], partial=True)

    def finish(self, sums: Array, leaf: Leaf, scales: Scales, to: Array) -> Array:
        self._charge(leaf.name, Counts(requantizations=sums.size), (4 + sums.itemsize) * sums.size)
        self._charge_wide(leaf.name, sums.size)
        return to

    def load(self, state: State, tile: Tile, across: bool) -> Array:
        shape = (tile.size, self.config.positions if across else self.config.hidden_size)
        values = shape_ops.shaped(shape, "int16")
        if self.format.carry == "int8":
            self._charge(state.norm.name, Counts(requantizations=values.size), 3 * values.size)
        return values

    def store(self, state: State, tile: Tile, across: bool, h: Array, norm: Leaf) -> None:
        self.ops.rms_norm(h, norm)
        if self.format.carry == "int8":
            self._charge(norm.name, Counts(requantizations=h.size))

    def input(self, tile: Tile, across: bool, row: Buffer | None) -> Array:
        shape = (tile.size, self.config.positions if across else self.config.hidden_size)
        if not self.choices.x_stored:
            self.embed(*shape, across, tile)
        return shape_ops.shaped(shape, "int32")

    def embed(self, rows: int, width: int, across: bool, tile: Tile | None = None) -> None:
        """Charge the computing of x from its rows: those of ``tile`` if it says where it is, otherwise an
        even share of all."""
        positions, channels = (width, rows) if across else (rows, width)
        learned = self.config.pos_encodings == "learned"
        size = positions * channels
        self._charge("embedding", Counts(requantizations=size * (1 + learned), adds=size * learned))
        work = self.ledger.sites["embedding"]
        source = self._rows
        if tile is not None and tile.alike and not across:
            first, last = tile.start, tile.start + tile.alike * tile.size
            reads = source.rows(first, last) * source.positions * (self.times // tile.alike)
        else:
            reads = source.rows(0, source.positions) * positions * self.times
        work.row_reads += reads
        work.row_elements += reads * channels

    def keep(self, state: State, held: State) -> None:
        self._charge("change", Counts(), 2 * state.buffer.bytes)

    def moved(self, state: State, held: State, rows: Tile) -> Array:
        new, old = (self.load(s, rows, across=False)[None] for s in (state, held))
        return self.ops.change(new, old)[0]

    def let_go(self, held: State) -> None:
        if shares_x(self.config, self.choices):
            self.embed(self.config.positions, self.config.hidden_size, across=False)

    def reset(self, state: State, init: Leaf) -> None:
        self._charge(INIT, Counts(), state.buffer.bytes)
        self.ledger.sites[INIT].constants[self.config.hidden_size * 2] += self.times
        self._arrived(INIT, self.config.hidden_size * 2)


def angle_reads(tile: Tile) -> int:
    """Rows of angles for the tokens of a tile: a fine one each, a coarse one where a new one begins."""
    return tile.size + (tile.stop - 1) // STEP - tile.start // STEP + 1
