"""Accuracy of a reading over many puzzles, in batches, with progress; the numbers every table quotes."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from refimpl import fast, float_ops
from refimpl.fidelity import Reading
from refimpl.models.recursion import run
from refimpl.networks import Network
from refimpl.tasks.metrics import score
from refimpl.tasks.sets import PuzzleSet, Stated
from refimpl.tasks.significance import wilson_interval

FLOAT = "float"
BATCH = 32

Tokens = npt.NDArray[np.integer]


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


def measure(network: Network, puzzles: PuzzleSet, threads: int = 2) -> Stated:
    """Measure the float reading at the network's own depth: what a card states."""
    right = score(predict(program(network, FLOAT), puzzles.inputs, threads), puzzles.labels)
    interval = wilson_interval(right.exact_right, right.puzzles)
    return Stated(puzzles.held_out, right.puzzles, right.exact, interval.low, interval.high, right.cell)
