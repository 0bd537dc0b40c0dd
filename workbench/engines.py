"""The command ``engines``: which requantization rule each path of an installed inference engine follows.

Seeded accumulators go through one FULLY_CONNECTED a round (int8, one scale a row) and one MUL; what comes out
is compared with every rule.  Engines come from the package index (extra ``peers``); one that is missing is
named.  CMSIS-NN's answers, which need its source, are kept as vectors (``tests/data/peers``).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.progress import track

from refimpl.fixedpoint import Int64s, clamp, high_multiply, requantize
from refimpl.quantize.rescales import multipliers_and_shifts
from workbench.command_line import examples, number
from workbench.tflite_models import fully_connected, multiplication

Floats = npt.NDArray[np.float64]
Scales = tuple[Any, Any, Any]  # float32: input, weights or second input, output
Rule = Callable[[Int64s, Int64s, Int64s, Floats], npt.NDArray[Any]]
ROWS, OUTPUTS = 200, 500  # accumulators of one round: 100,000
X_SCALE, Y_SCALE = 0.0125, 0.05


def _ties_up(acc: Int64s, multiplier: Int64s, shift: Int64s, factor: Floats) -> Int64s:
    """Two roundings as ``double``, the second with ties towards +infinity (ruy's kernels)."""
    high, right = high_multiply(acc << np.maximum(shift, 0), multiplier), np.maximum(-shift, 0)
    return np.asarray(high + (np.int64(1) << right >> 1) >> right, np.int64)


def _by_float(acc: Int64s, multiplier: Int64s, shift: Int64s, factor: Floats) -> npt.NDArray[Any]:
    return np.rint(acc.astype(np.float32) * factor.astype(np.float32))


RULES: dict[str, Rule] = {
    "double": lambda acc, m, s, f: requantize(acc, m, s, "double"),
    "single": lambda acc, m, s, f: requantize(acc, m, s, "single"),
    "double, ties up": _ties_up,
    "float32": _by_float,
}


@dataclass
class Tally:
    """Values that came out of one path, and how many differ under each rule."""

    values: int = 0
    wrong: dict[str, int] = field(default_factory=lambda: dict.fromkeys(RULES, 0))

    def add(self, out: npt.NDArray[Any], acc: Int64s, factor: Floats) -> None:
        multiplier, shift = (v.astype(np.int64) for v in multipliers_and_shifts(factor))
        self.values += out.size
        for name, rule in RULES.items():
            wanted = clamp(rule(acc, multiplier, shift, factor).astype(np.int64), 8)
            self.wrong[name] += int(np.count_nonzero(out != wanted))

    def verdict(self) -> str:
        return " = ".join(name for name, wrong in self.wrong.items() if not wrong) or "none of these"


def _litert(resolver: str) -> Callable[[bytes, list[Any]], npt.NDArray[Any]]:
    module = import_module("ai_edge_litert.interpreter")

    def run(model: bytes, inputs: list[Any]) -> npt.NDArray[Any]:
        kind = getattr(module.OpResolverType, resolver)
        engine = module.Interpreter(model_content=model, experimental_op_resolver_type=kind, num_threads=1)
        engine.allocate_tensors()
        for detail, values in zip(engine.get_input_details(), inputs, strict=True):
            engine.set_tensor(detail["index"], values)
        engine.invoke()
        out: npt.NDArray[Any] = engine.get_tensor(engine.get_output_details()[0]["index"])
        return out

    return run


def _micro(_: str) -> Callable[[bytes, list[Any]], npt.NDArray[Any]]:
    runtime = import_module("tflite_micro.python.tflite_micro.runtime")

    def run(model: bytes, inputs: list[Any]) -> npt.NDArray[Any]:
        engine = runtime.Interpreter.from_bytes(model, arena_size=2**21)
        for at, values in enumerate(inputs):
            engine.set_input(values, at)
        engine.invoke()
        out: npt.NDArray[Any] = engine.get_output(0)
        return out

    return run


# Package, path, how it is reached, and the operators whose factor it computes in float32 instead of float64.
PATHS = (
    ("ai-edge-litert", "reference kernels", _litert, "BUILTIN_REF", ("MUL",)),
    ("ai-edge-litert", "optimized kernels", _litert, "BUILTIN_WITHOUT_DEFAULT_DELEGATES", ("MUL",)),
    ("ai-edge-litert", "default (XNNPACK)", _litert, "AUTO", ("FULLY_CONNECTED", "MUL")),
    ("tflite-micro", "reference kernels", _micro, "", ()),
)


def _factor(scales: Scales, width: type[np.floating[Any]]) -> Floats:
    x, y, out = (np.asarray(scale, width) for scale in scales)
    return np.atleast_1d(np.asarray(x * y / out, np.float64))


def _linear_round(rng: np.random.Generator) -> tuple[bytes, list[Any], Int64s, Scales]:
    """A FULLY_CONNECTED whose accumulators spread over the int8 outputs at factors 2^-22 to 2^-2."""
    weights = rng.integers(-127, 128, (OUTPUTS, 2)).astype(np.int8)
    wanted = np.exp2(
        np.where(rng.random(OUTPUTS) < 0.5, rng.uniform(-22, -9, OUTPUTS), rng.uniform(-9, -2, OUTPUTS))
    )
    scales = (wanted * Y_SCALE / X_SCALE).astype(np.float32)
    three = np.float32(X_SCALE), scales, np.float32(Y_SCALE)
    factor = _factor(three, np.float64)
    bias = np.rint(rng.uniform(-120, 120, OUTPUTS) / factor).astype(np.int32)
    x = rng.integers(-128, 128, (ROWS, 2)).astype(np.int8)
    acc = x.astype(np.int64) @ weights.T.astype(np.int64) + bias
    return fully_connected(weights, bias, X_SCALE, scales, Y_SCALE, ROWS), [x], acc, three


def _product_round(rng: np.random.Generator) -> tuple[bytes, list[Any], Int64s, Scales]:
    """A MUL of every pair of int8 values, at a factor from 2^-9 to 2^-4."""
    a, b = (
        v.reshape(-1)
        for v in np.meshgrid(np.arange(-128, 128, dtype=np.int8), np.arange(-128, 128, dtype=np.int8))
    )
    scales = np.float32(X_SCALE), np.float32(rng.uniform(0.1, 1)), np.float32(rng.uniform(0.2, 0.6))
    return multiplication(a.size, *map(float, scales)), [a, b], a.astype(np.int64) * b, scales


ROUNDS = {"FULLY_CONNECTED": _linear_round, "MUL": _product_round}


def measured(count: int, seed: int = 0) -> Iterator[tuple[str, str, str, Tally | str]]:
    """(operator, engine, path, tally of at least ``count`` values, or what is missing) for each of PATHS."""
    for operator, draw in ROUNDS.items():
        for package, path, opened, resolver, narrow in PATHS:
            try:
                name, run, tally = f"{package} {version(package)}", opened(resolver), Tally()
            except (PackageNotFoundError, ImportError):
                yield operator, package, path, "not installed"
                continue
            rng = np.random.default_rng(seed)
            while tally.values < count:
                model, inputs, acc, scales = draw(rng)
                factor = _factor(scales, np.float32 if operator in narrow else np.float64)
                tally.add(np.asarray(run(model, inputs)), acc, factor)
            yield operator, name, path, tally


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--count", type=number, default=1_000_000, help="values for each path (default 1,000,000)"
    )
    examples(parser, "--count 10000000")


def run(args: argparse.Namespace) -> int:
    """Print the table in Markdown."""
    head = ["operator", "engine", "path", "values", *RULES, "rule"]
    print(f"| {' | '.join(head)} |\n|{'---|' * len(head)}")
    total = len(ROUNDS) * len(PATHS)
    for operator, name, path, found in track(measured(args.count), "engines", total, transient=True):
        if isinstance(found, str):
            print(f"| {operator} | {name} | {path} | n/a |{' n/a |' * len(RULES)} {found} |")
            continue
        cells = [f"{found.values:,}", *(f"{wrong:,}" for wrong in found.wrong.values()), found.verdict()]
        print(f"| {operator} | {name} | {path} | {' | '.join(cells)} |")
    return 0
