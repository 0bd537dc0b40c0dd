"""The halves of a tiled attention sublayer: heads are mixed by groups, then projected into the state."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mcusim.planner.buffers import Buffer
from mcusim.planner.choices import MixTiles, OutputTiles
from mcusim.planner.machine import Machine, Tile, Where
from mcusim.planner.sublayers import (
    Source,
    close_wide,
    hidden_rows,
    open_wide,
)
from mcusim.planner.widths import activations_type
from refimpl.models.operators import Array
from refimpl.models.tree import Attention


def mix(m: Machine, p: Attention, source: Source, tiles: MixTiles, mixed: Buffer) -> None:
    """Fill ``mixed`` with ``softmax(q k^T) v`` of as many heads as it has room for; q is written where its
    output will stand."""
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
    everything = Tile(0, positions)
    for group in m.tiles(0, mixed.shape[1] // size, tiles.heads):
        columns = m.view(mixed)[:, group.start * size : group.stop * size]
        target = by_head(m, columns, group.size)
        q = target if apart is None else m.view(apart)[None, : group.size]
        k, v = m.view(keys)[None, : group.size], m.view(values)[None, : group.size]
        turns = [(0,), (1,), (2,)] if tiles.separate else [(0, 1, 2)]
        jobs = [Job(parts, everything) for parts in turns]
        project(m, p, source, tiles, kept, group, jobs, (q, k, v))
        attend(m, p, tiles, (q, k, v), target, positions)
    m.free(keys, values, *(buffer for buffer in (apart, kept) if buffer is not None))


def attend(m: Machine, p: Attention, tiles: MixTiles, qkv: tuple[Array, Array, Array], target: Array,
           queries: int) -> None:  # fmt: skip
    """``softmax(q k^T) v`` of some heads for ``queries`` rows into ``target``, which may be q."""
    q, k, v = qkv
    heads, keys = q.shape[1], k.shape[2]
    scores = m.alloc("scores", (tiles.heads, tiles.queries, keys), "int8")
    weights = m.alloc("probabilities", (tiles.heads, tiles.queries, keys), "int16")
    for part in m.tiles(0, queries, tiles.queries):
        some = q[:, :, part.start : part.stop]
        s = m.put(m.view(scores)[None, :heads, : part.size], m.ops.scores(some, k, p.scores))
        w = m.put(m.view(weights)[None, :heads, : part.size], m.ops.softmax(s, p.softmax))
        m.put(target[:, :, part.start : part.stop], m.ops.weighted_values(w, v, p.values))
    m.free(scores, weights)


def by_head(m: Machine, flat: Array, count: int) -> Array:
    """(t, heads d) -> (1, heads, t, d), a view."""
    return flat.reshape(1, flat.shape[0], count, m.config.head_dim).swapaxes(1, 2)


@dataclass(frozen=True)
class Job:
    """Which of q, k, v (0, 1, 2) to project together, and of which tokens; their targets begin at token
    ``origin``."""

    parts: tuple[int, ...]
    tokens: Tile
    origin: int = 0


def project(m: Machine, p: Attention, source: Source, tiles: MixTiles, kept: Buffer | None, group: Tile,
            jobs: Sequence[Job], targets: tuple[Array, Array, Array],
            name: str = "chunk") -> None:  # fmt: skip
    """Parts of q, k, v of a group of heads into ``targets`` (1, heads, tokens, d), q and k rotated."""
    hidden, size = m.config.hidden_size, m.config.head_dim
    together = 1 if tiles.separate else 3
    staged = m.stage(p.qkv, together * tiles.heads * size, hidden)
    fresh = None
    if kept is None:
        entering = activations_type(m.format, p.input)
        fresh = m.alloc(f"activations of a {name}", (tiles.chunk, hidden), entering)
    wide = open_wide(m, source, tiles.chunk, hidden, f"h of a {name}") if kept is None else None
    room = m.room(p.qkv, together * tiles.heads * size)
    rotation = angles = None
    if p.rope is not None:
        rotation = m.alloc(f"cos and sin of a {name}", (tiles.chunk, size), "int16")
        angles = m.alloc("angles", (2, size), "int32")
    projected = m.alloc(f"q, k, v of a {name}", (tiles.chunk, together * tiles.heads * size), "int8")
    rows = Tile(group.start * size, group.stop * size)
    for job in jobs:
        outputs, count = tuple(rows.shifted(i * hidden) for i in job.parts), len(job.parts)
        w = m.fetch(staged, outputs, Tile(0, hidden), m.scales(p.qkv, outputs, room))
        for part in m.tiles(job.tokens.start, job.tokens.stop, tiles.chunk, "known"):
            if fresh is not None and wide is not None:
                h = hidden_rows(m, source, wide, part, across=False)
                codes = m.put(m.view(fresh)[: part.size], m.ops.quantize(h, p.input))
            else:
                assert kept is not None
                codes = m.view(kept)[part.start : part.stop]
            flat = m.put(m.view(projected)[: part.size, : count * rows.size], m.ops.linear(codes, w))
            split = flat.reshape(part.size, count, group.size, size).transpose(1, 2, 0, 3)
            rope = None
            if rotation is not None and angles is not None and job.parts[0] < 2:
                rope = m.positions(p.rope, part, rotation, angles)
            at = slice(part.start - job.origin, part.stop - job.origin)
            for i, values in zip(job.parts, split, strict=True):
                turned = m.ops.rope(values[None], rope) if rope is not None and i < 2 else values[None]
                m.put(targets[i][:, :, at], turned)
    m.free(projected, room, *staged.buffers, *(b for b in (fresh, rotation, angles) if b is not None))
    if wide is not None:
        close_wide(m, wide)


def output(m: Machine, p: Attention, source: Source, tiles: OutputTiles, rows: Tile,
           mixed: Callable[[Tile], Array], where: Where = "any") -> None:  # fmt: skip
    """The output projection of ``rows`` with residual and norm, some tokens at a time.

    ``mixed`` brings the values of a tile of tokens, (tokens, D).
    """
    hidden = m.config.hidden_size
    for block in m.tiles(rows.start, rows.stop, tiles.rows, where):
        codes = mixed(block)
        sums = m.alloc("sums", (tiles.rows, hidden), "int32")
        staged, room = m.stage(p.o, tiles.inner, hidden), m.room(p.o, tiles.inner)
        for inner in m.tiles(0, hidden, tiles.inner):
            w = m.fetch(staged, (inner,), Tile(0, hidden), m.scales(p.o, (inner,), room))
            m.put(m.view(sums)[: block.size, inner.start : inner.stop], m.ops.linear(codes, w))
        m.free(room, *staged.buffers)
        wide = open_wide(m, source, tiles.chunk, hidden, "h of the output")
        for part in m.tiles(block.start, block.stop, tiles.chunk):
            y = m.view(sums)[part.within(block)]
            m.put(y, m.ops.add(hidden_rows(m, source, wide, part, across=False), y))
            m.store(source.state, part, False, y, p.norm)
        close_wide(m, wide)
        m.free(sums)
