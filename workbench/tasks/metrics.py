"""How right a prediction is: puzzles solved exactly, and cells.

All arrays are token codes (N, T).  A position counts where its label is not :data:`IGNORED`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from refimpl.errors import InputError
from workbench.tasks.arc import crop
from workbench.tasks.codes import IGNORED

Tokens = NDArray[np.integer]
Flags = NDArray[np.bool_]
Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Score:
    """Counts over a set of puzzles; cells are pooled, so a large puzzle weighs more than a small one."""

    exact_right: int
    puzzles: int
    cells_right: int
    cells: int

    @property
    def exact(self) -> float:
        """Share of puzzles with every counted position right (0..1)."""
        return self.exact_right / self.puzzles if self.puzzles else float("nan")

    @property
    def cell(self) -> float:
        """Share of counted positions that are right, pooled over puzzles (0..1)."""
        return self.cells_right / self.cells if self.cells else float("nan")


def puzzle_exact(predicted: Tokens, labels: Tokens) -> Flags:
    """Return which puzzles have every counted position right: bool (N,)."""
    _same_shape(predicted, labels)
    return np.asarray(((predicted == labels) | ~counted(labels)).all(axis=1))


def wrong_cells(predicted: Tokens, labels: Tokens) -> Flags:
    """Return the counted positions that are wrong: bool (N, T)."""
    _same_shape(predicted, labels)
    return np.asarray((predicted != labels) & counted(labels))


def counted(labels: Tokens) -> Flags:
    """Return which positions count: bool, the shape of ``labels``."""
    return np.asarray(labels != IGNORED)


def positions_right(predicted: Tokens, labels: Tokens) -> tuple[Counts, Counts]:
    """Return (right, counted) over puzzles for each position: two int64 arrays (T,)."""
    wrong = wrong_cells(predicted, labels).sum(axis=0)
    total = counted(labels).sum(axis=0)
    return total - wrong, total


def score(predicted: Tokens, labels: Tokens) -> Score:
    """Return the puzzle-exact and cell counts of a batch of predictions."""
    right, total = positions_right(predicted, labels)
    exact = int(puzzle_exact(predicted, labels).sum())
    return Score(exact, len(labels), int(right.sum()), int(total.sum()))


def copy_floor(inputs: Tokens, labels: Tokens) -> Score:
    """Return the score of copying the input, which a network has to beat to have learned anything."""
    return score(inputs, labels)


def arc_exact(predicted: Tokens, labels: Tokens) -> Flags:
    """Return which ARC predictions equal their label after both are cropped to their grids: bool (N,)."""
    _same_shape(predicted, labels)
    return np.array([np.array_equal(crop(guess), crop(label))
                     for guess, label in zip(predicted, labels, strict=True)], dtype=np.bool_)


def _same_shape(predicted: Tokens, labels: Tokens) -> None:
    if predicted.shape != labels.shape or labels.ndim != 2:
        raise InputError(f"predictions of shape {predicted.shape} cannot be compared with labels of shape "
                         f"{labels.shape}; both must be (puzzles, positions).")
