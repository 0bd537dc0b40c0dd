"""The integer oracle over many puzzles of a paper-size model, with one thread and with more.

Puzzles run in batches of 32, a batch a thread; kernels are serial.  The bar: 1.7 times as fast with two.

    OPENBLAS_NUM_THREADS=1 python benchmarks/scaling.py [--threads 2] [--batches 2] [--format json] [MODEL...]
"""

from __future__ import annotations

import argparse
import json
import os
from functools import partial

import numpy as np
from rich.console import Console
from rich.table import Table
from timing import best_seconds

from refimpl import fast
from workbench.command_line import number
from workbench.evaluate import batch_of, measure
from workbench.fidelity import Reading
from workbench.networks import find_network, seeded_tokens
from workbench.tasks.sets import PuzzleSet

BAR = 1.7
DEFAULTS = ("trm-mlp-sudoku", "trm-att-sudoku")


def scaling(name: str, weights: str, threads: int, batches: int, rounds: int) -> tuple[float, float]:
    """Seconds of one ACT step of ``batches`` full batches: with one thread, and with ``threads``."""
    network = find_network(name)
    model = network.integer_model(weights).with_depth(network.config.H_cycles, 1)
    one_puzzle = seeded_tokens(network.config).astype(np.int32)
    tokens = np.tile(one_puzzle, (batches * batch_of(network.config), 1))
    puzzles = PuzzleSet(tokens, np.zeros_like(tokens), "seeded")
    contenders = [partial(measure, Reading(fast, model), puzzles, count) for count in (1, threads)]
    one, more = best_seconds(contenders, rounds)
    return one, more


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("models", nargs="*", default=DEFAULTS, metavar="MODEL")
    parser.add_argument("--weights", default="w8c")
    parser.add_argument("--threads", type=number, default=2)
    parser.add_argument("--batches", type=number, default=2)
    parser.add_argument("--rounds", type=number, default=3)
    parser.add_argument("--format", choices=("text", "json"), default="text")
    args = parser.parse_args()
    if os.environ.get("OPENBLAS_NUM_THREADS") != "1":
        parser.error("set OPENBLAS_NUM_THREADS=1: what one thread does must not run on two.")
    rows = []
    for name in args.models:
        one, more = scaling(name, args.weights, args.threads, args.batches, args.rounds)
        rows.append({"model": name, "weights": args.weights, "one": one, "more": more, "ratio": one / more})
    if args.format == "json":
        said = {"bar": BAR, "threads": args.threads, "batches": args.batches, "rows": rows}
        print(json.dumps(said, indent=1))
        return
    title = f"one ACT step, {args.batches} batches, {args.threads} threads beside one (bar for two {BAR})"
    table = Table("model", "weights", "1 thread s", f"{args.threads} threads s", "ratio", title=title)
    for row in rows:
        table.add_row(*(f"{value:.3f}" if isinstance(value, float) else str(value) for value in row.values()))
    Console().print(table)


if __name__ == "__main__":
    main()
