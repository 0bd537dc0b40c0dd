"""Making a table file, block by block, so that no table is ever held whole (but one from a checkpoint)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from refimpl import float_params
from refimpl.errors import InputError
from refimpl.formats import parse_format, parse_weights
from refimpl.models.config import ModelConfig
from refimpl.quantize.calibration import Calibration
from refimpl.quantize.lower import Lowering
from workbench.checkpoints import load_network
from workbench.embeddings.formats import RowFormat
from workbench.files.outputs import make_folder, replacing, write_file
from workbench.seeded import row_blocks

Float32s = npt.NDArray[np.float32]
Float64s = npt.NDArray[np.float64]
Records = npt.NDArray[Any]

MOST_ROWS = 100_000_000
SCHEMA = "refimpl.embedding-table/1"
SEEDED = "seeded table"
PUZZLE_TENSOR = "inner.puzzle_emb.weights"
ROW_BLOCK = 1024


@dataclass(frozen=True)
class TableMeta:
    """The ``.json`` beside a table: everything but the rows.

    ``label`` says where the values come from (``seeded table`` when they are ours); ``input_scale`` is
    what the model multiplies a row by, and part of the multipliers of an ``int8-q31`` row.
    """

    format: str
    rows: int
    hidden: int
    label: str
    input_scale: float
    schema: str = SCHEMA


@dataclass(frozen=True)
class TableSource:
    """Rows to store: ``blocks()`` yields float32 (n, hidden) from the first row on, afresh each time."""

    rows: int
    hidden: int
    label: str
    blocks: Callable[[], Iterable[Float32s]]


def seeded_source(rows: int, hidden: int, seed: int = 0) -> TableSource:
    """Rows drawn from ``seed``; row i does not depend on ``rows``."""
    if not 1 <= rows <= MOST_ROWS or seed < 0:
        raise InputError(f"{rows:,} rows from seed {seed} cannot be drawn: it takes 1 to {MOST_ROWS:,} rows "
                         "and seeds from 0.")
    return TableSource(rows, hidden, f"{SEEDED}, seed {seed}", lambda: row_blocks(rows, hidden, seed))


def from_array(values: npt.NDArray[np.floating], label: str) -> TableSource:
    """Rows of an array (rows, hidden)."""
    if values.ndim != 2 or not values.size:
        raise InputError(f"an embedding table has the shape (rows, hidden), not {values.shape}.")

    def blocks() -> Iterator[Float32s]:
        for start in range(0, len(values), ROW_BLOCK):
            yield np.asarray(values[start : start + ROW_BLOCK], np.float32)

    rows, hidden = values.shape
    return TableSource(rows, hidden, label, blocks)


def from_network(name_or_path: str) -> tuple[ModelConfig, TableSource]:
    """The puzzle rows of a network (shipped name, folder, checkpoint file) and its configuration."""
    config, tensors = load_network(name_or_path)
    if PUZZLE_TENSOR not in tensors:
        raise InputError(f"{name_or_path} has no tensor {PUZZLE_TENSOR}: this model reads no puzzle rows.")
    return config, from_array(tensors[PUZZLE_TENSOR], Path(name_or_path).name)


def principal_axes(source: TableSource) -> Float64s:
    """Right singular vectors (hidden, hidden) as columns, strongest first.

    From the hidden x hidden Gram matrix in float64, so one pass over the blocks is enough.  Each vector's
    largest component is positive, which makes it unique.
    """
    gram = np.zeros((source.hidden, source.hidden))
    for block in source.blocks():
        wide = block.astype(np.float64)
        gram += wide.T @ wide
    _, vectors = np.linalg.eigh(gram)
    vectors = vectors[:, ::-1]
    largest = vectors[np.abs(vectors).argmax(axis=0), np.arange(source.hidden)]
    return np.ascontiguousarray(vectors * np.sign(largest))


def scaled(values: npt.NDArray[np.floating], input_scale: float) -> Float32s:
    """Rows times the input scale, rounded once: what the float model adds to its input."""
    return (values.astype(np.float64) * input_scale).astype(np.float32)


def integer_rows(name: str, values: Float32s, input_scale: float) -> Any:
    """Integer leaf of unscaled rows, by the rule that lowers every other table."""
    rows = float_params.RowTable(name, scaled(values, input_scale))
    return Lowering(parse_format("w8c"), Calibration({}, "")).table(rows)


def _encode(block: Float32s, fmt: RowFormat, meta: TableMeta, axes: Float64s | None) -> Records:
    """Records of a block of rows."""
    records = np.zeros(len(block), fmt.record(meta.hidden))
    if fmt.kind == "fp32":
        records["values"] = block
    elif fmt.kind == "int8":
        quantized = parse_weights("w8c").quantize(block)
        records["codes"], records["scale"] = quantized.codes, quantized.scale
    elif fmt.kind == "int8-q31":
        leaf = integer_rows("puzzle_emb", block, meta.input_scale)
        records["codes"], records["multiplier"], records["shift"] = leaf.codes, leaf.multiplier, leaf.shift
    else:
        assert axes is not None
        records["coordinates"] = block.astype(np.float64) @ axes
    return records


def meta_path(path: Path) -> Path:
    """The description beside a table file."""
    return path.with_name(path.name + ".json")


def write_table(path: Path, source: TableSource, fmt: RowFormat, input_scale: float) -> TableMeta:
    """Write ``source`` as a table file with its description; both appear only when complete.

    Parameters
    ----------
    input_scale : what the model multiplies rows by, see :func:`refimpl.float_params.input_scale`.
    """
    if fmt.rank > min(source.hidden, source.rows):
        raise InputError(f"a table of {source.rows:,} x {source.hidden} has no rank {fmt.rank}.")
    meta = TableMeta(fmt.name, source.rows, source.hidden, source.label, input_scale)
    axes = principal_axes(source)[:, : fmt.rank] if fmt.kind == "svd" else None
    make_folder(path.parent)
    with replacing(path) as file:
        for block in source.blocks():
            if not np.isfinite(block).all():
                raise InputError(f"the table {source.label!r} holds values that are not finite.")
            file.write(_encode(block, fmt, meta, axes).tobytes())
        if axes is not None:
            file.write(axes.T.astype("<f4").tobytes())
    write_file(meta_path(path), json.dumps(asdict(meta), indent=2) + "\n")
    return meta
