"""The options of each kind of sublayer, counted one by one.

A sublayer's work differs only by where its input comes from (the first layer of an L call adds z_H and x,
that of an H call adds z_L), so each option is counted once for each such *context*.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import Literal

from mcusim.planner.attention import mix_late, mixed_buffer, output_late, own_buffer
from mcusim.planner.buffers import Buffer
from mcusim.planner.choices import AttentionTiles, Choices, Late, MixTiles, OutputTiles, SwiGLUTiles
from mcusim.planner.counting import CountingMachine
from mcusim.planner.ledger import overlapped, row_source, site_time
from mcusim.planner.machine import State, Tile
from mcusim.planner.mixing import mix, output
from mcusim.planner.plan import resident_linears
from mcusim.planner.schedule import attention_mixer, gated_mixer, heads
from mcusim.planner.sublayers import Source, swiglu
from mcusim.planner.target import Target
from mcusim.timing import total_time
from refimpl.errors import NotImplementedHere
from refimpl.formats import Format
from refimpl.models.config import ModelConfig
from refimpl.models.skeleton import skeleton
from refimpl.models.tree import Attention, Block

PASSES = (1, 2, 3, 4, 6, 8, 16, 48)
INNER = (4, 16, 64, 256)
CHUNKS = (2, 8, 32)
QUERIES = (4, 16, 64)
HEADS = (1, 2, 8)

Kind = Literal["token", "mix", "output", "channel"]
Tiles = SwiGLUTiles | MixTiles | OutputTiles


@dataclass(frozen=True)
class Option:
    """One way to run all sublayers of a kind during an ACT step."""

    tiles: Tiles
    scratch: int
    weight_bytes: int
    seconds: float


def _up_to(sizes: tuple[int, ...], limit: int) -> list[int]:
    return [size for size in sizes if size < limit] + [limit]


def swiglu_tiles(count: int, inner_size: int) -> Iterator[SwiGLUTiles]:
    """Row tiles by number of weight passes, hidden units at a time, rows at a time."""
    for rows in sorted({-(-count // passes) for passes in PASSES} | {2}):
        for inner, chunk in product(_up_to(INNER, inner_size), _up_to(CHUNKS, rows)):
            yield SwiGLUTiles(rows, inner, chunk)


def mix_tiles(config: ModelConfig, late: bool) -> Iterator[MixTiles]:
    """Groups of heads, tokens at a time, queries at a time, what is kept, what is fetched at once; beside
    ``late`` heads only what takes least."""
    positions, both = config.positions, (False, True)
    if late:
        for chunk, some in product(_up_to(CHUNKS[1:], positions)[:2], _up_to(QUERIES, positions)[:2]):
            yield MixTiles(1, chunk, some, keep=False, separate=True)
        return
    groups = _up_to(HEADS, config.num_heads)
    chunks, queries = _up_to(CHUNKS[1:], positions), _up_to(QUERIES, positions)
    for choice in product(groups, chunks, queries, both, both):
        yield MixTiles(*choice)


def output_tiles(config: ModelConfig, most: int) -> Iterator[OutputTiles]:
    """Row tiles by number of weight passes, of at most ``most`` tokens; outputs and rows at a time."""
    for rows in sorted({min(most, -(-config.positions // passes)) for passes in PASSES}):
        for inner, chunk in product(_up_to((8, 64), config.hidden_size), _up_to(CHUNKS[1:], rows)):
            yield OutputTiles(rows, inner, chunk)


class OptionCounter:
    """Counts options of one model in one format on one target."""

    def __init__(self, config: ModelConfig, format: Format, target: Target) -> None:
        self.config = config
        self.format = format
        self.target = target
        self.model = skeleton(config)
        self.rows = row_source(config)
        self._known: dict[tuple[object, ...], tuple[int, int, float]] = {}

    @property
    def kinds(self) -> tuple[Kind, ...]:
        return ("token", "channel") if self.config.mlp_t else ("mix", "output", "channel")

    def heads_scratch(self, staged: bool) -> int:
        """Bytes of scratch that reading the answer needs under every choice."""
        some = SwiGLUTiles(1, 2, 1)
        m = CountingMachine(self.config, Choices(some, some, staged=staged), self.format)
        shape = (self.config.positions, self.config.hidden_size)
        heads(
            m,
            self.model,
            State(Buffer("z_H", shape, self.format.carry), self.model.H_level[-1].channel.norm),
        )
        return m.placements["heads"].size

    def options(self, kind: Kind, base: Choices) -> list[Option]:
        """Options of ``kind`` that no other beats in scratch, traffic and time at once; what concerns all
        kinds is chosen in ``base``."""
        config = self.config
        tiles: Iterator[Tiles]
        if kind == "mix":
            tiles = mix_tiles(config, base.late is not None)
        elif kind == "output":
            tiles = output_tiles(config, config.positions if base.late is None else base.late.rows)
        elif kind == "token":
            assert config.token_intermediate_size is not None
            tiles = swiglu_tiles(config.hidden_size, config.token_intermediate_size)
        else:
            tiles = swiglu_tiles(config.positions, config.channel_intermediate_size)
        return pareto([o for t in tiles if (o := self._option(kind, t, base)) is not None])

    def _option(self, kind: Kind, tiles: Tiles, base: Choices) -> Option | None:
        """None for tiles of weights that begin within a byte, or of rows that must be whole."""
        here = frozenset({"channel" if kind == "channel" else "token"}) & base.resident
        late = base.late if kind in ("mix", "output") else None
        choices = replace(base, resident=here, late=late)
        scratch, weights, seconds = 0, 0, 0.0
        for context, (source, layer, times) in enumerate(self._contexts(kind)):
            key = (kind, tiles, context, base.x_stored and source.with_x, here, base.staged, late)
            if key not in self._known:
                try:
                    self._known[key] = self._count(kind, tiles, source, layer, choices)
                except NotImplementedHere:
                    return None
            size, read, time = self._known[key]
            scratch, weights, seconds = max(scratch, size), weights + times * read, seconds + times * time
        return Option(tiles, scratch, weights, seconds)

    def _count(self, kind: Kind, tiles: Tiles, source: Source, layer: Block,
               choices: Choices) -> tuple[int, int, float]:  # fmt: skip
        """(scratch, weight bytes, seconds) of one sublayer; it does not look at the tiles in ``choices``."""
        names = frozenset(resident_linears(self.model, choices.resident))
        m = CountingMachine(self.config, choices, self.format, names)
        if isinstance(tiles, SwiGLUTiles):
            sublayer = gated_mixer(layer) if kind == "token" else layer.channel
            swiglu(m, sublayer, source, tiles, across=kind == "token")
        else:
            with m.scope("half"):
                _half(m, attention_mixer(layer), source, tiles)
        part, memories = self.target.part, self.target.memories
        overlap = overlapped(choices.staged, memories)
        time = total_time(
            site_time(work, self.format.weights_at(site).bits, self.rows, part, memories, overlap)
            for site, work in m.ledger.sites.items()
        )
        (placement,) = m.placements.values()
        return placement.size, m.ledger.code_bytes, time.high

    def _contexts(self, kind: Kind) -> Iterator[tuple[Source, Block, int]]:
        """(source, layer, times) of every different use of a sublayer in an ACT step."""
        calls = self.config.order.per_step
        H, L = calls["H"], calls["L"]
        shape = (self.config.positions, self.config.hidden_size)
        layers_L, layers_H = self.model.L_level, self.model.H_level
        z_H = State(Buffer("z_H", shape, self.format.carry), layers_H[-1].channel.norm)
        z_L = State(Buffer("z_L", shape, self.format.carry), layers_L[-1].channel.norm)
        if kind == "channel":
            yield Source(z_L), layers_L[0], L * len(layers_L) + H * len(layers_H)
            return
        yield Source(z_L, (z_H,), with_x=True), layers_L[0], L
        yield Source(z_H, (z_L,)), layers_H[0], H
        more = L * (len(layers_L) - 1) + H * (len(layers_H) - 1)
        if more:
            yield Source(z_L), layers_L[-1], more


def _half(m: CountingMachine, p: Attention, source: Source, tiles: MixTiles | OutputTiles) -> None:
    """What one half of an attention sublayer does, with what the other half holds meanwhile."""
    late, everything = m.choices.late, Tile(0, m.config.positions)
    mixed = mixed_buffer(m, p)
    if isinstance(tiles, MixTiles):
        mix(m, p, source, tiles, mixed)
    elif late is None:
        output(m, p, source, tiles, everything, lambda rows: m.view(mixed)[rows.start : rows.stop])
    if late is not None:
        own = own_buffer(m, late)
        for block in m.tiles(0, everything.stop, late.rows, "each"):
            if isinstance(tiles, MixTiles):
                mix_late(m, p, source, tiles, mixed, own, block)
            else:
                output_late(m, p, source, tiles, mixed, own, block)
        m.free(own)
    m.free(mixed)


def late_heads(config: ModelConfig, format: Format) -> Late | None:
    """A fourth of the heads late, an eighth of the tokens at a time.  At most a third of the heads could be:
    their keys and values need room where mixed values stood."""
    heads = config.num_heads // 4
    if not heads or config.token_intermediate_size is not None:
        return None
    if format.activations.width_at("attn.values") > 8:
        return None
    return Late(heads, -(-config.positions // 8))


def pareto(options: list[Option]) -> list[Option]:
    """Options not beaten (or equalled by an earlier one) in every respect."""
    kept: list[Option] = []
    for option in sorted(options, key=lambda o: (o.scratch, o.seconds, o.weight_bytes)):
        if not any(k.seconds <= option.seconds and k.weight_bytes <= option.weight_bytes for k in kept):
            kept.append(option)
    return kept


def combined(base: Choices, chosen: dict[Kind, Option]) -> Choices:
    """``base`` with the tiles of one option of each kind."""
    tiles = {kind: option.tiles for kind, option in chosen.items()}
    channel = tiles["channel"]
    assert isinstance(channel, SwiGLUTiles)
    if "token" in tiles:
        token = tiles["token"]
        assert isinstance(token, SwiGLUTiles)
        return replace(base, token=token, channel=channel)
    first, second = tiles["mix"], tiles["output"]
    assert isinstance(first, MixTiles)
    assert isinstance(second, OutputTiles)
    return replace(base, token=AttentionTiles(first, second), channel=channel)
