"""The machine that executes: integer kernels on views of the arena.

Host-side copies are outside the account: the float32 weights a BLAS wants, and the packed bytes of
each tile as a flash would deliver them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from mcusim.flash import FlashRows
from mcusim.planner.arena import Arena, Place
from mcusim.planner.buffers import Buffer, Placement
from mcusim.planner.choices import Choices
from mcusim.planner.counting import angle_reads
from mcusim.planner.ledger import INIT, Ledger, row_source
from mcusim.planner.machine import Scales, Staged, State, Tile, Where
from mcusim.planner.noise import NoisyFlash
from mcusim.planner.plan import SCRATCH, Plan
from mcusim.planner.promises import Promise, PromisedOps, accumulate, block_outputs, set_accumulators, store
from mcusim.planner.stopping import X, shares_x
from mcusim.planner.stored import Reads, stored
from mcusim.planner.target import Segment
from mcusim.planner.tiles import tile_of, unpacked
from refimpl import fast
from refimpl.block_params import BlockLinear, Int8Norm
from refimpl.fast.rescale import rescale, rescale_columns
from refimpl.models.operators import Array, Leaf
from refimpl.models.tree import Embedding
from refimpl.params import Linear, Rope, Silu

Ints = npt.NDArray[np.integer]
ROW_MARK = 1


class ArenaMachine:
    """Machine over :mod:`refimpl.fast` for one puzzle.

    While ``program`` is a list, everything done is appended to it.  All addresses of a call are fixed, so
    doing the list again is the next call, without asking the schedule again.

    Parameters
    ----------
    plan, segments : the schedule's choices and where its segments lie.
    embedding : row tables, read through :class:`mcusim.flash.FlashRows`.
    tokens : (seq,) token codes; ``puzzle``: row of the puzzle table.
    noise : damages weights on their way into the arena.
    """

    def __init__(self, plan: Plan, segments: tuple[Segment, ...], arena: Arena, embedding: Embedding,
                 tokens: Ints, puzzle: int = 0, noise: NoisyFlash | None = None) -> None:  # fmt: skip
        self.config = plan.config
        self.choices: Choices = plan.choices
        self.format = plan.format
        self.ops: Any = PromisedOps(self._linear)
        self._read_by_use: dict[str, Reads] = {}
        self.program: list[Callable[[], Any]] | None = None
        self.noise = noise
        self.arena = arena
        self.ledger = Ledger()
        self.embedding = embedding
        self.tokens = tokens
        self._rows_of = row_source(plan.config)
        self.puzzle = puzzle
        self.resident = {buffer.name for buffer in plan.persistent}
        self._scopes: Mapping[str, Placement] = plan.scopes
        self._places = {s.name: Place(s.region, s.offset) for s in segments}
        self._scope: Placement | None = None
        self._turn: dict[str, int] = {}
        for buffer in plan.persistent:
            arena.allocate(buffer, self._places[buffer.name])

    @contextmanager
    def scope(self, name: str) -> Iterator[None]:
        self._scope = self._scopes[name]
        yield
        self._scope = None

    def alloc(self, name: str, shape: tuple[int, ...], dtype: str) -> Buffer:
        assert self._scope is not None
        scratch = self._places[SCRATCH]
        buffer = Buffer(name, shape, dtype)
        self.arena.allocate(buffer, Place(scratch.region, scratch.offset + self._scope.offsets[name]))
        return buffer

    def free(self, *buffers: Buffer) -> None:
        for buffer in buffers:
            self.arena.free(buffer)

    def view(self, buffer: Buffer) -> Array:
        return self.arena.view(buffer)

    def put(self, view: Array, value: Any) -> Array:
        self._do(store if type(value) is Promise else np.copyto, view, value)
        return view

    def _do(self, function: Callable[..., Any], *args: Any) -> None:
        if self.program is not None:
            self.program.append(partial(function, *args))
        function(*args)

    def tiles(self, start: int, stop: int, size: int, where: Where = "any") -> Iterator[Tile]:
        for first in range(start, stop, size):
            yield Tile(first, min(first + size, stop))

    def stage(self, leaf: Leaf, rows: int, columns: int) -> Staged:
        if not self.choices.staged or leaf.name in self.resident:
            return Staged(leaf, ())
        size = stored(leaf).tile_bytes(rows, columns)
        return Staged(leaf, tuple(self.alloc(f"{leaf.name} tile {i}", (size,), "int8") for i in (0, 1)))

    def fetch(self, staged: Staged, rows: tuple[Tile, ...], columns: Tile,
              scales: Scales | None = None) -> Leaf:  # fmt: skip
        leaf: Linear | BlockLinear = staged.leaf
        tile, packed = tile_of(leaf, rows, columns)
        reads = tuple(stored(leaf).code_reads(rows, columns))
        self._read_by_use[leaf.name] = reads if not staged.buffers and leaf.name not in self.resident else ()
        if not staged.buffers:
            return tile
        self._read(leaf.name, reads)
        self.ledger.sites[leaf.name].arrived[packed.size] += 1
        turn = self._turn[leaf.name] = 1 - self._turn.get(leaf.name, 1)
        arrived = packed if self.noise is None else self.noise.deliver(packed, leaf.name)
        held = self.put(self.view(staged.buffers[turn])[: packed.size], arrived.view(np.int8))
        # The kernel's float copy of a tile stands for the bytes just delivered, unless those were damaged.
        return tile if np.array_equal(arrived, packed) else replace(tile, codes=unpacked(held, tile))

    def _read(self, name: str, reads: Reads) -> None:
        for length, number in reads:
            self.ledger.sites[name].codes[length] += number

    def _linear(self, a: Array, leaf: Linear | BlockLinear) -> Promise:
        self._read(leaf.name, self._read_by_use[leaf.name])
        return Promise(fast.linear, (a, leaf))

    def room(self, leaf: Linear | BlockLinear, count: int) -> Buffer:
        return self.alloc(f"{leaf.name} scales", (count * stored(leaf).row_bytes,), "int8")

    def scales(self, leaf: Linear | BlockLinear, rows: tuple[Tile, ...], room: Buffer) -> Scales:
        for length in stored(leaf).constant_reads(rows):
            self.ledger.sites[leaf.name].constants[length] += 1
        at = np.concatenate([np.arange(tile.start, tile.stop) for tile in rows])
        delivered = np.concatenate([
            getattr(leaf, constant.section)[at].astype(constant.element).view(np.int8).reshape(-1)
            for constant in stored(leaf).constants
        ])  # fmt: skip
        self.ledger.sites[leaf.name].arrived[delivered.size] += 1
        self.put(self.view(room)[: delivered.size], delivered)
        return Scales(rows, room)

    def table(self, silu: Silu, buffer: Buffer) -> Silu:
        self.ledger.sites[silu.name].constants[buffer.bytes] += 1
        self.ledger.sites[silu.name].arrived[buffer.bytes] += 1
        return Silu(silu.name, self.put(self.view(buffer), silu.table))

    def positions(self, rope: Rope, tile: Tile, buffer: Buffer, rows: Buffer) -> Rope:
        half = rope.cos.shape[1]
        self.ledger.sites[rope.name].constants[rows.bytes // 2] += angle_reads(tile)
        self.put(self.view(rows), ROW_MARK)
        both = self.view(buffer)[: tile.size]
        cos = self.put(both[:, :half], rope.cos[tile.start : tile.stop])
        sin = self.put(both[:, half:], rope.sin[tile.start : tile.stop])
        return Rope(rope.name, cos, sin)

    def accumulate(self, sums: Array, a: Array, leaf: Linear | BlockLinear, inner: Tile) -> None:
        self._read(leaf.name, self._read_by_use[leaf.name])
        self._do(accumulate if inner.start else set_accumulators, sums, a, leaf)

    def finish(self, sums: Array, leaf: Linear | BlockLinear, scales: Scales, to: Array) -> Array:
        if isinstance(leaf, BlockLinear):
            return self.put(to, Promise(block_outputs, (sums, leaf)))
        bias = np.zeros(sums.shape[1], np.int32) if leaf.bias is None else leaf.bias
        scale = (bias, leaf.multiplier, leaf.shift, leaf.rounding, leaf.out_bits, leaf.output_offset)
        return self.put(to, Promise(rescale_columns, (sums, *scale)))

    def load(self, state: State, tile: Tile, across: bool) -> Any:
        codes = self._rows(state.buffer, tile, across)
        norm = state.norm
        return Promise(rescale, (codes, norm.to_state)) if isinstance(norm, Int8Norm) else codes

    def store(self, state: State, tile: Tile, across: bool, h: Array, norm: Leaf) -> None:
        stored = Promise(fast.rms_norm, (h, norm))
        if isinstance(norm, Int8Norm):
            stored = Promise(rescale, (Promise(fast.rms_norm, (h, norm.norm)), norm.to_code))
        self.put(self._rows(state.buffer, tile, across), stored)

    def _rows(self, buffer: Buffer, tile: Tile, across: bool) -> Array:
        whole = self.view(buffer)
        return whole[:, tile.start : tile.stop].T if across else whole[tile.start : tile.stop]

    def input(self, tile: Tile, across: bool, row: Buffer | None) -> Any:
        if row is None:
            return self._rows(self.x, tile, across)
        positions, channels = tile, Tile(0, self.config.hidden_size)
        if across:
            positions, channels = Tile(0, self.config.positions), tile
        self.put(self.view(row), ROW_MARK)
        return self.embed(positions, channels, across)

    def embed(self, positions: Tile, channels: Tile, across: bool = False) -> Promise:
        """x of some positions and channels, to be read from the row tables when it is needed."""
        work = self.ledger.sites["embedding"]
        reads = self._rows_of.rows(positions.start, positions.stop) * self.config.positions
        work.row_reads += reads
        work.row_elements += reads * channels.size
        prefix = self.config.puzzle_emb_len
        tokens = self.tokens[max(0, positions.start - prefix) : max(0, positions.stop - prefix)]
        x = (self.embedding, tokens, self.puzzle, prefix, positions, channels)
        return Promise(np.transpose, (Promise(_input_rows, x),)) if across else Promise(_input_rows, x)

    def keep(self, state: State, held: State) -> None:
        if shares_x(self.config, self.choices):
            self.arena.free(self.x)
            self.arena.allocate(held.buffer, self._places[self.x.name])
        self.put(self.view(held.buffer), self.view(state.buffer))

    def moved(self, state: State, held: State, rows: Tile) -> Array:
        new, old = (self.load(s, rows, across=False) for s in (state, held))
        new, old = (np.array(v() if isinstance(v, Promise) else v)[None] for v in (new, old))
        return fast.change(new, old)[0]

    def let_go(self, held: State) -> None:
        if not shares_x(self.config, self.choices):
            return
        self.arena.free(held.buffer)
        self.arena.allocate(self.x, self._places[self.x.name])
        self.fill_x()

    @property
    def x(self) -> Buffer:
        """x as it is stored, where the plan stores it."""
        return Buffer(X, (self.config.positions, self.config.hidden_size), "int32")

    def fill_x(self) -> None:
        """Compute the stored x from its rows."""
        everything = Tile(0, self.config.positions), Tile(0, self.config.hidden_size)
        self.put(self.view(self.x), self.embed(*everything))

    def reset(self, state: State, init: Leaf) -> None:
        norm = state.norm
        codes = rescale(init, norm.to_code) if isinstance(norm, Int8Norm) else init
        self.put(self.view(state.buffer), codes)
        self.ledger.sites[INIT].constants[self.config.hidden_size * 2] += 1
        self.ledger.sites[INIT].arrived[self.config.hidden_size * 2] += 1


def _input_rows(embedding: Embedding, tokens: Ints, puzzle: int, prefix: int, positions: Tile,
                channels: Tile) -> npt.NDArray[np.int32]:  # fmt: skip
    """x of ``positions``; ``tokens`` are those of them behind the prefix."""
    x = np.zeros((positions.size, channels.size), np.int32)
    if tokens.size:
        x[positions.size - tokens.size :] = _state_rows(embedding.tokens, tokens, channels)
    if embedding.puzzles is not None and positions.start == 0:
        x[0] = _state_rows(embedding.puzzles, np.array([puzzle]), channels)[0]
    if embedding.positions is not None:
        x += _state_rows(embedding.positions, np.arange(positions.start, positions.stop), channels)
    return x


def _state_rows(table: FlashRows, indices: Ints, channels: Tile) -> npt.NDArray[np.int32]:
    """Row segments in state units, as :func:`refimpl.ops.embed.rescaled_rows` computes them."""
    codes, multiplier, shift = table.columns(indices, channels.start, channels.stop)
    across = np.ascontiguousarray(codes.T, np.int32)
    none = np.zeros(len(multiplier), np.int32)
    return rescale_columns(across, none, multiplier, shift, table.rounding, 32, 0).T.astype(np.int32)
