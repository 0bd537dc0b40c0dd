"""The Sudokus that ship with the package."""

from __future__ import annotations

from importlib import resources

import numpy as np

from workbench.tasks.sudoku import Grid, SudokuBatch

_SHIPPED = "sudoku9.csv"
_CALIBRATION = "sudoku9_calibration.csv"


def load_shipped() -> SudokuBatch:
    """Return the 256 shipped 9x9 Sudokus: 64 each with 26, 28, 30 and 32 givens, in turn."""
    return _load(_SHIPPED)


def load_calibration() -> SudokuBatch:
    """Return the 64 Sudokus (28 to 36 givens) that activation scales are calibrated on."""
    return _load(_CALIBRATION)


def _load(name: str) -> SudokuBatch:
    text = (resources.files("workbench") / "data" / "puzzles" / name).read_text(encoding="ascii")
    rows = [line.split(",") for line in text.splitlines()[1:]]
    return SudokuBatch(np.stack([_cells(row[0]) for row in rows]), np.stack([_cells(row[1]) for row in rows]))


def _cells(text: str) -> Grid:
    return np.array([0 if mark == "." else int(mark) for mark in text], dtype=np.uint8)
