"""The tree of a configuration with descriptions for leaves: names, shapes, official tensor keys.

Everything that has to visit a model's parameters without knowing a number format starts here: building
the float tree, reading an image, counting, seeding weights, validating a checkpoint.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from refimpl.models.config import ModelConfig
from refimpl.models.tree import Attention, Block, Embedding, Head, Model, SwiGLU

Kind = Literal["rescale", "linear", "silu", "norm", "rope", "softmax", "table", "vector"]


@dataclass(frozen=True, eq=False)
class Spec:
    """One leaf.

    ``key`` is the official tensor (without ``inner.``), ``bias_key`` that of a bias; ``shape`` is
    (N, K) of a linear, (rows, D) of a table, (D,) of a vector, (size,) of a norm, (T, d/2) of RoPE.
    ``out_bits`` is the width of a linear's output in the integer reading.
    """

    kind: Kind
    name: str
    shape: tuple[int, ...] = ()
    key: str = ""
    bias_key: str = ""
    out_bits: int = 8


def _swiglu(name: str, key: str, size: int, inner: int) -> SwiGLU:
    return SwiGLU(
        input=Spec("rescale", f"{name}.gate_up.input"),
        gate_up=Spec("linear", f"{name}.gate_up", (2 * inner, size), f"{key}.gate_up_proj.weight"),
        silu=Spec("silu", f"{name}.silu"),
        product=Spec("rescale", f"{name}.down.input"),
        down=Spec("linear", f"{name}.down", (size, inner), f"{key}.down_proj.weight", out_bits=32),
        norm=Spec("norm", f"{name}.norm", (size,)),
    )


def _attention(name: str, key: str, hidden: int, rope: Spec | None) -> Attention:
    return Attention(
        input=Spec("rescale", f"{name}.qkv.input"),
        qkv=Spec("linear", f"{name}.qkv", (3 * hidden, hidden), f"{key}.qkv_proj.weight"),
        rope=rope,
        scores=Spec("rescale", f"{name}.scores"),
        softmax=Spec("softmax", f"{name}.softmax"),
        values=Spec("rescale", f"{name}.o.input"),
        o=Spec("linear", f"{name}.o", (hidden, hidden), f"{key}.o_proj.weight", out_bits=32),
        norm=Spec("norm", f"{name}.norm", (hidden,)),
    )


def _level(config: ModelConfig, level: str, layers: int, rope: Spec | None) -> tuple[Block, ...]:
    hidden = config.hidden_size
    blocks = []
    for i in range(layers):
        name, key = f"{level}.{i}", f"{level}_level.layers.{i}"
        token: SwiGLU | Attention
        if config.token_intermediate_size is not None:
            width = config.token_intermediate_size
            token = _swiglu(f"{name}.mlp_t", f"{key}.mlp_t", config.positions, width)
        else:
            token = _attention(f"{name}.attn", f"{key}.self_attn", hidden, rope)
        channel = _swiglu(f"{name}.mlp", f"{key}.mlp", hidden, config.channel_intermediate_size)
        blocks.append(Block(token, channel))
    return tuple(blocks)


def skeleton(config: ModelConfig) -> Model:
    """Return the tree of ``config`` with :class:`Spec` leaves."""
    hidden, vocab = config.hidden_size, config.vocab_size
    rope = None
    if config.pos_encodings == "rope":
        rope = Spec("rope", "rope", (config.positions, config.head_dim // 2))
    positions = puzzles = None
    if config.pos_encodings == "learned":
        positions = Spec("table", "embed_pos", (config.positions, hidden), "embed_pos.embedding_weight")
    if config.puzzle_emb_len:
        puzzles = Spec("table", "puzzle_emb", (config.num_puzzle_identifiers, hidden), "puzzle_emb.weights")
    tokens = Spec("table", "embed_tokens", (vocab, hidden), "embed_tokens.embedding_weight")
    lm_head = Spec("linear", "lm_head", (vocab, hidden), "lm_head.weight", out_bits=32)
    q_head = Spec("linear", "q_head", (2, hidden), "q_head.weight", "q_head.bias", out_bits=32)
    L_level = _level(config, "L", config.L_layers, rope)
    return Model(
        config=config,
        embedding=Embedding(tokens, positions, puzzles, config.puzzle_emb_len),
        H_init=Spec("vector", "H_init", (hidden,), "H_init"),
        L_init=Spec("vector", "L_init", (hidden,), "L_init"),
        L_level=L_level,
        H_level=_level(config, "H", config.H_layers, rope) if config.family == "hrm" else L_level,
        lm_head=Head(Spec("rescale", "lm_head.input"), lm_head),
        q_head=Head(Spec("rescale", "q_head.input"), q_head),
    )
