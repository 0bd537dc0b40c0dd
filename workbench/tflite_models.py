"""One-operator TFLite models as bytes, for comparisons with the engines that run them (extra ``peers``)."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt

SCHEMA = "ai_edge_litert.schema_py_generated"


def _quantization(scale: npt.NDArray[np.float32] | float) -> Any:
    made = import_module(SCHEMA).QuantizationParametersT()
    made.scale = np.asarray(scale, np.float32).reshape(-1)
    made.zeroPoint = np.zeros(made.scale.size, np.int64)
    made.quantizedDimension = 0
    return made


def _model(
    op: str, version: int, tensors: list[tuple[str, tuple[int, ...], Any, bytes | None]], inputs: list[int]
) -> bytes:
    """``tensors``: (type, shape, scale, constant data or None); the last one is the output."""
    schema = import_module(SCHEMA)
    model, code, graph, operator = (
        schema.ModelT(),
        schema.OperatorCodeT(),
        schema.SubGraphT(),
        schema.OperatorT(),
    )
    model.version, code.version = 3, version
    code.builtinCode = code.deprecatedBuiltinCode = getattr(schema.BuiltinOperator, op)
    title = "".join(word.capitalize() for word in op.split("_")) + "Options"
    operator.builtinOptionsType = getattr(schema.BuiltinOptions, title)
    operator.builtinOptions = getattr(schema, f"{title}T")()
    operator.opcodeIndex, operator.inputs, operator.outputs = (
        0,
        list(range(len(tensors) - 1)),
        [len(tensors) - 1],
    )
    graph.inputs, graph.outputs, graph.operators = inputs, operator.outputs, [operator]
    graph.tensors, model.buffers = [], [schema.BufferT()]
    for at, (kind, shape, scale, data) in enumerate(tensors):
        tensor, buffer = schema.TensorT(), schema.BufferT()
        tensor.name, tensor.shape, tensor.buffer = f"t{at}", list(shape), at + 1
        tensor.type, tensor.quantization = getattr(schema.TensorType, kind), _quantization(scale)
        buffer.data = None if data is None else np.frombuffer(data, np.uint8)
        graph.tensors.append(tensor)
        model.buffers.append(buffer)
    model.operatorCodes, model.subgraphs = [code], [graph]
    builder = import_module("flatbuffers").Builder(1 << 16)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def fully_connected(
    weights: npt.NDArray[np.int8], bias: npt.NDArray[np.int32], x_scale: float,
    scales: npt.NDArray[np.float32], y_scale: float, rows: int,
) -> bytes:  # fmt: skip
    """int8 (rows, K) to int8 (rows, N), one weight scale a row of ``weights`` (N, K); all zero points 0."""
    outputs, inner = weights.shape
    return _model("FULLY_CONNECTED", 12, [
        ("INT8", (rows, inner), x_scale, None),
        ("INT8", (outputs, inner), scales, weights.tobytes()),
        ("INT32", (outputs,), np.float32(x_scale) * scales, bias.astype("<i4").tobytes()),
        ("INT8", (rows, outputs), y_scale, None),
    ], [0])  # fmt: skip


def multiplication(count: int, x_scale: float, y_scale: float, out_scale: float) -> bytes:
    """Element-wise product of two int8 vectors of ``count`` values."""
    return _model("MUL", 2, [
        ("INT8", (count,), scale, None) for scale in (x_scale, y_scale, out_scale)
    ], [0, 1])  # fmt: skip
