"""Runs read out after every ACT step, and schedules that change the program between steps.

A schedule is keyed by the ACT step, so one image a program and one carry format serve all of it.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from refimpl.models.halting import head_stops
from refimpl.models.operators import Array
from refimpl.models.recursion import Carry, act_step, read_out, reset
from workbench.fidelity import Reading

Answers = npt.NDArray[np.integer]
Bools = npt.NDArray[np.bool_]
BATCH = 32
T = TypeVar("T")


@dataclass(frozen=True)
class StepRecord:
    """After each ACT step: answers (steps, B, seq) and whether the halting head says stop (steps, B)."""

    answers: Answers
    halts: Bools


def over_batches(tokens: Array, work: Callable[[Array], T], threads: int = 2) -> list[T]:
    """``work`` on slices of BATCH puzzles, in order; kernels and BLAS release the GIL."""
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, [tokens[i : i + BATCH] for i in range(0, len(tokens), BATCH)]))


def advance(program: Reading, carry: Carry, tokens: Array, steps: int) -> tuple[Carry, StepRecord]:
    """Run ``steps`` ACT steps from ``carry``, reading out after each."""
    ops, model = program.ops, program.model
    x = ops.embed(tokens, None, model.embedding)
    answers, halts = [], []
    for step in range(steps):
        carry = act_step(ops, model, carry, x, step)
        outputs = read_out(ops, model, carry)
        answers.append(ops.argmax(outputs.logits))
        halts.append(head_stops(outputs.q, model.config.family))
    empty = np.zeros((0, *tokens.shape), np.int64), np.zeros((0, len(tokens)), np.bool_)
    return carry, StepRecord(np.stack(answers), np.stack(halts)) if answers else StepRecord(*empty)


def start(program: Reading, tokens: Array) -> Carry:
    """The carry before the first step."""
    return reset(program.ops, program.model, len(tokens))


def run_steps(program: Reading, tokens: Array, steps: int) -> StepRecord:
    """A whole run of ``steps`` ACT steps in batches, read out after each."""
    records = over_batches(tokens, lambda batch: advance(program, start(program, batch), batch, steps)[1])
    answers = np.concatenate([r.answers for r in records], axis=1)
    return StepRecord(answers, np.concatenate([r.halts for r in records], axis=1))


@dataclass(frozen=True)
class Finished:
    """A run that switched programs: answers (B, seq), and per puzzle the steps each program ran (B,)."""

    answers: Answers
    first_steps: npt.NDArray[np.int64]
    second_steps: int


def finish(first: Reading, second: Reading, tokens: Array, steps: int, last: int, halting: bool) -> Finished:
    """Up to ``steps - last`` ACT steps of ``first``, then ``last`` of ``second`` on the same carry.

    With ``halting`` a puzzle leaves ``first`` after the step at which its halting head says stop.  Both
    programs must share the state format.
    """

    def work(batch: Array) -> Finished:
        ops, model = first.ops, first.model
        x = ops.embed(batch, None, model.embedding)
        carry = start(first, batch)
        kept = Carry(np.array(carry.z_H), np.array(carry.z_L))
        answers = np.zeros(batch.shape, np.int64)
        used = np.zeros(len(batch), np.int64)
        active = np.ones(len(batch), np.bool_)
        for step in range(steps - last):
            carry = act_step(ops, model, carry, x, step)
            outputs = read_out(ops, model, carry)
            kept.z_H[active], kept.z_L[active] = carry.z_H[active], carry.z_L[active]
            answers[active] = ops.argmax(outputs.logits)[active]
            used[active] = step + 1
            if halting:
                active = active & ~head_stops(outputs.q, model.config.family)
            if not active.any():
                break
        if last:
            _, record = advance(second, kept, batch, last)
            answers = record.answers[-1]
        return Finished(answers, used, last)

    parts = over_batches(tokens, work)
    return Finished(
        np.concatenate([p.answers for p in parts]), np.concatenate([p.first_steps for p in parts]), last
    )
