"""The recursion: cycles within an ACT step, ACT steps within a puzzle.  Spec: section 3.

TRM and HRM share this text; they differ in whether ``model.H_level`` is ``model.L_level``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from refimpl.models.blocks import stack
from refimpl.models.operators import Array, Operators
from refimpl.models.order import Call
from refimpl.models.tree import Model


@dataclass(frozen=True)
class Carry:
    """State between calls: z_H and z_L, (B, T, D) in the reading's state format."""

    z_H: Array
    z_L: Array


@dataclass(frozen=True)
class Outputs:
    """Read-out after an ACT step: logits (B, seq, vocab), q (B, 2) = (q_halt, q_continue)."""

    logits: Array
    q: Array


CallObserver = Callable[[Call, Array], None]
StepObserver = Callable[[int, Carry, Outputs], None]


def reset(ops: Operators, model: Model, batch: int) -> Carry:
    """The carry before step 1: the init vectors, broadcast over batch and positions."""
    positions = model.config.positions
    return Carry(ops.reset(model.H_init, batch, positions), ops.reset(model.L_init, batch, positions))


def act_step(
    ops: Operators, model: Model, carry: Carry, x: Array, step: int = 0, on_call: CallObserver | None = None
) -> Carry:
    """The calls of one ACT step."""
    return follow(ops, model, carry, x, model.config.order.calls(1, step), on_call)


def follow(
    ops: Operators,
    model: Model,
    carry: Carry,
    x: Array,
    calls: Iterable[Call],
    on_call: CallObserver | None = None,
) -> Carry:
    """Apply the stack of each call in turn: L to z_L with z_H and x injected, H to z_H with z_L."""
    z_H, z_L, heads = carry.z_H, carry.z_L, model.config.num_heads
    for call in calls:
        if call.level == "L":
            z_L = stack(ops, model.L_level, z_L, (z_H, x), heads)
        else:
            z_H = stack(ops, model.H_level, z_H, (z_L,), heads)
        if on_call is not None:
            on_call(call, z_L if call.level == "L" else z_H)
    return Carry(z_H, z_L)


def read_out(ops: Operators, model: Model, carry: Carry) -> Outputs:
    """Apply both heads to z_H; nothing is fed back."""
    tail = ops.task_positions(carry.z_H, model.config.puzzle_emb_len)
    logits = ops.linear(ops.quantize(tail, model.lm_head.input), model.lm_head.linear)
    first = ops.first_position(carry.z_H)
    q = ops.linear(ops.quantize(first, model.q_head.input), model.q_head.linear)
    return Outputs(logits, q)


def run(
    ops: Operators,
    model: Model,
    tokens: Array,
    puzzle_ids: Array | None = None,
    on_call: CallObserver | None = None,
    on_step: StepObserver | None = None,
) -> tuple[Carry, Outputs]:
    """Reset, run all ``halt_max_steps`` ACT steps, return the last carry and read-out.

    Parameters
    ----------
    tokens : (B, seq_len) integer token codes.
    puzzle_ids : (B,) puzzle rows, or None for row 0.
    on_call, on_step : called after every stack application and every ACT step.  The heads run after
        each step only if ``on_step`` is given, and always after the last one.
    """
    x = ops.embed(tokens, puzzle_ids, model.embedding)
    carry = reset(ops, model, len(tokens))
    last = model.config.halt_max_steps - 1
    for step in range(last + 1):
        carry = act_step(ops, model, carry, x, step, on_call)
        if on_step is not None or step == last:
            outputs = read_out(ops, model, carry)
        if on_step is not None:
            on_step(step, carry, outputs)
    return carry, outputs
