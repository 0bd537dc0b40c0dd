"""Named sets of puzzles for a network's task: what calibration and evaluation run on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from refimpl.errors import InputError, NotImplementedHere
from refimpl.models.config import ModelConfig
from refimpl.tasks import maze, sudoku_generate
from refimpl.tasks.puzzles import load_calibration, load_shipped
from refimpl.tasks.sudoku import SudokuBatch, to_tokens

CALIBRATION_SEED, HELD_OUT_SEED = 20260202, 20260303
CALIBRATION_PUZZLES = 64
# Share of givens drawn for grids other than 9x9, as for the 9x9 calibration set (28 to 36 of 81).
GIVENS_SHARE = (28 / 81, 36 / 81)
MAZE_MIN_PATH_SHARE = 1.2  # shortest path at least this many steps a side of the maze


@dataclass(frozen=True)
class PuzzleSet:
    """inputs and labels, both (N, seq) token codes; ``origin`` says where they come from."""

    inputs: npt.NDArray[np.int32]
    labels: npt.NDArray[np.int32]
    origin: str


def _sudoku(batch: SudokuBatch, origin: str) -> PuzzleSet:
    return PuzzleSet(to_tokens(batch.questions), to_tokens(batch.answers), origin)


def _drawn(config: ModelConfig, count: int, seed: int, givens: int | None) -> PuzzleSet:
    side = round(config.seq_len**0.5)
    if config.task == "sudoku":
        low, high = (round(config.seq_len * share) for share in GIVENS_SHARE)
        wanted = [givens] * count if givens else [low + i % (high - low + 1) for i in range(count)]
        what = f"{givens} givens" if givens else f"{low}-{high} givens"
        batch = sudoku_generate.generate(count, wanted, seed, size=side)
        return _sudoku(batch, f"{count} generated {side}x{side} Sudokus, {what}, seed {seed}")
    if config.task == "maze":
        shortest = round(side * MAZE_MIN_PATH_SHARE)
        mazes = maze.generate(count, side, shortest, seed)
        origin = f"{count} generated {side}x{side} mazes, path >= {shortest}, seed {seed}"
        return PuzzleSet(mazes.questions.astype(np.int32), mazes.answers.astype(np.int32), origin)
    raise NotImplementedHere(f"there is no puzzle generator for task {config.task!r}; "
                             "sudoku and maze have one.")


def calibration_set(config: ModelConfig) -> PuzzleSet:
    """The puzzles activation scales are taken from; disjoint in seed from every evaluation set."""
    if config.task == "sudoku" and config.seq_len == 81:
        return _sudoku(load_calibration(), "shipped calibration Sudokus, 28-36 givens")
    return _drawn(config, CALIBRATION_PUZZLES, CALIBRATION_SEED, None)


def evaluation_set(
    config: ModelConfig, count: int | None = None, givens: int | None = None, seed: int = HELD_OUT_SEED
) -> PuzzleSet:
    """The shipped set (9x9 Sudoku, no count or givens asked for) or freshly generated puzzles.

    Raises InputError for a count below 1.
    """
    if count is not None and count < 1:
        raise InputError(f"{count} puzzles cannot be evaluated; ask for at least 1.")
    if config.task == "sudoku" and config.seq_len == 81 and count is None and givens is None:
        return _sudoku(load_shipped(), "256 shipped Sudokus, 26-32 givens")
    return _drawn(config, count or 256, seed, givens)
