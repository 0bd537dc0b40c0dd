"""Answers with a warrant: accepted by the stop rule and the task's, or tried again relabelled.

``rr_solve_warranted`` is its twin.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from refimpl.errors import InputError
from refimpl.models.config import ModelConfig
from workbench.fidelity import Reading
from workbench.tasks.metrics import Tokens
from workbench.tasks.relabel import Relabelling, draw
from workbench.tasks.task import keeps_rules

BATCH = 32
MOST_RETRIES = 100
SEED = 20260404  # of the relabellings in a simulated run and in exported C


@dataclass(frozen=True)
class Warranted:
    """Per puzzle: ``answers`` (N, seq), of its last try; ``tried`` (N,): the try that was accepted, from 1,
    or 0 where none was; ``steps`` (N, tries): ACT steps of each try, 0 where there was no need of it."""

    answers: Tokens
    tried: npt.NDArray[np.int64]
    steps: npt.NDArray[np.int64]


def relabellings(config: ModelConfig, count: int, seed: int = SEED) -> tuple[Relabelling, ...]:
    """The relabellings of up to ``count`` retries, in their order, drawn from ``seed``, ``seed + 1``, ...

    Raises InputError for a count out of range, a rule that accepts nothing and a task without relabellings.
    """
    if not 0 <= count <= MOST_RETRIES:
        raise InputError(f"--retries {count}: it takes 0 to {MOST_RETRIES}.")
    if count and config.stop.kind == "fixed":
        raise InputError("--retries: a run of fixed length accepts no answer; name a rule with --stop.")
    drawn = tuple(new for n in range(count) if (new := draw(config, seed + n)) is not None)
    if len(drawn) < count:
        raise InputError(f"--retries: there is no relabelling for the task {config.task or 'tokens'!r}.")
    return drawn


def warranted(
    program: Reading,
    tokens: Tokens,
    names: Sequence[Relabelling],
    puzzle_ids: Tokens | None = None,
    on_done: Callable[[int], None] | None = None,
) -> Warranted:
    """Solve every puzzle; refused ones again, under one of ``names`` after the other.

    An answer is accepted where the program's stop rule ended its run and it keeps the task's rules, where
    these can be checked.  ``on_done`` hears how many puzzles need no further try.
    """
    config = program.model.config
    answers, tried = np.zeros(tokens.shape, np.int64), np.zeros(len(tokens), np.int64)
    steps = np.zeros((len(tokens), len(names) + 1), np.int64)
    for attempt, new in enumerate((None, *names)):
        left = np.flatnonzero(tried == 0)
        for rows in (left[i : i + BATCH] for i in range(0, len(left), BATCH)):
            given = tokens[rows] if new is None else new.apply(tokens[rows])
            ids = None if puzzle_ids is None else puzzle_ids[rows]
            ended = program.solve(given, ids)
            found = program.ops.argmax(ended.outputs.logits)
            found = found if new is None else new.undo(found)
            steps[rows, attempt] = ended.steps
            accepted = ended.stopped & keeps_rules(config, tokens[rows], found)
            answers[rows] = found
            tried[rows[accepted]] = attempt + 1
            if on_done is not None:
                on_done(len(rows) if attempt == len(names) else int(accepted.sum()))
    return Warranted(answers, tried, steps)
