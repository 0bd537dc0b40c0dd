"""Reading rows of a table file: memory mapped, one read a row, every read logged.

:class:`FloatRows` and :class:`IntegerRows` stand in a model's tree where a resident table would, as
``Embedding.puzzles``, and give bit for bit what that table gives.
"""

from __future__ import annotations

import math
import mmap
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from refimpl.errors import InputError
from refimpl.fixedpoint import STATE_FRAC_BITS, Rounding
from refimpl.float_params import RowTable as FloatRowTable
from refimpl.float_params import input_scale
from refimpl.models.tree import Model
from refimpl.params import Int8s, Int32s
from workbench.embeddings.formats import RowFormat, parse_row_format
from workbench.embeddings.write import SCHEMA, Float32s, TableMeta, integer_rows, meta_path, scaled
from workbench.files.inputs import opened, read_json
from workbench.files.typed import build

LEAF_NAME = "puzzle_emb"


@dataclass(frozen=True)
class RowRead:
    """One contiguous read: ``row`` is None for the factor that SVD rows share."""

    table: str
    row: int | None
    offset: int
    bytes: int


@dataclass(eq=False)
class StoredTable:
    """An open table file.  ``reads`` grows by one entry a read; ``on_read`` hears each as it happens."""

    path: Path
    meta: TableMeta
    data: mmap.mmap = field(repr=False)
    on_read: Callable[[RowRead], None] | None = None
    reads: list[RowRead] = field(default_factory=list)

    @property
    def format(self) -> RowFormat:
        return parse_row_format(self.meta.format)

    @cached_property
    def record(self) -> np.dtype[Any]:
        return self.format.record(self.meta.hidden)

    def _read(self, row: int | None, offset: int, size: int) -> bytes:
        entry = RowRead(self.path.name, row, offset, size)
        self.reads.append(entry)
        if self.on_read is not None:
            self.on_read(entry)
        return self.data[offset : offset + size]

    def read_row(self, index: int) -> npt.NDArray[Any]:
        """The record of row ``index``, shape (1,): one read of exactly its bytes."""
        if not 0 <= index < self.meta.rows:
            raise InputError(f"{self.path} has rows 0 to {self.meta.rows - 1:,}; there is no row {index:,}.")
        raw = self._read(index, index * self.record.itemsize, self.record.itemsize)
        return np.frombuffer(raw, self.record)

    @cached_property
    def shared(self) -> npt.NDArray[np.float64]:
        """The (rank, D) factor of an SVD table, read once an opened table."""
        size = self.format.shared_bytes(self.meta.hidden)
        raw = self._read(None, self.meta.rows * self.record.itemsize, size)
        return np.frombuffer(raw, "<f4").reshape(self.format.rank, self.meta.hidden).astype(np.float64)

    def values(self, index: int) -> Float32s:
        """Row ``index`` as float32 (D,), before the input scale."""
        record = self.read_row(index)
        return np.asarray(self._decode(record[0]), np.float32)

    def _decode(self, record: Any) -> npt.NDArray[np.floating]:
        kind = self.format.kind
        if kind == "fp32":
            return np.asarray(record["values"])
        if kind == "svd":
            return np.asarray(record["coordinates"].astype(np.float64) @ self.shared)
        codes: npt.NDArray[np.float64] = record["codes"].astype(np.float64)
        if kind == "int8":
            return codes * float(record["scale"])
        unit = math.ldexp(int(record["multiplier"]), int(record["shift"]) - 31 - STATE_FRAC_BITS)
        return codes * (unit / self.meta.input_scale)


@dataclass(frozen=True, eq=False)
class FloatRows:
    """The float reading's leaf: rows times the input scale, (..., D) float32."""

    table: StoredTable
    name: str = LEAF_NAME

    def rows(self, indices: npt.NDArray[np.integer]) -> Float32s:
        indices = np.asarray(indices)
        rows = np.stack([self.table.values(int(i)) for i in indices.reshape(-1)])
        return scaled(rows, self.table.meta.input_scale).reshape(*indices.shape, -1)


@dataclass(frozen=True, eq=False)
class IntegerRows:
    """The integer reading's leaf: codes, multiplier, shift of each row.

    ``int8-q31`` rows are taken as stored; rows of other formats are quantized as they are read, by the
    rule that lowers a resident table, row by row.
    """

    table: StoredTable
    rounding: Rounding = "double"
    name: str = LEAF_NAME

    def rows(self, indices: npt.NDArray[np.integer]) -> tuple[Int8s, Int32s, Int32s]:
        indices = np.asarray(indices)
        read = [self._row(int(i)) for i in indices.reshape(-1)]
        codes, multiplier, shift = (np.concatenate(parts) for parts in zip(*read, strict=True))
        shape = indices.shape
        return codes.reshape(*shape, -1), multiplier.reshape(shape), shift.reshape(shape)

    def _row(self, index: int) -> tuple[Int8s, Int32s, Int32s]:
        if self.table.format.kind == "int8-q31":
            record = self.table.read_row(index)
            return record["codes"], record["multiplier"].astype(np.int32), record["shift"].astype(np.int32)
        leaf = integer_rows(self.name, self.table.values(index)[None], self.table.meta.input_scale)
        return leaf.codes, leaf.multiplier, leaf.shift


def read_meta(path: Path) -> TableMeta:
    """The description beside a table file, checked."""
    beside = meta_path(path)
    if not beside.exists():
        raise InputError(f"{path} needs {beside.name} beside it.")
    meta = build(read_json(beside, "the description of an embedding table"), TableMeta)
    if min(meta.rows, meta.hidden) < 1 or meta.input_scale <= 0:
        raise InputError(f"{beside}: rows, hidden and input_scale must be positive numbers.")
    if meta.schema != SCHEMA:
        raise InputError(f"{beside} has schema {meta.schema!r}; this reads {SCHEMA!r}.")
    return meta


def open_table(path: Path, on_read: Callable[[RowRead], None] | None = None) -> StoredTable:
    """Map a table file; no row is read yet.

    Raises InputError where file and description do not belong together.
    """
    meta = read_meta(path)
    expected = parse_row_format(meta.format).file_bytes(meta.rows, meta.hidden)
    with opened(path, "the embedding table") as file:
        found = file.seek(0, 2)
        if found != expected:
            raise InputError(f"{path} has {found:,} bytes; {meta.rows:,} rows of {meta.hidden} values as "
                             f"{meta.format} are {expected:,}.")
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    if hasattr(mmap, "MADV_RANDOM"):
        data.madvise(mmap.MADV_RANDOM)  # single rows: neighbours must not be read ahead
    return StoredTable(path, meta, data, on_read)


def with_table(model: Model, table: StoredTable) -> Model:
    """``model``, in the float or the integer reading, with its puzzle rows read from ``table``."""
    config = model.config
    resident = model.embedding.puzzles
    if resident is None:
        raise InputError("this model has no puzzle positions; it reads no puzzle rows.")
    wanted = input_scale(config)
    if table.meta.hidden != config.hidden_size or table.meta.input_scale != wanted:
        raise InputError(f"{table.path} holds rows of {table.meta.hidden} values for input scale "
                         f"{table.meta.input_scale:.6g}; this model needs {config.hidden_size} values for "
                         f"{wanted:.6g}.")  # fmt: skip
    leaf = FloatRows(table) if isinstance(resident, FloatRowTable) else IntegerRows(table, resident.rounding)
    return replace(
        model,
        config=replace(config, num_puzzle_identifiers=table.meta.rows),
        embedding=replace(model.embedding, puzzles=leaf),
    )
