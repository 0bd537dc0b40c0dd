"""The tiled recursion, written once over a :class:`~mcusim.planner.machine.Machine`.

One block of text serves planning and execution.  The arithmetic is that of :mod:`refimpl.models`,
operator by operator; what is added is when each row is computed and where it is kept.
"""

from __future__ import annotations

from collections.abc import Callable

from mcusim.planner.attention import attention
from mcusim.planner.buffers import Buffer
from mcusim.planner.choices import AttentionTiles
from mcusim.planner.machine import Machine, State, Tile
from mcusim.planner.sublayers import Source, swiglu
from mcusim.planner.widths import activations_type
from refimpl.models.operators import Array
from refimpl.models.order import Level
from refimpl.models.tree import Attention, Block, Model, SwiGLU

HEAD_TOKENS = 8  # tokens whose logits are computed at once; the heads are never the peak


def attention_mixer(layer: Block) -> Attention:
    """The token mixer of a layer that attends."""
    assert isinstance(layer.token, Attention)
    return layer.token


def gated_mixer(layer: Block) -> SwiGLU:
    """The token mixer of a layer that does not."""
    assert isinstance(layer.token, SwiGLU)
    return layer.token


def stack(m: Machine, layers: tuple[Block, ...], source: Source) -> None:
    """One call, ``z = layers(z + others (+ x))``, in place on ``source.state``."""
    for layer in layers:
        tiles = m.choices.token
        if isinstance(tiles, AttentionTiles):
            attention(m, attention_mixer(layer), source, tiles)
        else:
            swiglu(m, gated_mixer(layer), source, tiles, across=True)
        source = Source(source.state)
        swiglu(m, layer.channel, source, m.choices.channel, across=False)


def call_L(m: Machine, model: Model, z_H: State, z_L: State) -> None:
    """``z_L = f(z_L, z_H + x)``."""
    stack(m, model.L_level, Source(z_L, (z_H,), with_x=True))


def call_H(m: Machine, model: Model, z_H: State, z_L: State) -> None:
    """``z_H = f(z_H, z_L)``."""
    stack(m, model.H_level, Source(z_H, (z_L,)))


CALLS: dict[Level, Callable[[Machine, Model, State, State], None]] = {"L": call_L, "H": call_H}


def reset(m: Machine, model: Model, z_H: State, z_L: State) -> None:
    """The carry before the first ACT step."""
    for state, init in ((z_H, model.H_init), (z_L, model.L_init)):
        m.reset(state, init)


def heads(m: Machine, model: Model, z_H: State) -> tuple[Array, Array]:
    """Logits of the task's tokens, brought down to the answer; q of the first position.

    Returns
    -------
    answer (seq,) uint8 and q (2,) int32, copied out of the arena.
    """
    config = m.config
    prefix, last = config.puzzle_emb_len, config.positions
    with m.scope("heads"):
        answer = m.alloc("answer", (config.seq_len,), "uint8")
        logits = m.alloc("logits", (config.seq_len, config.vocab_size), "int32")
        head = model.lm_head
        kind = activations_type(m.format, head.input)
        codes = m.alloc("activations", (HEAD_TOKENS, config.hidden_size), kind)
        staged = m.stage(head.linear, config.vocab_size, config.hidden_size)
        rows, room = (Tile(0, config.vocab_size),), m.room(head.linear, config.vocab_size)
        w = m.fetch(staged, rows, Tile(0, config.hidden_size), m.scales(head.linear, rows, room))
        for part in m.tiles(prefix, last, HEAD_TOKENS):
            a = m.put(m.view(codes)[: part.size], m.ops.quantize(m.load(z_H, part, False), head.input))
            m.put(m.view(logits)[part.start - prefix : part.stop - prefix], m.ops.linear(a, w))
        m.put(m.view(answer), m.ops.argmax(m.view(logits)))
        m.free(logits, room, *staged.buffers)
        q = halting(m, model, z_H, codes)
        given = m.view(answer).copy()
        m.free(codes, answer)
    return given, q


def halting(m: Machine, model: Model, z_H: State, codes: Buffer) -> Array:
    """q (2,) of the first position, copied out of the arena; ``codes`` has room for its activations."""
    head, hidden = model.q_head, m.config.hidden_size
    q = m.alloc("q", (1, 2), "int32")
    staged = m.stage(head.linear, 2, hidden)
    rows, room = (Tile(0, 2),), m.room(head.linear, 2)
    w = m.fetch(staged, rows, Tile(0, hidden), m.scales(head.linear, rows, room))
    a = m.put(m.view(codes)[:1], m.ops.quantize(m.load(z_H, Tile(0, 1), False), head.input))
    m.put(m.view(q), m.ops.linear(a, w))
    given: Array = m.view(q)[0].copy()
    m.free(q, room, *staged.buffers)
    return given
