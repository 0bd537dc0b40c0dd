"""The parameter tree every reading shares: one structure, leaves in the reading's own number format.

A *leaf* (typed ``Leaf``) is whatever the operators of one reading take: an array-carrying
:class:`refimpl.float_params.Linear` for the float reading, a :class:`refimpl.params.Linear` for the
integer one.  The model text in :mod:`refimpl.models.blocks` only hands leaves to operators.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any

from refimpl.models.config import ModelConfig
from refimpl.models.halting import StopRule

Leaf = Any


@dataclass(frozen=True)
class SwiGLU:
    """Gated feed-forward sublayer with its residual norm; ``input`` prepares the activations."""

    input: Leaf
    gate_up: Leaf
    silu: Leaf
    product: Leaf
    down: Leaf
    norm: Leaf

    @property
    def pairs(self) -> tuple[tuple[Leaf, Leaf], ...]:
        """What leaves codes, and what takes them."""
        return (self.input, self.gate_up), (self.product, self.down)


@dataclass(frozen=True)
class Attention:
    """Multi-head self-attention sublayer with its residual norm; ``rope`` is None without RoPE."""

    input: Leaf
    qkv: Leaf
    rope: Leaf | None
    scores: Leaf
    softmax: Leaf
    values: Leaf
    o: Leaf
    norm: Leaf

    @property
    def pairs(self) -> tuple[tuple[Leaf, Leaf], ...]:
        """What leaves codes, and what takes them."""
        return (self.input, self.qkv), (self.values, self.o), (self.scores, self.softmax)


@dataclass(frozen=True)
class Block:
    """One layer: a token mixer (over the sequence for ``SwiGLU``) and a channel mixer."""

    token: SwiGLU | Attention
    channel: SwiGLU


@dataclass(frozen=True)
class Embedding:
    """Row tables of the input: one row a token, one a position (or None), one a puzzle (or None)."""

    tokens: Leaf
    positions: Leaf | None
    puzzles: Leaf | None
    prefix: int


@dataclass(frozen=True)
class Head:
    """A linear read-out of z_H with the quantizer of its input."""

    input: Leaf
    linear: Leaf


@dataclass(frozen=True)
class Model:
    """A whole reasoner.  A TRM has ``H_level is L_level``: one stack, stored once."""

    config: ModelConfig
    embedding: Embedding
    H_init: Leaf
    L_init: Leaf
    L_level: tuple[Block, ...]
    H_level: tuple[Block, ...]
    lm_head: Head
    q_head: Head

    def with_stop(self, rule: StopRule) -> Model:
        """Return the same parameters under another stop rule."""
        return replace(self, config=replace(self.config, stop=rule))

    def with_depth(self, H_cycles: int | None = None, steps: int | None = None) -> Model:
        """Return the same parameters under another recursion depth (cycles, ACT steps)."""
        config = replace(
            self.config,
            H_cycles=self.config.H_cycles if H_cycles is None else H_cycles,
            halt_max_steps=self.config.halt_max_steps if steps is None else steps,
        )
        return replace(self, config=config)


_NODES = (SwiGLU, Attention, Block, Embedding, Head, Model)


def map_leaves(change: Callable[[Leaf], Leaf], node: Any) -> Any:
    """Return ``node`` with every leaf replaced by ``change(leaf)``.

    A leaf or a stack that occurs twice (RoPE tables, a TRM's levels) is changed once and stays shared.
    """
    done: dict[int, Any] = {}

    def walk(item: Any) -> Any:
        if item is None or isinstance(item, (ModelConfig, int)):
            return item
        if id(item) not in done:
            if isinstance(item, tuple):
                done[id(item)] = tuple(walk(part) for part in item)
            elif isinstance(item, _NODES):
                parts = {field.name: walk(getattr(item, field.name)) for field in fields(item)}
                done[id(item)] = replace(item, **parts)
            else:
                done[id(item)] = change(item)
        return done[id(item)]

    return walk(node)


def leaves(node: Any) -> list[Leaf]:
    """Every leaf below ``node`` once, in order of definition."""
    found: list[Leaf] = []
    map_leaves(found.append, node)
    return found
