"""Leaves of the float reading, and the float parameter tree built from official tensor names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from refimpl.models.config import ModelConfig
from refimpl.models.tree import Attention, Block, Embedding, Head, Model, SwiGLU

Floats = npt.NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class Site:
    """A place where the integer reading changes format; the float reading passes through it."""

    name: str


@dataclass(frozen=True, eq=False)
class Linear:
    """``y = x W^T (+ bias)``; weight (N, K), bias (N,) or None."""

    name: str
    weight: Floats
    bias: Floats | None = None


@dataclass(frozen=True, eq=False)
class Norm:
    """RMSNorm without gain over a last axis of length ``size``."""

    name: str
    eps: float
    size: int


@dataclass(frozen=True, eq=False)
class Rope:
    """cos and sin, each (T, d), half-split: columns j and j + d/2 hold the same angle."""

    cos: Floats
    sin: Floats


@dataclass(frozen=True, eq=False)
class RowTable:
    """Embedding rows (rows, D) already multiplied by the input scale (sqrt(D), or 0.707.. sqrt(D))."""

    name: str
    values: Floats

    def rows(self, indices: npt.NDArray[np.integer]) -> Floats:
        return self.values[indices]


# The constant of the official code (not sqrt(0.5) to the last bit).
LEARNED_POSITION_SCALE = 0.707106781


def rope_tables(config: ModelConfig, dtype: npt.DTypeLike) -> Rope:
    """cos/sin of ``position / theta^(2j/d)``; positions count from 0 and include the prefix."""
    half = config.head_dim // 2
    inverse = 1.0 / config.rope_theta ** (np.arange(half, dtype=np.float64) * 2 / config.head_dim)
    angles = np.outer(np.arange(config.positions, dtype=np.float64), inverse)
    doubled = np.concatenate([angles, angles], axis=1)
    return Rope(np.cos(doubled).astype(dtype), np.sin(doubled).astype(dtype))


def build_model(
    config: ModelConfig, tensors: Mapping[str, npt.NDArray[np.floating]], dtype: npt.DTypeLike = np.float32
) -> Model:
    """Arrange official tensors (``inner.L_level.layers.0.mlp.down_proj.weight``, ...) as a float tree.

    The tensors must already have passed :func:`refimpl.checkpoints.validate`.
    """

    def get(key: str) -> Floats:
        return np.asarray(tensors[f"inner.{key}"], dtype=dtype)

    def swiglu(site: str, key: str, size: int) -> SwiGLU:
        return SwiGLU(
            input=Site(f"{site}.gate_up.input"),
            gate_up=Linear(f"{site}.gate_up", get(f"{key}.gate_up_proj.weight")),
            silu=Site(f"{site}.silu"),
            product=Site(f"{site}.down.input"),
            down=Linear(f"{site}.down", get(f"{key}.down_proj.weight")),
            norm=Norm(f"{site}.norm", config.rms_norm_eps, size),
        )

    rope = rope_tables(config, dtype) if config.pos_encodings == "rope" else None

    def token_mixer(site: str, key: str) -> SwiGLU | Attention:
        if config.mlp_t:
            return swiglu(f"{site}.mlp_t", f"{key}.mlp_t", config.positions)
        name = f"{site}.attn"
        return Attention(
            input=Site(f"{name}.qkv.input"),
            qkv=Linear(f"{name}.qkv", get(f"{key}.self_attn.qkv_proj.weight")),
            rope=rope,
            scores=Site(f"{name}.scores"),
            softmax=Site(f"{name}.softmax"),
            values=Site(f"{name}.o.input"),
            o=Linear(f"{name}.o", get(f"{key}.self_attn.o_proj.weight")),
            norm=Norm(f"{name}.norm", config.rms_norm_eps, config.hidden_size),
        )

    def level(name: str, layers: int) -> tuple[Block, ...]:
        return tuple(
            Block(
                token_mixer(f"{name}.{i}", f"{name}_level.layers.{i}"),
                swiglu(f"{name}.{i}.mlp", f"{name}_level.layers.{i}.mlp", config.hidden_size),
            )
            for i in range(layers)
        )

    scale = float(np.sqrt(config.hidden_size))
    learned = config.pos_encodings == "learned"
    token_scale = scale * LEARNED_POSITION_SCALE if learned else scale

    def table(name: str, key: str, factor: float) -> RowTable:
        # Scaled in float64 and rounded once, so that float32 tables carry one rounding error.
        return RowTable(name, (get(key).astype(np.float64) * factor).astype(dtype))

    embedding = Embedding(
        tokens=table("embed_tokens", "embed_tokens.embedding_weight", token_scale),
        positions=table("embed_pos", "embed_pos.embedding_weight", token_scale) if learned else None,
        puzzles=table("puzzle_emb", "puzzle_emb.weights", token_scale) if config.puzzle_emb_len else None,
        prefix=config.puzzle_emb_len,
    )
    L_level = level("L", config.L_layers)
    return Model(
        config=config,
        embedding=embedding,
        H_init=get("H_init"),
        L_init=get("L_init"),
        L_level=L_level,
        H_level=level("H", config.H_layers) if config.family == "hrm" else L_level,
        lm_head=Head(Site("lm_head.input"), Linear("lm_head", get("lm_head.weight"))),
        q_head=Head(Site("q_head.input"), Linear("q_head", get("q_head.weight"), get("q_head.bias"))),
    )
