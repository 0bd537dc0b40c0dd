"""What a row format loses: cosine between a row and what comes back, over all rows of a given table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from refimpl.errors import InputError
from refimpl.formats import parse_weights
from workbench.embeddings.formats import parse_row_format
from workbench.embeddings.table import StoredTable
from workbench.embeddings.write import ROW_BLOCK, Float32s, TableSource, principal_axes


@dataclass(frozen=True)
class Cosine:
    """Of one format: mean and least cosine over rows; a row of zeros counts as kept (1)."""

    format: str
    mean: float
    least: float


def row_cosines(rows: npt.NDArray[np.floating], others: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Cosine of each row of ``rows`` (n, D) with the same row of ``others``."""
    a, b = rows.astype(np.float64), others.astype(np.float64)
    norms = np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))
    product = (a * b).sum(axis=1)
    return np.where(norms > 0, product / np.where(norms > 0, norms, 1), ~a.any(axis=1))


def table_source(table: StoredTable) -> TableSource:
    """All rows of an open fp32 table, in blocks, outside its read log: for measuring, not for running."""
    if table.format.kind != "fp32":
        raise InputError(f"{table.path} is {table.meta.format}; cosines are taken of the original fp32 rows.")
    meta = table.meta

    def blocks() -> Iterator[Float32s]:
        step = ROW_BLOCK * table.record.itemsize
        for start in range(0, meta.rows * table.record.itemsize, step):
            raw = table.data[start : min(start + step, meta.rows * table.record.itemsize)]
            yield np.frombuffer(raw, "<f4").reshape(-1, meta.hidden)

    return TableSource(meta.rows, meta.hidden, meta.label, blocks)


def cosines(source: TableSource, ranks: tuple[int, ...]) -> list[Cosine]:
    """INT8 and every SVD rank, each over all rows.

    An SVD row is the projection of the original on the leading axes, so its cosine is the share of the
    row's length that lies in them.
    """
    for rank in ranks:
        if not 1 <= rank <= source.hidden:
            raise InputError(f"rank {rank} is outside 1 to {source.hidden}.")
    axes = principal_axes(source)
    int8: list[npt.NDArray[np.float64]] = []
    svd: dict[int, list[npt.NDArray[np.float64]]] = {rank: [] for rank in ranks}
    for block in source.blocks():
        int8.append(row_cosines(block, parse_weights("w8c").quantize(block).dequantize()))
        energy = np.cumsum(np.square(block.astype(np.float64) @ axes), axis=1)
        length = energy[:, -1]
        for rank in ranks:
            share = np.where(length > 0, energy[:, rank - 1] / np.where(length > 0, length, 1), 1.0)
            svd[rank].append(np.sqrt(share))
    found = [_summary("int8", int8)]
    return found + [_summary(parse_row_format(f"svd{rank}").name, svd[rank]) for rank in ranks]


def _summary(name: str, parts: list[npt.NDArray[np.float64]]) -> Cosine:
    values = np.concatenate(parts)
    return Cosine(name, float(values.mean()), float(values.min()))
