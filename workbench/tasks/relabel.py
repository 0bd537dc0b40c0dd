"""Relabellings: symmetries of a task as two tables, one over tokens and one over positions.

A puzzle under a relabelling has the relabelled answer, so a network may try it again under another name;
the tables are all that firmware needs (``rr_relabel``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from refimpl.models.config import ModelConfig
from workbench.tasks import arc, sudoku
from workbench.tasks.sets import side_of
from workbench.tasks.sudoku_symmetry import line_orders

Tokens = NDArray[np.integer]
Table = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Relabelling:
    """``tokens`` (vocab,): the new name of each token; ``source`` (seq,): the old place of each new one."""

    tokens: Table
    source: Table

    def apply(self, puzzles: Tokens) -> Tokens:
        """(..., seq) tokens under their new names, at their new places."""
        return np.asarray(self.tokens[np.asarray(puzzles)[..., self.source]])

    def undo(self, answers: Tokens) -> Tokens:
        """The inverse of :meth:`apply`."""
        return np.asarray(np.argsort(self.tokens)[np.asarray(answers)[..., np.argsort(self.source)]])


def draw(config: ModelConfig, seed: int) -> Relabelling | None:
    """A relabelling of the network's task drawn from ``seed``; None where the task has none.

    Sudoku: digits, rows of a band, bands, columns of a stack, stacks, and for square boxes transposed or not.
    Maze: one of the 8 turns and reflections.  ARC: the nine colours, black stays.
    """
    rng = np.random.default_rng(seed)
    names, places = np.arange(config.vocab_size), np.arange(config.seq_len)
    if config.task == "sudoku":
        size = side_of(config)
        height, width = sudoku.box_shape(size)
        digits = sudoku.TOKEN_BLANK + 1 + np.arange(size)
        names[digits] = rng.permutation(digits)
        rows, columns = (line_orders(1, size, thickness, rng)[0] for thickness in (height, width))
        grid = places.reshape(size, size)[rows][:, columns]
        return Relabelling(names, (grid.T if height == width and rng.integers(2) else grid).ravel())
    if config.task == "maze":
        grid = places.reshape(side_of(config), -1)
        return Relabelling(names, np.rot90(grid.T if rng.integers(2) else grid, int(rng.integers(4))).ravel())
    if config.task == "arc":
        colours = arc.FIRST_COLOUR + np.arange(1, arc.COLOURS)
        names[colours] = rng.permutation(colours)
        return Relabelling(names, places)
    return None
