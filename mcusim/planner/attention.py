"""Tiled attention over a :class:`~mcusim.planner.machine.Machine`, in place on the state.

Every token's keys and values need the old state of that token.  So the mixed values of all heads stand beside
the state until the last head is done, or, to save room, of all but the ``late`` heads.  Those are mixed for a
block of tokens right before its rows of the state are overwritten: keys and values of later tokens come from
the old state, those of tokens already overwritten were kept, where the tokens' mixed values had stood.
"""

from __future__ import annotations

from mcusim.planner.buffers import Buffer
from mcusim.planner.choices import AttentionTiles, Late, MixTiles, OutputTiles
from mcusim.planner.machine import Machine, Tile
from mcusim.planner.mixing import Job, attend, by_head, mix, output, project
from mcusim.planner.sublayers import Source
from mcusim.planner.widths import activations_type
from refimpl.errors import NotImplementedHere
from refimpl.models.operators import Array
from refimpl.models.tree import Attention


def attention(m: Machine, p: Attention, source: Source, tiles: AttentionTiles) -> None:
    """``rms_norm(h + o(softmax(q k^T) v))``."""
    with m.scope(source.scope(p.norm.name)):
        late = m.choices.late
        mixed = mixed_buffer(m, p)
        mix(m, p, source, tiles.mix, mixed)
        if late is None:
            output(m, p, source, tiles.output, Tile(0, m.config.positions),
                   lambda rows: m.view(mixed)[rows.start : rows.stop])  # fmt: skip
        else:
            own = own_buffer(m, late)
            for block in m.tiles(0, m.config.positions, late.rows, "each"):
                mix_late(m, p, source, tiles.mix, mixed, own, block)
                output_late(m, p, source, tiles.output, mixed, own, block)
            m.free(own)
        m.free(mixed)
    source.state.norm = p.norm


def mixed_buffer(m: Machine, p: Attention) -> Buffer:
    """Mixed values of all heads that are not late; q stands in their place before where both have 8 bits."""
    late, kind = m.choices.late, activations_type(m.format, p.values)
    if late is not None and kind != "int8":
        raise NotImplementedHere(f"{m.format}: late heads keep int8 values where {kind} values would stand.")
    columns = m.config.hidden_size - (0 if late is None else late.heads * m.config.head_dim)
    return m.alloc("q, then mixed" if kind == "int8" else "mixed", (m.config.positions, columns), kind)


def own_buffer(m: Machine, late: Late) -> Buffer:
    """Mixed values of the late heads, for a block of tokens."""
    return m.alloc("q, then mixed of late heads", (late.rows, late.heads * m.config.head_dim), "int8")


def mix_late(m: Machine, p: Attention, source: Source, tiles: MixTiles, mixed: Buffer, own: Buffer,
             block: Tile) -> None:  # fmt: skip
    """Fill ``own`` with the late heads of the tokens of ``block``."""
    positions, size = m.config.positions, m.config.head_dim
    first = mixed.shape[1] // size
    keys, values = (m.alloc(f"{name} of a late head", (1, positions, size), "int8") for name in "kv")
    later = Tile(block.start, positions)
    for head in m.tiles(first, m.config.num_heads, 1):
        at = head.shifted(-first)
        q = by_head(m, m.view(own)[: block.size, at.start * size : at.stop * size], 1)
        k, v = m.view(keys)[None], m.view(values)[None]
        for target, kept in zip((k, v), _kept(m, mixed, at), strict=True):
            m.put(target[:, :, : block.start], kept[:, :, : block.start])
        jobs = Job((0,), block, block.start), Job((1,), later), Job((2,), later)
        project(m, p, source, tiles, None, head, jobs, (q, k, v))
        attend(m, p, tiles, (q, k, v), q, block.size)
    m.free(keys, values)


def _kept(m: Machine, mixed: Buffer, late_head: Tile) -> tuple[Array, Array]:
    """Where k and v of a late head stand once the mixed values of their token have been read."""
    size = m.config.head_dim
    columns = m.view(mixed)[:, 2 * size * late_head.start : 2 * size * late_head.stop]
    both = by_head(m, columns, 2)
    return both[:, :1], both[:, 1:]


def output_late(m: Machine, p: Attention, source: Source, tiles: OutputTiles, mixed: Buffer, own: Buffer,
                block: Tile) -> None:  # fmt: skip
    """Finish the tokens of ``block``; keys and values of their late heads are kept in ``mixed``."""
    split, first = mixed.shape[1], mixed.shape[1] // m.config.head_dim
    joined = m.alloc("mixed of all heads", (tiles.rows, m.config.hidden_size), "int8")
    keeping = MixTiles(1, tiles.chunk, 1, keep=False, separate=True)

    def join(rows: Tile) -> Array:
        whole = m.view(joined)[: rows.size]
        early, late = m.view(mixed)[rows.start : rows.stop], m.view(own)[rows.within(block)]
        m.put(whole[None, None, :, :split], early[None, None])
        m.put(whole[None, None, :, split:], late[None, None])
        for head in m.tiles(first, m.config.num_heads, 1):
            k, v = _kept(m, mixed, head.shifted(-first))
            jobs = Job((1,), rows), Job((2,), rows)
            project(m, p, source, keeping, None, head, jobs, (k, k, v), "kept chunk")
        return whole

    output(m, p, source, tiles, block, join, "each")
    m.free(joined)
