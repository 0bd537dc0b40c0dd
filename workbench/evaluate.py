"""Accuracy of a reading over many puzzles, in batches, with progress; the numbers every table quotes."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from refimpl import fast, float_ops
from refimpl.models.recursion import run
from workbench.fidelity import Reading
from workbench.networks import Network
from workbench.tasks.metrics import Score, score
from workbench.tasks.sets import PuzzleSet
from workbench.tasks.significance import Interval, wilson_interval

FLOAT = "float"
BATCH = 32

Tokens = npt.NDArray[np.integer]


@dataclass(frozen=True)
class Accuracy:
    """Counts over a set, and the 95 % Wilson interval of the puzzle-exact share."""

    score: Score
    interval: Interval


def program(network: Network, fmt: str, H_cycles: int | None = None, steps: int | None = None) -> Reading:
    """``fmt`` is ``float`` or a weight format; integer programs use static int8 activations."""
    if fmt == FLOAT:
        return Reading(float_ops, network.float_model.with_depth(H_cycles, steps))
    return Reading(fast, network.integer_model(fmt).with_depth(H_cycles, steps))


def predict(
    runner: Reading, tokens: Tokens, threads: int = 2, on_done: Callable[[int], None] | None = None
) -> Tokens:
    """Answers (B, seq) of all puzzles; ``on_done`` hears how many puzzles each finished batch had.

    The result does not depend on ``threads`` or the batch size: puzzles do not interact.
    """

    def one(start: int) -> Tokens:
        batch = tokens[start : start + BATCH]
        _, outputs = run(runner.ops, runner.model, batch)
        answers: Tokens = runner.ops.argmax(outputs.logits)
        if on_done is not None:
            on_done(len(batch))
        return answers

    with ThreadPoolExecutor(threads) as pool:
        return np.concatenate(list(pool.map(one, range(0, len(tokens), BATCH))))


def measure(runner: Reading, puzzles: PuzzleSet, threads: int = 2,
            on_done: Callable[[int], None] | None = None) -> Accuracy:
    """Run a reading over a whole set and count what is right."""
    return accuracy(predict(runner, puzzles.inputs, threads, on_done), puzzles.labels)


def accuracy(answers: Tokens, labels: Tokens) -> Accuracy:
    """Count what is right in answers (N, seq) that are already there."""
    right = score(answers, labels)
    return Accuracy(right, wilson_interval(right.exact_right, right.puzzles))
