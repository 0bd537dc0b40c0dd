"""One whole integer ACT step of a paper-size model beside the float32 NumPy products it contains.

The float side is the bare matrix products of the same shapes in the same order, nothing else: no
activation function, no norm, no residual.  The bar is three times their time.

    python benchmarks/act_step.py [--model trm-mlp-sudoku] [--weights w8c] [--format json] [--rounds 5]
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from timing import best_seconds

from refimpl import fast
from refimpl.models.recursion import act_step, read_out, reset
from refimpl.models.tree import Model
from refimpl.params import Linear
from workbench.networks import find_network
from workbench.presets import PRESETS

BAR = 3.0


class Watch:
    """The fast reading, with ``see(name, arguments, seconds)`` after every operator."""

    def __init__(self, see: Callable[[str, tuple[Any, ...], float], None]) -> None:
        self.see = see

    def __getattr__(self, name: str) -> Any:
        operator = getattr(fast, name)

        def watched(*arguments: Any) -> Any:
            start = time.perf_counter()
            result = operator(*arguments)
            self.see(name, arguments, time.perf_counter() - start)
            return result

        return watched


def one_step(ops: Any, model: Model) -> Callable[[], None]:
    """A function that runs one ACT step and its read-out from the reset carry on seeded tokens."""
    tokens = np.random.default_rng(0).integers(0, model.config.vocab_size, (1, model.config.seq_len))
    x = fast.embed(tokens, None, model.embedding)
    carry = reset(fast, model, 1)

    def run() -> None:
        read_out(ops, model, act_step(ops, model, carry, x))

    return run


def products_of(model: Model) -> tuple[Callable[[], None], int]:
    """The float32 products of one ACT step, in order, and their multiply-accumulates."""
    rng = np.random.default_rng(1)
    weights: dict[str, np.ndarray] = {}
    sequence: list[tuple[np.ndarray, np.ndarray]] = []

    def see(name: str, arguments: tuple[Any, ...], seconds: float) -> None:
        if name == "linear":
            a, p = arguments
            assert isinstance(p, Linear)
            if p.name not in weights:
                weights[p.name] = rng.standard_normal(p.codes.T.shape, np.float32)
            x = rng.standard_normal((a.size // a.shape[-1], a.shape[-1]), np.float32)
            sequence.append((x, weights[p.name]))
        elif name in ("scores", "weighted_values"):
            first, second = (rng.standard_normal(a.shape, np.float32) for a in arguments[:2])
            sequence.append((first, second.swapaxes(-1, -2) if name == "scores" else second))

    one_step(Watch(see), model)()
    macs = sum(x.size * w.shape[-1] for x, w in sequence)

    def run() -> None:
        for x, w in sequence:
            np.matmul(x, w)

    return run, macs


def operator_seconds(model: Model) -> dict[str, float]:
    """Seconds by operator in one ACT step, the slowest first; the second step of two (the first compiles)."""
    spent: dict[str, float] = defaultdict(float)

    def see(name: str, arguments: tuple[Any, ...], seconds: float) -> None:
        spent[name] += seconds

    run = one_step(Watch(see), model)
    run()
    spent.clear()
    run()
    return dict(sorted(spent.items(), key=lambda entry: -entry[1]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", choices=sorted(PRESETS), default="trm-mlp-sudoku")
    parser.add_argument("--weights", default="w8c")
    parser.add_argument("--format", choices=("text", "json"), default="text")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    model = find_network(options.model).integer_model(options.weights).with_depth(steps=1)
    products, macs = products_of(model)
    float_seconds, integer_seconds = best_seconds([products, one_step(fast, model)], options.rounds)
    ratio = integer_seconds / float_seconds
    threads = os.environ.get("OPENBLAS_NUM_THREADS", f"default ({os.cpu_count()} cores)")
    spent = operator_seconds(model)
    if options.format == "json":
        print(json.dumps({
            "model": options.model, "weights": options.weights, "blas_threads": threads, "macs": macs,
            "float_gemm_seconds": float_seconds, "integer_step_seconds": integer_seconds,
            "ratio": ratio, "bar": BAR, "seconds_by_operator": spent,
        }, indent=1))  # fmt: skip
        return
    table = Table(
        title=f"one ACT step, {options.model}, {options.weights}\nBLAS threads: {threads}",
        caption="untrained seeded weights; shares from a watched step",
    )
    table.add_column("")
    table.add_column("seconds", justify="right")
    table.add_column("GMAC/s", justify="right")
    table.add_row("float32 NumPy products alone", f"{float_seconds:.3f}", f"{macs / float_seconds / 1e9:.1f}")
    table.add_row("integer ACT step", f"{integer_seconds:.3f}", f"{macs / integer_seconds / 1e9:.1f}")
    style = "green" if ratio <= BAR else "red"
    table.add_row("ratio", f"[{style}]{ratio:.2f}[/]", f"bar {BAR:g}", end_section=True)
    for name, seconds in spent.items():
        table.add_row(f"  {name}", f"{seconds:.4f}", "")
    Console().print(table)


if __name__ == "__main__":
    main()
