"""One integer linear, requantization included, beside bare products of the same shape: NumPy's in float32,
and (extra ``bench``) ONNX Runtime's in int8, its MatMulInteger of unsigned activations and signed weights.

Weights are prepared once on every side, in the layout each likes best.  The bars: three times as fast as
float32, and 0.85 of ONNX Runtime's bare product.  The linear is serial; ``--threads`` is for the others.

    OPENBLAS_NUM_THREADS=2 python benchmarks/gemm.py [--threads 2] [--format json] [--rounds 40] [--weights 4]
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table
from timing import best_seconds

from refimpl import fast
from refimpl.fixedpoint import ROUNDINGS, Rounding
from refimpl.params import Linear
from workbench.host import products

FLOAT_BAR, PEER_BAR = 3.0, 0.85
OPSET, IR_VERSION = 13, 8  # MatMulInteger as any ONNX Runtime of these years reads it


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
    Shape("token gate_up", 512, 97, 1024, 8),
    Shape("token down", 512, 512, 97, 32),
    Shape("gate_up", 97, 512, 3072, 8),
    Shape("down", 97, 1536, 512, 32),
    Shape("qkv", 97, 512, 1536, 8),
    Shape("o", 97, 512, 512, 32),
    Shape("gate_up", 916, 512, 3072, 8),
    Shape("down", 916, 1536, 512, 32),
    Shape("qkv", 916, 512, 1536, 8),
    Shape("o", 916, 512, 512, 32),
)


@dataclass(frozen=True)
class Result:
    """Best times of one shape; ratios are the other's time over the integer linear's, 1 is a tie."""

    shape: Shape
    float_seconds: float
    integer_seconds: float
    peer_seconds: float | None

    @property
    def ratio(self) -> float:
        return self.float_seconds / self.integer_seconds

    @property
    def peer_ratio(self) -> float | None:
        return None if self.peer_seconds is None else self.peer_seconds / self.integer_seconds

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


def peer(shape: Shape, layer: Linear, codes: np.ndarray, threads: int) -> Callable[[], object] | None:
    """ONNX Runtime's product of the same codes, checked to be the exact one; None without extra ``bench``."""
    try:
        import onnx
        import onnxruntime
    except ImportError:
        return None
    weights = np.ascontiguousarray(layer.codes.T)
    points = {"a_zero": np.uint8(128), "w_zero": np.int8(0)}
    held = [onnx.numpy_helper.from_array(np.asarray(v), k) for k, v in ({"w": weights} | points).items()]
    node = onnx.helper.make_node("MatMulInteger", ["a", "w", "a_zero", "w_zero"], ["y"])
    place = [onnx.helper.make_tensor_value_info("a", onnx.TensorProto.UINT8, codes.shape)]
    out = [onnx.helper.make_tensor_value_info("y", onnx.TensorProto.INT32, [shape.rows, shape.outputs])]
    model = onnx.helper.make_model(onnx.helper.make_graph([node], "product", place, out, held),
                                   opset_imports=[onnx.helper.make_opsetid("", OPSET)])  # fmt: skip
    model.ir_version = IR_VERSION
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"])
    given = {"a": (codes.view(np.uint8) ^ 128).astype(np.uint8)}
    expected = codes.astype(np.int64) @ weights.astype(np.int64)
    assert np.array_equal(session.run(None, given)[0], expected), "ONNX Runtime's product is another"
    return lambda: session.run(None, given)


def measure(shape: Shape, bits: int, rounding: Rounding, rounds: int, threads: int) -> Result:
    rng = np.random.default_rng(1)
    layer = seeded_layer(shape, bits, rounding)
    codes = rng.integers(-128, 128, (shape.rows, shape.inner)).astype(np.int8)
    x = rng.standard_normal((shape.rows, shape.inner), np.float32)
    weight = rng.standard_normal((shape.inner, shape.outputs), np.float32)
    contenders: list[Callable[[], object]] = [lambda: x @ weight, lambda: fast.linear(codes, layer)]
    other = peer(shape, layer, codes, threads)
    seconds = best_seconds(contenders + ([other] if other else []), rounds)
    return Result(shape, seconds[0], seconds[1], seconds[2] if other else None)


def judged(ratio: float | None, bar: float) -> str:
    return "n/a" if ratio is None else f"[{'green' if ratio >= bar else 'red'}]{ratio:.2f}[/]"


def as_table(results: list[Result], title: str) -> Table:
    caption = (f"f32 x, ORT x: the other's time / the integer linear's; bars {FLOAT_BAR:g} and {PEER_BAR:g} "
               "(n/a without extra bench)")  # fmt: skip
    table = Table(title=title, box=box.SIMPLE, padding=(0, 1, 0, 0), caption=caption)
    table.add_column("linear", no_wrap=True)
    for name in ("M x K x N", "int ms", "GMAC/s", "f32 ms", "f32 x", "ORT ms", "ORT x"):
        table.add_column(name, justify="right", no_wrap=True)
    for r in results:
        s, other = r.shape, r.peer_seconds
        table.add_row(
            s.name, f"{s.rows}x{s.inner}x{s.outputs}", f"{r.integer_seconds * 1e3:.2f}",
            f"{r.integer_gmacs:.0f}", f"{r.float_seconds * 1e3:.2f}", judged(r.ratio, FLOAT_BAR),
            "n/a" if other is None else f"{other * 1e3:.2f}", judged(r.peer_ratio, PEER_BAR),
        )  # fmt: skip
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--format", choices=("text", "json"), default="text")
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--weights", type=int, choices=(4, 8), default=8)
    parser.add_argument("--rounding", choices=ROUNDINGS, default="double")
    parser.add_argument("--threads", type=int, default=1, help="of ONNX Runtime")
    options = parser.parse_args()
    results = [measure(s, options.weights, options.rounding, options.rounds, options.threads) for s in SHAPES]
    threads = os.environ.get("OPENBLAS_NUM_THREADS", f"default ({os.cpu_count()} cores)")
    if options.format == "json":
        rows = [asdict(r.shape) | {"float_seconds": r.float_seconds, "integer_seconds": r.integer_seconds,
                                   "peer_seconds": r.peer_seconds, "ratio": r.ratio,
                                   "peer_ratio": r.peer_ratio} for r in results]  # fmt: skip
        print(json.dumps({"bar": FLOAT_BAR, "peer_bar": PEER_BAR, "blas_threads": threads,
                          "peer_threads": options.threads, "engine": products(),
                          "weight_bits": options.weights, "rounding": options.rounding,
                          "results": rows}, indent=1))  # fmt: skip
    else:
        title = (f"int{options.weights} linear with {options.rounding} rounding by {products()}\n"
                 f"threads: BLAS {threads}, ONNX Runtime {options.threads}")  # fmt: skip
        Console().print(as_table(results, title))


if __name__ == "__main__":
    main()
