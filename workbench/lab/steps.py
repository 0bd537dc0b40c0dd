"""Runs read out after every ACT step, and runs that a stop rule ends."""

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


def ended(program: Reading, tokens: Array) -> tuple[Answers, Answers]:
    """Runs that their stop rule ends, in batches: answers (B, seq), and the ACT steps of each (B,) without
    the cycles that follow a stop."""
    runs = over_batches(tokens, program.solve)
    answers = np.concatenate([program.ops.argmax(run.outputs.logits) for run in runs])
    return answers, np.concatenate([run.steps for run in runs])
