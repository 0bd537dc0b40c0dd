"""The float reading: what the paper calls FP32, in float32 or float64 (the dtype of its leaves)."""

from __future__ import annotations

from typing import Any

import numpy as np

from refimpl.fixedpoint import STATE_FRAC_BITS
from refimpl.float_params import Floats, Linear, Norm, Rope, Site
from refimpl.layout import first_position, merge_heads, split, split_heads, task_positions, transpose
from refimpl.models.operators import check_reading
from refimpl.models.tree import Embedding

__all__ = [
    "add", "argmax", "change", "embed", "first_position", "linear", "merge_heads", "multiply", "quantize",
    "reset", "rms_norm", "rope", "scores", "silu", "softmax", "split", "split_heads", "task_positions",
    "transpose", "weighted_values",
]  # fmt: skip

check_reading(__name__, __all__)


def embed(tokens: Any, puzzle_ids: Any, p: Embedding) -> Floats:
    """Token rows with the zero-padded puzzle row in front, plus positions where they are learned."""
    tokens = np.asarray(tokens)
    x: Floats = p.tokens.rows(tokens)
    if p.puzzles is not None:
        ids = np.zeros(len(tokens), np.int64) if puzzle_ids is None else np.asarray(puzzle_ids)
        row = p.puzzles.rows(ids)
        prefix = np.zeros((len(tokens), p.prefix * x.shape[-1]), x.dtype)
        prefix[:, : row.shape[-1]] = row
        x = np.concatenate([prefix.reshape(len(tokens), p.prefix, -1), x], axis=1)
    if p.positions is not None:
        x = x + p.positions.rows(np.arange(x.shape[1]))
    return x


def reset(p: Floats, batch: int, positions: int) -> Floats:
    return np.broadcast_to(p, (batch, positions, len(p)))


def add(first: Floats, *others: Floats) -> Floats:
    total = first
    for other in others:
        total = total + other
    return total


def quantize(h: Floats, p: Site) -> Floats:
    """Identity: the float reading has no activation format."""
    return h


def linear(a: Floats, p: Linear) -> Floats:
    flat = np.ascontiguousarray(a).reshape(-1, a.shape[-1])
    y = flat @ p.weight.T
    if p.bias is not None:
        y += p.bias
    return y.reshape(*a.shape[:-1], p.weight.shape[0])


def silu(a: Floats, p: Site) -> Floats:
    with np.errstate(over="ignore"):  # exp(-x) -> inf gives the right limit, 0
        return a / (1 + np.exp(-a))


def multiply(a: Floats, b: Floats, p: Site) -> Floats:
    return a * b


def rms_norm(h: Floats, p: Norm) -> Floats:
    """``h / sqrt(mean(h^2) + eps)``, no gain."""
    mean_square = np.mean(np.square(h), axis=-1, keepdims=True)
    return h * (1 / np.sqrt(mean_square + h.dtype.type(p.eps)))


def rope(a: Floats, p: Rope) -> Floats:
    """Half-split rotation: ``(x cos - y sin, y cos + x sin)`` for the halves x, y of the last axis."""
    x, y = split(a)
    return np.concatenate([x * p.cos - y * p.sin, y * p.cos + x * p.sin], axis=-1)


def scores(q: Floats, k: Floats, p: Site) -> Floats:
    return np.matmul(q, k.swapaxes(-1, -2)) * q.dtype.type(q.shape[-1] ** -0.5)


def softmax(a: Floats, p: Site) -> Floats:
    e = np.exp(a - a.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def weighted_values(probabilities: Floats, v: Floats, p: Site) -> Floats:
    return np.matmul(probabilities, v)


def change(new: Floats, old: Floats) -> Floats:
    """Sum and largest of ``|new - old|``, in the state units of the integer reading."""
    moved = np.abs(new.astype(np.float64) - old).reshape(len(new), -1) * (1 << STATE_FRAC_BITS)
    return np.stack([moved.sum(axis=1), moved.max(axis=1)], axis=1)


def argmax(logits: Floats) -> Any:
    """Ties go to the lowest token, as in the integer reading."""
    return np.argmax(logits, axis=-1)
