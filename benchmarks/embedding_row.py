"""Reading one embedding row: time against the number of rows in the table.

``python benchmarks/embedding_row.py [--folder DIR]`` writes sparse fp32 tables of 10^3 to 10^6 rows (2 GB
long, but almost nothing on disk), opens each anew and reads rows at random places.  Prints the median of
one read on an open table, and of open + read, with their quartiles.  (The smallest table fits the pages
that its first reads map, so its later reads save a page fault.)
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from workbench.embeddings import open_table, parse_row_format
from workbench.embeddings.write import TableMeta, meta_path

HIDDEN = 512
SIZES = (1_000, 10_000, 100_000, 1_000_000)
READS, OPENS = 2_000, 100


def sparse_table(folder: Path, rows: int) -> Path:
    """A table file of the right length with nothing written in it."""
    path = folder / f"rows{rows}"
    meta = TableMeta("fp32", rows, HIDDEN, "sparse zeros", HIDDEN**0.5)
    with path.open("wb") as file:
        file.truncate(parse_row_format("fp32").file_bytes(rows, HIDDEN))
    meta_path(path).write_text(json.dumps(asdict(meta)))
    return path


def quartiles_us(action: Callable[[int], object], rows: np.ndarray) -> np.ndarray:
    """25, 50 and 75 % of the microseconds that ``action(row)`` takes."""
    taken = []
    for row in rows.tolist():
        start = time.perf_counter()
        action(row)
        taken.append(time.perf_counter() - start)
    return np.percentile(taken, [25, 50, 75]) * 1e6


def measure(folder: Path, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Quartiles of a read, and of opening the file and reading."""
    path = sparse_table(folder, rows)
    rng = np.random.default_rng(1)
    table = open_table(path)
    reads = quartiles_us(table.values, rng.integers(0, rows, READS))
    opens = quartiles_us(lambda row: open_table(path).values(row), rng.integers(0, rows, OPENS))
    return reads, opens


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, help="where to put the sparse files for the while")
    args = parser.parse_args()
    shown = Table("rows", "file bytes", "read, us (quartiles)", "open + read, us (quartiles)", box=None)
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        for rows in SIZES:
            cells = (f"{q[1]:.1f} ({q[0]:.1f}-{q[2]:.1f})" for q in measure(Path(folder), rows))
            shown.add_row(f"{rows:,}", f"{rows * HIDDEN * 4:,}", *cells)
    Console().print(shown)


if __name__ == "__main__":
    main()
