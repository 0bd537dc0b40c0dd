"""Tiled attention over a :class:`~mcusim.planner.machine.Machine`: by groups of heads, in place.

Every token's keys and values need the old state of that token, so the mixed values of all heads stand
beside the state until the last group is done; only then are rows of the state overwritten.
"""

from __future__ import annotations

from mcusim.planner.buffers import Buffer
from mcusim.planner.choices import AttentionTiles, MixTiles, OutputTiles
from mcusim.planner.machine import Machine, Tile
from mcusim.planner.sublayers import (
    Source,
    close_wide,
    hidden_rows,
    open_wide,
)
from mcusim.planner.widths import activations_type
from refimpl.models.operators import Array
from refimpl.models.tree import Attention


def attention(m: Machine, p: Attention, source: Source, tiles: AttentionTiles) -> None:
    """``rms_norm(h + o(softmax(q k^T) v))`` by groups of heads; q is written where its output will stand."""
    with m.scope(source.scope(p.norm.name)):
        mixed = mixed_buffer(m, p)
        mix(m, p, source, tiles.mix, mixed)
        output(m, p, source, tiles.output, mixed)
        m.free(mixed)
    source.state.norm = p.norm


def mixed_buffer(m: Machine, p: Attention) -> Buffer:
    """The mixed values of all heads; q stands in their place before where both have 8 bits."""
    shape, kind = (m.config.positions, m.config.hidden_size), activations_type(m.format, p.values)
    return m.alloc("q, then mixed" if kind == "int8" else "mixed", shape, kind)


def mix(m: Machine, p: Attention, source: Source, tiles: MixTiles, mixed: Buffer) -> None:
    """Fill ``mixed`` with ``softmax(q k^T) v`` of all heads."""
    positions, hidden, size = m.config.positions, m.config.hidden_size, m.config.head_dim
    entering = activations_type(m.format, p.input)
    kept = m.alloc("activations", (positions, hidden), entering) if tiles.keep else None
    if kept is not None:
        wide = open_wide(m, source, tiles.chunk, hidden)
        for part in m.tiles(0, positions, tiles.chunk):
            h = hidden_rows(m, source, wide, part, across=False)
            m.put(m.view(kept)[part.start : part.stop], m.ops.quantize(h, p.input))
        close_wide(m, wide)
    keys = m.alloc("k", (tiles.heads, positions, size), "int8")
    values = m.alloc("v", (tiles.heads, positions, size), "int8")
    apart = None if mixed.dtype == "int8" else m.alloc("q", (tiles.heads, positions, size), "int8")
    for group in m.tiles(0, m.config.num_heads, tiles.heads):
        columns = m.view(mixed)[:, group.start * size : group.stop * size]
        target = _by_head(m, columns, group.size)
        q = target if apart is None else m.view(apart)[None, : group.size]
        k, v = m.view(keys)[None, : group.size], m.view(values)[None, : group.size]
        _project(m, p, source, tiles, kept, group, (q, k, v))
        scores = m.alloc("scores", (tiles.heads, tiles.queries, positions), "int8")
        weights = m.alloc("probabilities", (tiles.heads, tiles.queries, positions), "int16")
        for part in m.tiles(0, positions, tiles.queries):
            some = q[:, :, part.start : part.stop]
            s = m.put(m.view(scores)[None, : group.size, : part.size], m.ops.scores(some, k, p.scores))
            w = m.put(m.view(weights)[None, : group.size, : part.size], m.ops.softmax(s, p.softmax))
            m.put(target[:, :, part.start : part.stop], m.ops.weighted_values(w, v, p.values))
        m.free(scores, weights)
    m.free(keys, values, *(buffer for buffer in (apart, kept) if buffer is not None))


def _by_head(m: Machine, flat: Array, count: int) -> Array:
    """(t, heads d) -> (1, heads, t, d), a view."""
    return flat.reshape(1, flat.shape[0], count, m.config.head_dim).swapaxes(1, 2)


def _project(m: Machine, p: Attention, source: Source, tiles: MixTiles, kept: Buffer | None, group: Tile,
             targets: tuple[Array, Array, Array]) -> None:  # fmt: skip
    """q, k and v of a group of heads into ``targets``, q and k rotated."""
    positions, hidden, size = m.config.positions, m.config.hidden_size, m.config.head_dim
    together = 1 if tiles.separate else 3
    staged = m.stage(p.qkv, together * tiles.heads * size, hidden)
    entering = activations_type(m.format, p.input)
    fresh = None if kept is not None else m.alloc("activations of a chunk", (tiles.chunk, hidden), entering)
    wide = open_wide(m, source, tiles.chunk, hidden) if kept is None else None
    room = m.room(p.qkv, together * tiles.heads * size)
    rotation = m.alloc("cos and sin", (tiles.chunk, size), "int16") if p.rope is not None else None
    angles = m.alloc("angles", (2, size), "int32") if p.rope is not None else None
    projected = m.alloc("q, k, v of a chunk", (tiles.chunk, together * tiles.heads * size), "int8")
    rows = Tile(group.start * size, group.stop * size)
    for first in range(0, 3, together):
        parts = range(first, first + together)
        outputs = tuple(rows.shifted(i * hidden) for i in parts)
        w = m.fetch(staged, outputs, Tile(0, hidden), m.scales(p.qkv, outputs, room))
        for part in m.tiles(0, positions, tiles.chunk):
            at = slice(part.start, part.stop)
            if fresh is not None and wide is not None:
                h = hidden_rows(m, source, wide, part, across=False)
                codes = m.put(m.view(fresh)[: part.size], m.ops.quantize(h, p.input))
            else:
                assert kept is not None
                codes = m.view(kept)[at]
            flat = m.put(m.view(projected)[: part.size, : together * rows.size], m.ops.linear(codes, w))
            split = flat.reshape(part.size, together, group.size, size).transpose(1, 2, 0, 3)
            rope = None
            if rotation is not None and angles is not None and first < 2:
                rope = m.positions(p.rope, part, rotation, angles)
            for i, values in zip(parts, split, strict=True):
                turned = m.ops.rope(values[None], rope) if rope is not None and i < 2 else values[None]
                m.put(targets[i][:, :, at], turned)
    m.free(projected, room, *staged.buffers, *(b for b in (fresh, rotation, angles) if b is not None))
    if wide is not None:
        close_wide(m, wide)


def output(m: Machine, p: Attention, source: Source, tiles: OutputTiles, mixed: Buffer) -> None:
    """The output projection of ``mixed`` with residual and norm, some tokens at a time."""
    positions, hidden = m.config.positions, m.config.hidden_size
    for block in m.tiles(0, positions, tiles.rows):
        sums = m.alloc("sums", (tiles.rows, hidden), "int32")
        staged, room = m.stage(p.o, tiles.inner, hidden), m.room(p.o, tiles.inner)
        for inner in m.tiles(0, hidden, tiles.inner):
            w = m.fetch(staged, (inner,), Tile(0, hidden), m.scales(p.o, (inner,), room))
            codes = m.view(mixed)[block.start : block.stop]
            m.put(m.view(sums)[: block.size, inner.start : inner.stop], m.ops.linear(codes, w))
        m.free(room, *staged.buffers)
        wide = open_wide(m, source, tiles.chunk, hidden, "h of the output")
        for part in m.tiles(block.start, block.stop, tiles.chunk):
            y = m.view(sums)[part.within(block)]
            m.put(y, m.ops.add(hidden_rows(m, source, wide, part, across=False), y))
            m.store(source.state, part, False, y, p.norm)
        close_wide(m, wide)
        m.free(sums)
