"""Accuracy of a reading over many puzzles, in batches, with progress; the numbers every table quotes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from refimpl import fast, float_ops
from refimpl.errors import InputError
from refimpl.formats import Format, as_format
from refimpl.models.config import ModelConfig
from workbench.bfloat16 import bfloat16_model, bfloat16_ops
from workbench.content import BFLOAT16, FLOAT
from workbench.executors import finished
from workbench.fidelity import Reading
from workbench.networks import Network
from workbench.tasks.metrics import Score, positions_right, puzzle_exact
from workbench.tasks.sets import PuzzleSet
from workbench.tasks.significance import Interval, wilson_interval
from workbench.tasks.task import keeps_rules

BATCH = 32
_STATE_VALUES = 1 << 21  # values of one state in a batch: keeps attention scores of 900 positions in memory

Tokens = npt.NDArray[np.integer]


@dataclass(frozen=True)
class Tally:
    """What is right of some puzzles: one flag each, and (right, counted) for every position, (seq,).

    ``steps``: ACT steps of each; ``accepted``: stopped by the program's rule with an answer that keeps the
    task's rules, where these can be checked.
    """

    exact: tuple[bool, ...]
    right: tuple[int, ...]
    counted: tuple[int, ...]
    steps: tuple[int, ...] = ()
    accepted: tuple[bool, ...] = ()


@dataclass(frozen=True)
class Stopping:
    """Counts of a stop rule over a set: ``steps[n]`` puzzles took n ACT steps, ``accepted`` answers were
    given, ``accepted_wrong`` of them wrong, and ``withheld_right`` right ones were not given."""

    steps: tuple[int, ...]
    accepted: int
    accepted_wrong: int
    withheld_right: int

    @property
    def mean_steps(self) -> float:
        return sum(n * count for n, count in enumerate(self.steps)) / sum(self.steps)

    def within(self, share: float) -> int:
        """The least number of steps in which at least ``share`` of the puzzles ended."""
        ended = 0
        for n, count in enumerate(self.steps):
            ended += count
            if ended >= share * sum(self.steps):
                return n
        return len(self.steps) - 1


@dataclass(frozen=True)
class Accuracy:
    """Counts over a set, the 95 % Wilson interval of the puzzle-exact share, and the counts by position."""

    score: Score
    interval: Interval
    positions: tuple[tuple[int, int], ...] = ()
    stopping: Stopping | None = None

    @property
    def mean_steps(self) -> float | None:
        return None if self.stopping is None else self.stopping.mean_steps


class _Stopped(Exception):
    """A batch was given up because the run is over."""


def program(
    network: Network,
    fmt: Format | str,
    H_cycles: int | None = None,
    steps: int | None = None,
    stop: str = "fixed",
) -> Reading:
    """``fmt`` is ``float``, ``bf16`` or a weight format; integer programs use static int8 activations.

    ``stop`` is a stop rule; one without t takes the t calibrated for the format.
    """
    ops: Any = fast
    if fmt == FLOAT:
        ops, model = float_ops, network.float_model
    elif fmt == BFLOAT16:
        ops, model = bfloat16_ops, bfloat16_model(network.config, network.tensors)
    else:
        fmt = as_format(fmt)
        model = network.integer_model(fmt)
    rule = network.stop_rule(stop, str(fmt))
    return Reading(ops, model.with_depth(H_cycles, steps).with_stop(rule), network.finish(rule, fmt))


def batch_of(config: ModelConfig) -> int:
    """How many puzzles run side by side: 32, fewer where their states are large."""
    return max(1, min(BATCH, _STATE_VALUES // (config.positions * config.hidden_size)))


def batches(
    runner: Reading,
    puzzles: PuzzleSet,
    threads: int = 2,
    done: Mapping[int, Tally] | None = None,
    executor: Executor | None = None,
) -> Iterator[tuple[int, Tally]]:
    """Yield (first puzzle, what is right) of each batch as it finishes; those in ``done`` are not run.

    The result does not depend on ``threads``, on the batch size or on the ``executor`` that runs the batches
    in place of threads of this process: puzzles do not interact.  Where the caller stops (an interrupt, or
    enough seen), batches in flight in threads end within one call of the block.
    """
    if threads < 1:
        raise InputError(f"--threads is {threads}; it takes at least 1.")
    size, over = batch_of(runner.model.config), threading.Event()
    starts = [start for start in range(0, len(puzzles.inputs), size) if start not in (done or {})]
    parts = {start: puzzles.rows(start, size, "") for start in starts}
    if executor is not None:
        jobs = [_Batch(runner, start, part) for start, part in parts.items()]
        for job, found in finished(executor, _solved, jobs):
            yield job.start, found
        return

    def look(*_: object) -> None:
        if over.is_set():
            raise _Stopped

    def one(start: int) -> tuple[int, Tally]:
        look()
        return start, _solved(_Batch(runner, start, parts[start]), look)

    pool = ThreadPoolExecutor(threads)
    try:
        for future in as_completed([pool.submit(one, start) for start in starts]):
            yield future.result()
    finally:
        over.set()
        pool.shutdown(wait=True, cancel_futures=True)


@dataclass(frozen=True)
class _Batch:
    """A program and the puzzles from number ``start`` on that it solves side by side."""

    runner: Reading
    start: int
    part: PuzzleSet


def _solved(batch: _Batch, on_call: Callable[..., None] | None = None) -> Tally:
    runner, part = batch.runner, batch.part
    ended = runner.solve(part.inputs, part.puzzle_ids, on_call)
    answers = runner.ops.argmax(ended.outputs.logits)
    found = tally(answers, part.labels)
    if runner.model.config.stop.kind == "fixed":
        return found
    accepted = ended.stopped & keeps_rules(runner.model.config, part.inputs, answers)
    return replace(found, steps=tuple(ended.steps.tolist()), accepted=tuple(accepted.tolist()))


def measure(
    runner: Reading,
    puzzles: PuzzleSet,
    threads: int = 2,
    on_done: Callable[[int], None] | None = None,
    done: Mapping[int, Tally] | None = None,
    on_batch: Callable[[int, Tally], None] | None = None,
    executor: Executor | None = None,
) -> Accuracy:
    """Run a reading over a whole set and count what is right.

    ``on_done`` hears how many puzzles each batch had, ``on_batch`` what a newly run one brought; ``done``
    are batches of an earlier run, by their first puzzle; ``executor`` runs them in place of threads.
    """
    found = dict(done or {})
    for part in found.values():
        if on_done is not None:
            on_done(len(part.exact))
    for start, part in batches(runner, puzzles, threads, found, executor):
        found[start] = part
        if on_batch is not None:
            on_batch(start, part)
        if on_done is not None:
            on_done(len(part.exact))
    return accuracy_of([found[start] for start in sorted(found)])


def tally(answers: Tokens, labels: Tokens) -> Tally:
    """Count what is right in answers (N, seq)."""
    right, counted = positions_right(answers, labels)
    exact = puzzle_exact(answers, labels)
    return Tally(tuple(exact.tolist()), tuple(right.tolist()), tuple(counted.tolist()))


def accuracy(answers: Tokens, labels: Tokens) -> Accuracy:
    """Count what is right in answers (N, seq) that are already there."""
    return accuracy_of([tally(answers, labels)])


def accuracy_of(parts: list[Tally]) -> Accuracy:
    """Counts over a set from the tallies of its parts, in order."""
    right = np.sum([part.right for part in parts], axis=0)
    counted = np.sum([part.counted for part in parts], axis=0)
    exact = sum(sum(part.exact) for part in parts)
    score = Score(exact, sum(len(part.exact) for part in parts), int(right.sum()), int(counted.sum()))
    positions = tuple(zip(right.tolist(), counted.tolist(), strict=True))
    steps, accepted, right_ones = (
        [one for part in parts for one in getattr(part, name)] for name in ("steps", "accepted", "exact")
    )
    stopping = stopping_counts(steps, accepted, right_ones)
    return Accuracy(score, wilson_interval(exact, score.puzzles), positions, stopping)


def stopping_counts(steps: Sequence[int], accepted: Sequence[bool], right: Sequence[bool]) -> Stopping | None:
    """Counts over puzzles that a rule ended; None where there was no rule."""
    if not steps:
        return None
    pairs = list(zip(accepted, right, strict=True))
    return Stopping(
        tuple(np.bincount(steps).tolist()),
        sum(given for given, _ in pairs),
        sum(given and not good for given, good in pairs),
        sum(good and not given for given, good in pairs),
    )
