"""The tiled gated sublayer, and what it shares with attention.

A sublayer, its residual and its norm are fused and work in place on the state: a row of ``z`` is
overwritten when nothing reads its old value any more.  Wide (int32) sums exist for the rows of one
weight pass only.  The arithmetic is that of :mod:`refimpl.models.blocks`, operator by operator.
"""

from __future__ import annotations

from dataclasses import dataclass

from mcusim.planner.buffers import Buffer
from mcusim.planner.choices import SwiGLUTiles
from mcusim.planner.machine import Machine, State, Tile
from mcusim.planner.widths import activations_type, sums_type
from refimpl.errors import NotImplementedHere
from refimpl.models.operators import Array
from refimpl.models.tree import SwiGLU

ROW_SCALE = 5


@dataclass(frozen=True)
class Source:
    """The input h of a sublayer: ``state``, and in front of the first layer ``others`` and x."""

    state: State
    others: tuple[State, ...] = ()
    with_x: bool = False

    @property
    def is_sum(self) -> bool:
        return bool(self.others) or self.with_x

    def scope(self, site: str) -> str:
        """Name of a sublayer's scope; sums need other buffers than a plain state does."""
        terms = [state.buffer.name for state in self.others] + ["x"] * self.with_x
        return f"{site} + {' + '.join(terms)}" if terms else site


@dataclass(frozen=True)
class Wide:
    """Scratch for a chunk of h where h is a sum: ``sums`` int32, ``row`` one embedding row."""

    sums: Buffer | None
    row: Buffer | None


def open_wide(m: Machine, source: Source, chunk: int, width: int, name: str = "h") -> Wide:
    row = None
    if source.with_x and not m.choices.x_stored:
        row = m.alloc("embedding row", (m.config.hidden_size + ROW_SCALE,), "int8")
    return Wide(m.alloc(name, (chunk, width), "int32") if source.is_sum else None, row)


def close_wide(m: Machine, wide: Wide) -> None:
    m.free(*(buffer for buffer in (wide.sums, wide.row) if buffer is not None))


def hidden_rows(m: Machine, source: Source, wide: Wide, tile: Tile, across: bool) -> Array:
    """Rows of h in state units."""
    terms = [m.load(state, tile, across) for state in (source.state, *source.others)]
    if source.with_x:
        terms.append(m.input(tile, across, wide.row))
    if wide.sums is None:
        return terms[0]
    return m.put(m.view(wide.sums)[: tile.size], m.ops.add(*terms))


def _wide_product(m: Machine, p: SwiGLU, tiles: SwiGLUTiles) -> Buffer | None:
    """Room for a gated product of more than 8 bits; one of 8 takes the place of its gate."""
    kind = activations_type(m.format, p.product)
    return None if kind == "int8" else m.alloc("product", (tiles.chunk, tiles.inner), kind)


def swiglu(m: Machine, p: SwiGLU, source: Source, tiles: SwiGLUTiles, across: bool) -> None:
    """``rms_norm(h + down(silu(gate(h)) * up(h)))``, over channels, or ``across`` tokens."""
    positions, hidden = m.config.positions, m.config.hidden_size
    count, width = (hidden, positions) if across else (positions, hidden)
    inner_size = m.config.token_intermediate_size if across else m.config.channel_intermediate_size
    assert inner_size is not None
    at_once = tiles.inner >= inner_size  # then no partial sum is ever added to another
    activations = m.format.activations
    if not at_once and activations.online != "static":
        raise NotImplementedHere(f"{p.down.name}: activations of {activations.name} are quantized by whole "
                                 f"rows; {tiles.inner} of {inner_size} hidden units at a time are none.")
    with m.scope(source.scope(p.norm.name)):
        table = m.alloc("silu table", (256,), "int8")
        silu = m.table(p.silu, table)
        for block in m.tiles(0, count, tiles.rows):
            codes = m.alloc("activations", (tiles.rows, width), activations_type(m.format, p.input))
            wide = open_wide(m, source, tiles.chunk, width)
            for part in m.tiles(block.start, block.stop, tiles.chunk):
                h = hidden_rows(m, source, wide, part, across)
                m.put(m.view(codes)[part.within(block)], m.ops.quantize(h, p.input))
            close_wide(m, wide)
            kind = "int32" if at_once else sums_type(m.format, p.down.name, inner_size)
            sums = m.alloc("sums", (tiles.rows, width), kind)
            gate_up = m.stage(p.gate_up, 2 * tiles.inner, width)
            down = m.stage(p.down, width, tiles.inner)
            room, down_room = m.room(p.gate_up, 2 * tiles.inner), m.room(p.down, width)
            down_scales = m.scales(p.down, (Tile(0, width),), down_room)
            gates = m.alloc("gate and up", (tiles.chunk, 2 * tiles.inner), "int8")
            product = _wide_product(m, p, tiles)
            for inner in m.tiles(0, inner_size, tiles.inner):
                rows = inner, inner.shifted(inner_size)
                w = m.fetch(gate_up, rows, Tile(0, width), m.scales(p.gate_up, rows, room))
                v = m.fetch(down, (Tile(0, width),), inner, down_scales)
                for part in m.tiles(block.start, block.stop, tiles.chunk):
                    both = m.view(gates)[: part.size, : 2 * inner.size]
                    m.put(both, m.ops.linear(m.view(codes)[part.within(block)], w))
                    gate, up = m.ops.split(both)
                    m.put(gate, m.ops.silu(gate, silu))
                    to = gate if product is None else m.view(product)[: part.size, : inner.size]
                    m.put(to, m.ops.multiply(gate, up, p.product))
                    if at_once:
                        m.put(m.view(sums)[part.within(block)], m.ops.linear(to, v))
                    else:
                        m.accumulate(m.view(sums)[part.within(block)], to, v, inner)
            m.free(gates, *(() if product is None else (product,)), room, codes)
            m.free(*down.buffers, *gate_up.buffers)
            wide = open_wide(m, source, tiles.chunk, width)
            outputs = m.alloc("outputs", (tiles.chunk, width), "int32") if kind == "int64" else None
            for part in m.tiles(block.start, block.stop, tiles.chunk):
                y = m.view(sums)[part.within(block)]
                if not at_once:
                    to = y if outputs is None else m.view(outputs)[: part.size]
                    y = m.finish(y, p.down, down_scales, to)
                m.put(y, m.ops.add(hidden_rows(m, source, wide, part, across), y))
                m.store(source.state, part, across, y, p.norm)
            close_wide(m, wide)
            m.free(sums, down_room, *(() if outputs is None else (outputs,)))
        m.free(table)
    source.state.norm = p.norm
