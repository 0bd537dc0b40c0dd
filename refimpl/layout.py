"""Re-arrangements without arithmetic, the same in every reading (views where NumPy allows)."""

from __future__ import annotations

from refimpl.models.operators import Array


def split(a: Array) -> tuple[Array, Array]:
    """Halves of the last axis: rows [0, inter) of gate_up are the gate, [inter, 2 inter) up."""
    half = a.shape[-1] // 2
    return a[..., :half], a[..., half:]


def split_heads(qkv: Array, heads: int) -> tuple[Array, Array, Array]:
    """(B, T, 3 D) -> q, k, v of shape (B, heads, T, d); rows are all q heads, then k, then v."""
    batch, positions, width = qkv.shape
    parts = qkv.reshape(batch, positions, 3, heads, width // (3 * heads))
    q, k, v = (parts[:, :, i].swapaxes(1, 2) for i in range(3))
    return q, k, v


def merge_heads(a: Array) -> Array:
    """(B, h, T, d) -> (B, T, h d)."""
    batch, heads, positions, size = a.shape
    return a.swapaxes(1, 2).reshape(batch, positions, heads * size)


def transpose(h: Array) -> Array:
    """Swap the last two axes: (B, T, D) <-> (B, D, T)."""
    return h.swapaxes(-1, -2)


def task_positions(z: Array, prefix: int) -> Array:
    """Drop the ``prefix`` puzzle positions in front of the task's own."""
    return z[..., prefix:, :]


def first_position(z: Array) -> Array:
    """(B, T, D) -> (B, D): what the halting head reads."""
    return z[..., 0, :]
