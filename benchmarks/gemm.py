"""One integer linear, requantization included, beside the float32 NumPy product of the same shape.

Weights are prepared once on both sides, in the layout BLAS likes best.  The bar is a ratio of 0.75: the
integer layer may take a third longer than the bare float32 product.

    python benchmarks/gemm.py [--format json] [--rounds 40] [--weights 4] [--rounding single]
"""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import asdict, dataclass

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table
from timing import best_seconds

from refimpl import fast
from refimpl.fixedpoint import ROUNDINGS, Rounding
from refimpl.params import Linear

BAR = 0.75


@dataclass(frozen=True)
class Shape:
    """A linear of a published model: (rows, inner) activations x (outputs, inner) weights."""

    name: str
    rows: int
    inner: int
    outputs: int
    out_bits: int

    @property
    def macs(self) -> int:
        return self.rows * self.inner * self.outputs


SHAPES = (
    Shape("token gate_up, T 97", 512, 97, 1024, 8),
    Shape("token down, T 97", 512, 512, 97, 32),
    Shape("channel gate_up, T 97", 97, 512, 3072, 8),
    Shape("channel down, T 97", 97, 1536, 512, 32),
    Shape("qkv, T 97", 97, 512, 1536, 8),
    Shape("o, T 97", 97, 512, 512, 32),
    Shape("channel gate_up, T 916", 916, 512, 3072, 8),
    Shape("channel down, T 916", 916, 1536, 512, 32),
    Shape("qkv, T 916", 916, 512, 1536, 8),
    Shape("o, T 916", 916, 512, 512, 32),
)


@dataclass(frozen=True)
class Result:
    """Best times of one shape; ``ratio`` is float time over integer time, 1 is a tie."""

    shape: Shape
    float_seconds: float
    integer_seconds: float

    @property
    def ratio(self) -> float:
        return self.float_seconds / self.integer_seconds

    @property
    def integer_gmacs(self) -> float:
        return self.shape.macs / self.integer_seconds / 1e9


def seeded_layer(shape: Shape, bits: int, rounding: Rounding) -> Linear:
    """Uniform codes and row factors that bring typical sums inside the output range."""
    rng = np.random.default_rng(0)
    top = 2 ** (bits - 1) - 1
    typical = 74 * 0.6 * top * shape.inner**0.5
    centre = int(np.ceil(np.log2(2 ** (min(shape.out_bits, 24) - 2) / typical)))
    return Linear(
        shape.name, bits, rng.integers(-top, top + 1, (shape.outputs, shape.inner)).astype(np.int8), None,
        rng.integers(2**30, 2**31, shape.outputs).astype(np.int32),
        rng.integers(centre - 1, centre + 2, shape.outputs).astype(np.int32), rounding, shape.out_bits,
    )  # fmt: skip


def measure(shape: Shape, bits: int, rounding: Rounding, rounds: int) -> Result:
    rng = np.random.default_rng(1)
    layer = seeded_layer(shape, bits, rounding)
    codes = rng.integers(-128, 128, (shape.rows, shape.inner)).astype(np.int8)
    x = rng.standard_normal((shape.rows, shape.inner), np.float32)
    weight = rng.standard_normal((shape.inner, shape.outputs), np.float32)
    seconds = best_seconds([lambda: x @ weight, lambda: fast.linear(codes, layer)], rounds)
    return Result(shape, *seconds)


def as_table(results: list[Result], title: str) -> Table:
    caption = f"G/s: 10^9 MAC a second; ratio: float32 time / integer time, bar {BAR}"
    table = Table(title=title, box=box.SIMPLE, padding=(0, 1, 0, 0), caption=caption)
    table.add_column("linear", no_wrap=True)
    for name in ("rows", "K", "N", "f32 ms", "int ms", "int G/s", "ratio"):
        table.add_column(name, justify="right", no_wrap=True)
    for r in results:
        s = r.shape
        style = "green" if r.ratio >= BAR else "red"
        table.add_row(
            s.name, str(s.rows), str(s.inner), str(s.outputs), f"{r.float_seconds * 1e3:.2f}",
            f"{r.integer_seconds * 1e3:.2f}", f"{r.integer_gmacs:.1f}", f"[{style}]{r.ratio:.2f}[/]",
        )  # fmt: skip
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--format", choices=("text", "json"), default="text")
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--weights", type=int, choices=(4, 8), default=8)
    parser.add_argument("--rounding", choices=ROUNDINGS, default="double")
    options = parser.parse_args()
    results = [measure(s, options.weights, options.rounding, options.rounds) for s in SHAPES]
    threads = os.environ.get("OPENBLAS_NUM_THREADS", f"default ({os.cpu_count()} cores)")
    if options.format == "json":
        rows = [asdict(r.shape) | {"float_seconds": r.float_seconds, "integer_seconds": r.integer_seconds,
                                   "ratio": r.ratio} for r in results]  # fmt: skip
        print(json.dumps({"bar": BAR, "blas_threads": threads, "weight_bits": options.weights,
                          "rounding": options.rounding, "results": rows}, indent=1))  # fmt: skip
    else:
        title = f"int{options.weights} linear with {options.rounding} rounding, BLAS threads: {threads}"
        Console().print(as_table(results, title))


if __name__ == "__main__":
    main()
