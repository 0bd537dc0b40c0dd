"""What a planner may choose.  Every choice gives the same bits; they differ in memory, traffic and time."""

from __future__ import annotations

from dataclasses import dataclass

from refimpl.models.config import ModelConfig


@dataclass(frozen=True)
class SwiGLUTiles:
    """A gated sublayer: ``rows`` (tokens, or channels of an MLP token mixer) share one pass over the
    weights and hold int32 partial sums; weights come ``inner`` hidden units at a time; work proceeds
    ``chunk`` rows at a time."""

    rows: int
    inner: int
    chunk: int


@dataclass(frozen=True)
class MixTiles:
    """q, k, v and their mixing: ``heads`` at once, projected ``chunk`` tokens and scored ``queries`` tokens
    at a time.  ``keep`` holds the int8 activations from the first group of heads to the last instead of
    computing them again; ``separate`` fetches the weights of q, k and v one after another."""

    heads: int
    chunk: int
    queries: int
    keep: bool
    separate: bool


@dataclass(frozen=True)
class OutputTiles:
    """The output projection: ``rows`` tokens share one pass over the weights, which come ``inner`` outputs
    at a time; residual and norm ``chunk`` tokens at a time."""

    rows: int
    inner: int
    chunk: int


@dataclass(frozen=True)
class AttentionTiles:
    """Both halves of an attention sublayer."""

    mix: MixTiles
    output: OutputTiles


@dataclass(frozen=True)
class Late:
    """Attention in less room: the last ``heads`` heads are mixed for ``rows`` tokens at a time, right before
    those are overwritten.  Their keys and values are projected again for every block of tokens."""

    heads: int
    rows: int


@dataclass(frozen=True)
class Choices:
    """One point of the planner's space.

    ``x_stored``: the embedded input stays in the arena; otherwise it is computed again from its rows
    wherever it is added.  ``resident``: sublayers (``token``, ``channel``) whose weight codes are copied
    to the arena once.  ``staged``: all other weights pass through a double buffer in the arena, as a
    DMA needs; otherwise kernels read them where they stand, once for each tile of tokens.
    """

    token: SwiGLUTiles | AttentionTiles
    channel: SwiGLUTiles
    x_stored: bool = False
    resident: frozenset[str] = frozenset()
    staged: bool = True
    late: Late | None = None


def whole(config: ModelConfig) -> Choices:
    """Every operator in one tile: most memory, least overhead."""
    positions, hidden = config.positions, config.hidden_size
    token: SwiGLUTiles | AttentionTiles
    if config.token_intermediate_size is not None:
        token = SwiGLUTiles(hidden, config.token_intermediate_size, hidden)
    else:
        mix = MixTiles(config.num_heads, positions, positions, keep=True, separate=False)
        token = AttentionTiles(mix, OutputTiles(positions, hidden, positions))
    channel = SwiGLUTiles(positions, config.channel_intermediate_size, positions)
    return Choices(token, channel, x_stored=True)
