"""Answers with a warrant: accepted by the stop rule and the task's, or tried again relabelled.

``rr_solve_warranted`` is its twin.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from refimpl.models.recursion import solve
from workbench.fidelity import Reading
from workbench.tasks.metrics import Tokens
from workbench.tasks.relabel import draw
from workbench.tasks.task import keeps_rules

BATCH = 32
MOST_RETRIES = 100
SEED = 20260404  # of the relabellings in a simulated run and in exported C


@dataclass(frozen=True)
class Warranted:
    """Per puzzle: ``answers`` (N, seq); ``tried`` (N,): the try that was accepted, from 1, or 0 where none
    was; ``steps`` (N,): ACT steps of all its tries together."""

    answers: Tokens
    tried: npt.NDArray[np.int64]
    steps: npt.NDArray[np.int64]


def warranted(
    program: Reading, tokens: Tokens, retries: int, seed: int, on_done: Callable[[int], None] | None = None
) -> Warranted:
    """Solve every puzzle; refused ones again, up to ``retries`` times, each time under another relabelling.

    An answer is accepted where the program's stop rule ended its run and it keeps the task's rules, where
    these can be checked.  Tries are relabelled by ``seed``, ``seed + 1``, ...; a task without relabellings
    is tried once.
    """
    config = program.model.config
    answers, tried = np.zeros(tokens.shape, np.int64), np.zeros(len(tokens), np.int64)
    steps = np.zeros(len(tokens), np.int64)
    for attempt in range(retries + 1):
        new = draw(config, seed + attempt - 1) if attempt else None
        if attempt and new is None:
            break
        left = np.flatnonzero(tried == 0)
        for rows in (left[i : i + BATCH] for i in range(0, len(left), BATCH)):
            given = tokens[rows] if new is None else new.apply(tokens[rows])
            ended = solve(program.ops, program.model, given)
            found = program.ops.argmax(ended.outputs.logits)
            found = found if new is None else new.undo(found)
            steps[rows] += ended.steps
            accepted = ended.stopped & keeps_rules(config, tokens[rows], found)
            answers[rows] = found
            tried[rows[accepted]] = attempt + 1
            if on_done is not None:
                on_done(len(rows))
    return Warranted(answers, tried, steps)
