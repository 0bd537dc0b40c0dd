"""The recursion: cycles within an ACT step, ACT steps within a puzzle.  Spec: section 3.

TRM and HRM share this text; they differ in whether ``model.H_level`` is ``model.L_level``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from refimpl.errors import InputError
from refimpl.models.blocks import stack
from refimpl.models.halting import in_order, places, stops
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


def follow(ops: Operators, model: Model, carry: Carry, x: Array, calls: Iterable[Call],
           on_call: CallObserver | None = None) -> Carry:  # fmt: skip
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


def read_logits(ops: Operators, model: Model, z_H: Array) -> Array:
    """Logits of the task's positions, (B, seq, vocab)."""
    tail = ops.task_positions(z_H, model.config.puzzle_emb_len)
    return ops.linear(ops.quantize(tail, model.lm_head.input), model.lm_head.linear)


def read_q(ops: Operators, model: Model, z_H: Array) -> Array:
    """(q_halt, q_continue) from the first position, (B, 2)."""
    return ops.linear(ops.quantize(ops.first_position(z_H), model.q_head.input), model.q_head.linear)


def read_out(ops: Operators, model: Model, carry: Carry) -> Outputs:
    """Apply both heads to z_H; nothing is fed back."""
    return Outputs(read_logits(ops, model, carry.z_H), read_q(ops, model, carry.z_H))


@dataclass(frozen=True)
class Ended:
    """A finished run of B puzzles: carry and read-out of each when it ended, the ACT steps it took (B,)
    without the cycles that follow a stop, and whether the rule stopped it (B,)."""

    carry: Carry
    outputs: Outputs
    steps: Array
    stopped: Array


def watched_step(
    ops: Operators, model: Model, carry: Carry, x: Array, step: int, on_call: CallObserver | None = None
) -> tuple[Carry, Array]:
    """One ACT step, and whether the model's stop rule then ends each puzzle (B,).  Spec: OP-STOP."""
    config, rule = model.config, model.config.stop
    *before, last = config.order.calls(1, step)
    middle = follow(ops, model, carry, x, before, on_call)
    after = follow(ops, model, middle, x, [last], on_call)
    # The last cycle's L calls leave z_H alone: before its H call it is what the cycle began with.
    held = carry.z_H if rule.over == "step" else middle.z_H
    size = config.positions * config.hidden_size
    ends = stops(rule, config.family, step, size, len(x), lambda: read_q(ops, model, after.z_H),
                 lambda: ops.change(after.z_H, held))  # fmt: skip
    return after, ends


def solve(
    ops: Operators,
    model: Model,
    tokens: Array,
    puzzle_ids: Array | None = None,
    on_call: CallObserver | None = None,
    on_step: StepObserver | None = None,
    finish: Model | None = None,
) -> Ended:
    """Reset, run ACT steps until the model's stop rule or ``halt_max_steps`` ends each puzzle, read out.

    Parameters
    ----------
    tokens : (B, seq_len) integer token codes.
    puzzle_ids : (B,) puzzle rows, or None for row 0.
    on_call, on_step : called after every stack application and every ACT step, with the puzzles that still
        run.  The heads run after each step only if ``on_step`` is given, and always after a puzzle's last.
    finish : the program that takes the carry over where the rule says ``by``, runs ``more`` and reads out.
    """
    config = model.config
    if bool(config.stop.by) != (finish is not None):
        raise InputError(f"stop rule {config.stop}: rules with by=, and no others, have a second program.")
    last = model if finish is None else finish
    x = ops.embed(tokens, puzzle_ids, model.embedding)
    late_x = x if finish is None else ops.embed(tokens, puzzle_ids, finish.embedding)
    carry, going = reset(ops, model, len(tokens)), places(len(tokens))
    numbers: list[Array] = []
    parts: list[Ended] = []
    for step in range(config.halt_max_steps):
        carry, stopped = watched_step(ops, model, carry, x, step, on_call)
        if on_step is not None:
            on_step(step, carry, read_out(ops, model, carry))
        ends = stopped | (step + 1 == config.halt_max_steps)
        if not ends.any():
            continue
        end = carry if ends.all() else Carry(carry.z_H[ends], carry.z_L[ends])
        more = config.order.cycles(config.stop.more, (step + 1) * config.H_cycles)
        end = follow(ops, last, end, late_x[going[ends]], more, on_call)
        numbers.append(going[ends])
        parts.append(Ended(end, read_out(ops, last, end), 0 * going[ends] + step + 1, stopped[ends]))
        if ends.all():
            break
        carry, x, going = Carry(carry.z_H[~ends], carry.z_L[~ends]), x[~ends], going[~ends]
    if len(parts) == 1:
        return parts[0]

    def joined(of: Callable[[Ended], Array]) -> Array:
        return in_order(numbers, [of(part) for part in parts])

    return Ended(
        Carry(joined(lambda e: e.carry.z_H), joined(lambda e: e.carry.z_L)),
        Outputs(joined(lambda e: e.outputs.logits), joined(lambda e: e.outputs.q)),
        joined(lambda e: e.steps),
        joined(lambda e: e.stopped),
    )


def run(ops: Operators, model: Model, tokens: Array, puzzle_ids: Array | None = None,
        on_call: CallObserver | None = None,
        on_step: StepObserver | None = None) -> tuple[Carry, Outputs]:  # fmt: skip
    """The carry and read-out in which :func:`solve` ends."""
    ended = solve(ops, model, tokens, puzzle_ids, on_call, on_step)
    return ended.carry, ended.outputs
