"""One whole integer ACT step of a paper-size model beside the float32 NumPy products it contains, and beside
the same step in float32 PyTorch (extra ``train``).

NumPy's side is the bare matrix products of the same shapes in the same order, nothing else: no activation
function, no norm, no residual.  PyTorch's is the whole step.  The bar: 2.5 times as fast as PyTorch.

    OPENBLAS_NUM_THREADS=1 PYTHONPATH=. python benchmarks/act_step.py [--threads 1] [--model trm-att-sudoku]
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

BAR = 2.5


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


def in_torch(model: Model, threads: int) -> Callable[[], object] | None:
    """The step by the model that trains here, in float32; None where PyTorch or ``training`` is missing."""
    try:
        import torch

        from training.model import Reasoner
    except ImportError:
        return None
    torch.set_num_threads(threads)
    config = model.config
    twin = Reasoner(config)
    tokens = np.random.default_rng(0).integers(0, config.vocab_size, (1, config.seq_len))
    with torch.inference_mode():
        x, carry = twin.embed(torch.from_numpy(tokens.astype(np.int32))), twin.initial(1)

    def run() -> None:
        with torch.inference_mode():
            twin.heads(twin.advance(carry, x, config.H_cycles, config.L_cycles)[0])

    return run


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
    parser.add_argument("--threads", type=int, default=1, help="of PyTorch")
    options = parser.parse_args()
    model = find_network(options.model).integer_model(options.weights).with_depth(steps=1)
    products, macs = products_of(model)
    torch_step = in_torch(model, options.threads)
    contenders: list[Callable[[], object]] = [products, one_step(fast, model)]
    seconds = best_seconds(contenders + ([torch_step] if torch_step else []), options.rounds)
    float_seconds, integer_seconds = seconds[:2]
    torch_seconds = seconds[2] if torch_step else None
    ratio = None if torch_seconds is None else torch_seconds / integer_seconds
    threads = os.environ.get("OPENBLAS_NUM_THREADS", f"default ({os.cpu_count()} cores)")
    spent = operator_seconds(model)
    if options.format == "json":
        print(json.dumps({
            "model": options.model, "weights": options.weights, "blas_threads": threads,
            "torch_threads": options.threads, "macs": macs, "float_gemm_seconds": float_seconds,
            "torch_step_seconds": torch_seconds, "integer_step_seconds": integer_seconds,
            "ratio": ratio, "bar": BAR, "seconds_by_operator": spent,
        }, indent=1))  # fmt: skip
        return
    table = Table(
        title=f"one ACT step, {options.model}, {options.weights}\n"
              f"threads: BLAS {threads}, PyTorch {options.threads}",
        caption="untrained seeded weights; shares from a watched step",
    )  # fmt: skip
    table.add_column("")
    table.add_column("seconds", justify="right")
    table.add_column("GMAC/s", justify="right")
    table.add_row("float32 NumPy products alone", f"{float_seconds:.3f}", f"{macs / float_seconds / 1e9:.1f}")
    if torch_seconds is not None:
        table.add_row("float32 PyTorch step", f"{torch_seconds:.3f}", f"{macs / torch_seconds / 1e9:.1f}")
    table.add_row("integer ACT step", f"{integer_seconds:.3f}", f"{macs / integer_seconds / 1e9:.1f}")
    shown = "n/a" if ratio is None else f"[{'green' if ratio >= BAR else 'red'}]{ratio:.2f}[/]"
    table.add_row("PyTorch / integer", shown, f"bar {BAR:g}", end_section=True)
    for name, share in spent.items():
        table.add_row(f"  {name}", f"{share:.4f}", "")
    Console().print(table)


if __name__ == "__main__":
    main()
