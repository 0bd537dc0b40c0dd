"""Leaves of the float reading, and the float parameter tree built from official tensor names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from refimpl.models.config import ModelConfig
from refimpl.models.skeleton import Spec, skeleton
from refimpl.models.tree import Model, map_leaves

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
    """cos and sin, each (T, d/2); columns j and j + d/2 of a head turn by the same angle."""

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
    return Rope(np.cos(angles).astype(dtype), np.sin(angles).astype(dtype))


def input_scale(config: ModelConfig) -> float:
    """What every row of the input is multiplied by: sqrt(D), times 0.707.. where positions are learned."""
    scale = float(np.sqrt(config.hidden_size))
    return scale * LEARNED_POSITION_SCALE if config.pos_encodings == "learned" else scale


def build_model(
    config: ModelConfig, tensors: Mapping[str, npt.NDArray[np.floating]], dtype: npt.DTypeLike = np.float32
) -> Model:
    """Arrange official tensors (``inner.L_level.layers.0.mlp.down_proj.weight``, ...) as a float tree.

    The tensors must already have passed :func:`workbench.checkpoints.validate`.  Table rows take the
    :func:`input_scale` here.
    """
    scale = input_scale(config)

    def get(key: str) -> Floats:
        return np.asarray(tensors[f"inner.{key}"], dtype=dtype)

    def leaf(spec: Spec) -> object:
        if spec.kind == "linear":
            return Linear(spec.name, get(spec.key), get(spec.bias_key) if spec.bias_key else None)
        if spec.kind == "norm":
            return Norm(spec.name, config.rms_norm_eps, spec.shape[0])
        if spec.kind == "rope":
            return rope_tables(config, dtype)
        if spec.kind == "table":
            # Scaled in float64 and rounded once, so that float32 tables carry one rounding error.
            return RowTable(spec.name, (get(spec.key).astype(np.float64) * scale).astype(dtype))
        if spec.kind == "vector":
            return get(spec.key)
        return Site(spec.name)

    model = map_leaves(leaf, skeleton(config))
    assert isinstance(model, Model)
    return model
