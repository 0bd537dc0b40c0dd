"""The stop rule in the schedule: what z_H was, how far it moved, q between ACT steps.

What z_H was lies where x lies, for an H call does not read x, and x comes back from its rows afterwards; it
has a segment of its own only where a plan stores no x, or where the rule looks at a whole ACT step.
"""

from __future__ import annotations

from mcusim.planner.buffers import Buffer
from mcusim.planner.choices import Choices
from mcusim.planner.machine import Machine, State, Tile
from mcusim.planner.schedule import HEAD_TOKENS, halting
from mcusim.planner.widths import activations_type
from refimpl.models.config import ModelConfig
from refimpl.models.operators import Array
from refimpl.models.tree import Model

X, HELD = "x", "z_H before"


def held_buffer(config: ModelConfig, carry: str) -> Buffer | None:
    """Room for what z_H was, in the carry's format; None under rules that do not look at the state."""
    shape = (config.positions, config.hidden_size)
    return Buffer(HELD, shape, carry) if config.stop.asks_state else None


def shares_x(config: ModelConfig, choices: Choices) -> bool:
    """Whether what z_H was takes the place of x."""
    return choices.x_stored and config.stop.over == "cycle"


def ask_head(m: Machine, model: Model, z_H: State) -> Array:
    """q (2,) int32 of the state as it is."""
    with m.scope("halting"):
        kind = activations_type(m.format, model.q_head.input)
        codes = m.alloc("activations", (HEAD_TOKENS, m.config.hidden_size), kind)
        q = halting(m, model, z_H, codes)
        m.free(codes)
    return q


def ask_state(m: Machine, z_H: State, held: State) -> Array:
    """OP-CHANGE (2,) int64 of z_H against what it was; the sums are no buffers, they stay in registers."""
    return m.moved(z_H, held, Tile(0, m.config.positions))
