"""Carry-trajectory fidelity: how far a quantized run's states turn away from the float run's.

Two readings of the published measure (both are cosines, so the unit of a state cancels and integer
states compare with float ones as they are):

(i)  *per position*: one ACT step from reset; cosine over channels at each position, mean over positions
     and puzzles, at the last call;
(ii) *flattened*: all ACT steps; cosine of the flattened state of each puzzle, mean over puzzles.

:func:`lockstep` runs both programs side by side, one ACT step ahead at most, so memory stays bounded by
the calls of one step whatever the depth.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from types import ModuleType
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from refimpl.models.operators import Array, Operators
from refimpl.models.order import Call
from refimpl.models.recursion import CallObserver, Carry, Ended, act_step, reset, solve
from refimpl.models.tree import Model

Float64s = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Reading:
    """A program: a parameter tree and the operators that understand its leaves; ``finish`` is the second
    program of a stop rule that has one."""

    ops: Operators
    model: Model
    finish: Model | None = None

    def solve(
        self, tokens: Array, puzzle_ids: Array | None = None, on_call: CallObserver | None = None
    ) -> Ended:
        """Run until the stop rule or the last step ends each puzzle."""
        return solve(self.ops, self.model, tokens, puzzle_ids, on_call, finish=self.finish)

    def __reduce__(self) -> tuple[Callable[..., Reading], tuple[object, ...]]:
        """Operators that are a module travel to other processes by its name."""
        if isinstance(self.ops, ModuleType):
            return _with_module, (self.ops.__name__, self.model, self.finish)
        return Reading, (self.ops, self.model, self.finish)


def _with_module(name: str, model: Model, finish: Model | None) -> Reading:
    operators: Any = import_module(name)
    return Reading(operators, model, finish)


@dataclass(frozen=True)
class CallFidelity:
    """One call of two runs, averaged over puzzles.

    ``cosine`` per position (reading i at this call), ``flattened`` per puzzle (reading ii at this call);
    ``consecutive`` is the control: flattened cosine of the quantized state with its own previous value
    at the same level, which says nothing about precision.
    """

    index: int
    step: int
    cycle: int
    level: Literal["L", "H"]
    cosine: float
    flattened: float
    consecutive: float


@dataclass(frozen=True)
class Fidelity:
    """Both published readings of z_H, and the control of the second."""

    one_step: float
    all_steps: float
    consecutive: float


def cosine(a: Array, b: Array, axes: tuple[int, ...]) -> Float64s:
    """Cosine of ``a`` and ``b`` over ``axes``; two zero vectors agree (1), one alone does not (0)."""
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    product = (a * b).sum(axis=axes)
    norms = np.sqrt((a * a).sum(axis=axes) * (b * b).sum(axis=axes))
    both_zero = ~(a.any(axis=axes) | b.any(axis=axes))
    return np.asarray(np.where(norms > 0, product / np.where(norms > 0, norms, 1), both_zero))


def position_cosines(a: Array, b: Array) -> Float64s:
    """States (B, T, D) -> (B,): cosine over channels, mean over positions."""
    return np.asarray(cosine(a, b, (-1,)).mean(axis=-1))


def flattened_cosines(a: Array, b: Array) -> Float64s:
    """States (B, T, D) -> (B,): cosine of the flattened states."""
    return cosine(a, b, (-2, -1))


def lockstep(
    reference: Reading, other: Reading, tokens: Array, puzzle_ids: Array | None = None
) -> Iterator[tuple[Call, Array, Array]]:
    """Yield (call, reference state, other state) for every call of two runs over the same puzzles.

    The state is the one the call produced: z_L after an L call, z_H after an H call.  Both programs must
    have the same recursion depth.
    """
    carries: list[Carry] = []
    inputs: list[Array] = []
    for reading in (reference, other):
        inputs.append(reading.ops.embed(tokens, puzzle_ids, reading.model.embedding))
        carries.append(reset(reading.ops, reading.model, len(tokens)))
    for step in range(reference.model.config.halt_max_steps):
        recorded: list[list[tuple[Call, Array]]] = [[], []]
        for i, reading in enumerate((reference, other)):
            observe = partial(_keep, recorded[i])
            carries[i] = act_step(reading.ops, reading.model, carries[i], inputs[i], step, observe)
        for (call, expected), (_, state) in zip(*recorded, strict=True):
            yield call, expected, state


def _keep(kept: list[tuple[Call, Array]], call: Call, state: Array) -> None:
    kept.append((call, state))


def call_fidelity(
    reference: Reading, other: Reading, tokens: Array, puzzle_ids: Array | None = None
) -> tuple[CallFidelity, ...]:
    """Fidelity of every call of ``other`` against ``reference``."""
    rows = []
    start = reset(other.ops, other.model, len(tokens))
    previous = {"H": start.z_H, "L": start.z_L}
    for call, expected, state in lockstep(reference, other, tokens, puzzle_ids):
        rows.append(CallFidelity(
            call.index, call.step, call.cycle, call.level,
            cosine=float(position_cosines(expected, state).mean()),
            flattened=float(flattened_cosines(expected, state).mean()),
            consecutive=float(flattened_cosines(previous[call.level], state).mean()),
        ))  # fmt: skip
        previous[call.level] = state
    return tuple(rows)


def summarise(calls: tuple[CallFidelity, ...]) -> Fidelity:
    """Both readings from the calls of a whole run: (i) last H call of step 0, (ii) last of all."""
    of_H = [call for call in calls if call.level == "H"]
    last_of_first_step = [call for call in of_H if call.step == 0][-1]
    return Fidelity(last_of_first_step.cosine, of_H[-1].flattened, of_H[-1].consecutive)

