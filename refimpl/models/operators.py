"""What a namespace must offer to be a reading of the model text.

Modules (:mod:`refimpl.ops`, :mod:`refimpl.fast`, :mod:`refimpl.float_ops`) and objects (a metering
wrapper) both qualify.  ``Array`` is what the reading passes between operators; leaves are documented
with each reading.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

Array = Any
Leaf = Any


class Operators(Protocol):
    """The operator namespace; shapes use B batch, T positions, D hidden, h heads, d head size."""

    def embed(self, tokens: Array, puzzle_ids: Array | None, p: Any) -> Array:
        """(B, seq) token codes -> x (B, T, D), prefix in front, scaled by sqrt(D)."""

    def reset(self, p: Leaf, batch: int, positions: int) -> Array:
        """An init vector (D,) -> state (B, T, D)."""

    def add(self, first: Array, *others: Array) -> Array:
        """Sum of states and wide sums."""

    def quantize(self, h: Array, p: Leaf) -> Array:
        """State or wide sum -> activations of one call site."""

    def linear(self, a: Array, p: Leaf) -> Array:
        """(..., K) activations -> (..., N) in the output format of ``p``."""

    def silu(self, a: Array, p: Leaf) -> Array:
        """x * sigmoid(x)."""

    def multiply(self, a: Array, b: Array, p: Leaf) -> Array:
        """Element-wise product, brought to the activations of the next call site."""

    def rms_norm(self, h: Array, p: Leaf) -> Array:
        """x / sqrt(mean(x^2) + eps) over the last axis -> state."""

    def rope(self, a: Array, p: Leaf) -> Array:
        """Half-split rotation of (B, h, T, d) by position."""

    def scores(self, q: Array, k: Array, p: Leaf) -> Array:
        """q k^T / sqrt(d) -> (B, h, T, T)."""

    def softmax(self, a: Array, p: Leaf) -> Array:
        """Softmax over the last axis."""

    def weighted_values(self, probabilities: Array, v: Array, p: Leaf) -> Array:
        """probabilities @ v -> (B, h, T, d)."""

    def change(self, new: Array, old: Array) -> Array:
        """States (B, T, D) -> (B, 2): sum and largest of ``|new - old|``, in state units."""

    def argmax(self, logits: Array) -> Array:
        """Index of the largest logit, ties to the lowest."""

    def split(self, a: Array) -> tuple[Array, Array]:
        """Halves of the last axis: gate, up."""

    def split_heads(self, qkv: Array, heads: int) -> tuple[Array, Array, Array]:
        """(B, T, 3 D) -> q, k, v, each (B, h, T, d)."""

    def merge_heads(self, a: Array) -> Array:
        """(B, h, T, d) -> (B, T, D)."""

    def transpose(self, h: Array) -> Array:
        """Swap the last two axes."""

    def task_positions(self, z: Array, prefix: int) -> Array:
        """Drop the prefix positions."""

    def first_position(self, z: Array) -> Array:
        """(B, T, D) -> (B, D) at position 0."""


OPERATORS = frozenset(name for name in vars(Operators) if not name.startswith("_"))


def check_reading(name: str, offered: Iterable[str]) -> None:
    """Fail, when the reading ``name`` is imported, where an operator is missing or is called by nobody."""
    difference = sorted(OPERATORS.symmetric_difference(offered))
    if difference:
        raise ImportError(f"{name} and the operators of the model text differ in {', '.join(difference)}")
