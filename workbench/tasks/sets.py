"""Named sets of puzzles for a network's task: what calibration and evaluation run on."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from refimpl.errors import InputError, NotImplementedHere
from refimpl.models.config import ModelConfig
from workbench.tasks import maze, sudoku_generate
from workbench.tasks.metrics import counted
from workbench.tasks.puzzles import load_calibration, load_shipped
from workbench.tasks.sudoku import BOX_SHAPES, SudokuBatch, to_tokens

CALIBRATION_SEED, HELD_OUT_SEED = 20260202, 20260303
MOST_PUZZLES = 1_000_000
CARD_SEED = 3_000_017  # puzzles that the figures on the networks' cards were measured on
CALIBRATION_PUZZLES = 64
# Share of givens drawn for grids other than 9x9, as for the 9x9 calibration set (28 to 36 of 81).
GIVENS_SHARE = (28 / 81, 36 / 81)
MAZE_MIN_PATH_SHARE = 1.6  # shortest path at least this many steps a side of the maze
LARGEST_GENERATED = 9  # proving a larger Sudoku unique takes a search without a useful bound
# Mazes up to this side are drawn with a single shortest path; of larger ones hardly any has a single one.
ONE_PATH_SIDE = 12


@dataclass(frozen=True)
class PuzzleSet:
    """inputs and labels, both (N, seq) token codes; ``origin`` says where they come from.

    Labels of positions that do not count are :data:`workbench.tasks.metrics.IGNORED`; ``puzzle_ids`` (N,)
    are rows of the network's puzzle table, None for row 0 throughout.

    ``held_out`` is what they were drawn by, where they are of one difficulty.
    """

    inputs: npt.NDArray[np.int32]
    labels: npt.NDArray[np.int32]
    origin: str
    held_out: HeldOut | None = None
    puzzle_ids: npt.NDArray[np.int32] | None = None

    @property
    def name(self) -> str:
        return self.origin if self.held_out is None else self.held_out.name

    @property
    def labelled(self) -> bool:
        """Whether any position counts, so that accuracy means something."""
        return bool(counted(self.labels).any())

    def rows(self, first: int, count: int, origin: str) -> PuzzleSet:
        """Return puzzles ``first`` to ``first + count - 1`` under another ``origin``."""
        cut = slice(first, first + count)
        ids = None if self.puzzle_ids is None else self.puzzle_ids[cut]
        return PuzzleSet(self.inputs[cut], self.labels[cut], origin, puzzle_ids=ids)


@dataclass(frozen=True)
class HeldOut:
    """Generated puzzles of one difficulty: Sudokus by ``givens``, mazes by the steps of their only way.

    ``minimum_path`` asks for mazes with a single shortest path of at least that many steps.  Exactly one
    of the two is given, anything else is an :class:`InputError`.
    """

    givens: int | None = None
    minimum_path: int | None = None
    seed: int = CARD_SEED

    def __post_init__(self) -> None:
        given = [n for n in (self.givens, self.minimum_path) if n is not None]
        if len(given) != 1 or given[0] < 1:
            raise InputError(f"a held-out set has either givens or a shortest path, at least 1; this one has "
                             f"givens {self.givens} and a shortest path of {self.minimum_path} steps.")

    @property
    def name(self) -> str:
        if self.minimum_path is not None:
            return f"one shortest path of {self.minimum_path} steps or more"
        return f"{self.givens} givens"

    def draw(self, side: int, count: int) -> PuzzleSet:
        """Return the first ``count`` puzzles; puzzle k does not depend on how many are drawn."""
        origin = f"{count} generated {side}x{side} {{}}, {self.name}, seed {self.seed}"
        if self.minimum_path is not None:
            mazes = maze.generate(count, side, self.minimum_path, self.seed, one_path=True)
            return replace(_mazes(mazes, origin.format("mazes")), held_out=self)
        batch = sudoku_generate.generate(count, self.givens or 0, self.seed, side)
        return replace(_sudoku(batch, origin.format("Sudokus")), held_out=self)


def _mazes(mazes: maze.MazeBatch, origin: str) -> PuzzleSet:
    return PuzzleSet(maze.to_tokens(mazes.questions), maze.to_tokens(mazes.answers), origin)


def _sudoku(batch: SudokuBatch, origin: str) -> PuzzleSet:
    return PuzzleSet(to_tokens(batch.questions), to_tokens(batch.answers), origin)


def side_of(config: ModelConfig) -> int:
    """Return the side of the square grid that a network's puzzles have."""
    side = math.isqrt(config.seq_len)
    if side * side != config.seq_len:
        raise InputError(f"a {config.task} is square, and the model's {config.seq_len} cells make no square.")
    return side


def _drawn(config: ModelConfig, count: int, seed: int, givens: int | None) -> PuzzleSet:
    if config.task not in ("sudoku", "maze"):
        raise NotImplementedHere(f"there is no puzzle generator for the task {config.task or 'tokens'!r}; "
                                 "name a file of puzzles with --data FILE.")
    side = side_of(config)
    if givens is not None and (config.task != "sudoku" or givens < 1):
        raise InputError(f"{givens} givens: a Sudoku has at least 1, and no other task has any.")
    if config.task == "sudoku" and side > LARGEST_GENERATED:
        raise NotImplementedHere(f"Sudokus of {side}x{side} are not generated here; name a file of puzzles "
                                 "with --data FILE.")
    if config.task == "sudoku":
        low, high = (round(config.seq_len * share) for share in GIVENS_SHARE)
        return spread_givens(config, count, givens or low, givens or high, seed)
    shortest = round(side * MAZE_MIN_PATH_SHARE)
    if side <= ONE_PATH_SIDE:
        return HeldOut(minimum_path=shortest, seed=seed).draw(side, count)
    origin = f"{count} generated {side}x{side} mazes, path >= {shortest}, seed {seed}"
    return _mazes(maze.generate(count, side, shortest, seed), origin)


def spread_givens(config: ModelConfig, count: int, low: int, high: int, seed: int) -> PuzzleSet:
    """Generated Sudokus whose numbers of givens go round from ``low`` to ``high``."""
    if not 1 <= low <= high:
        raise InputError(f"{low} to {high} givens: the first number is at least 1 and not above the second.")
    what = f"{low}" if low == high else f"{low}-{high}"
    side, wanted = side_of(config), [low + i % (high - low + 1) for i in range(at_least_one(count))]
    batch = sudoku_generate.generate(count, wanted, seed, size=side)
    return _sudoku(batch, f"{count} generated {side}x{side} Sudokus, {what} givens, seed {seed}")


def has_generator(config: ModelConfig) -> bool:
    """Say whether puzzles for a network of this configuration can be generated."""
    side = math.isqrt(config.seq_len)
    if config.task == "sudoku":
        return side in BOX_SHAPES and side * side == config.seq_len and side <= LARGEST_GENERATED
    return config.task == "maze" and side * side == config.seq_len


def at_least_one(count: int) -> int:
    """Return ``count``, or raise an :class:`InputError` where it is below 1 or beyond all memory."""
    if not 1 <= count <= MOST_PUZZLES:
        raise InputError(f"{count:,} puzzles cannot be evaluated; ask for at least 1 and at most "
                         f"{MOST_PUZZLES:,}.")
    return count


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
    if count is not None:
        at_least_one(count)
    if config.task == "sudoku" and config.seq_len == 81 and count is None and givens is None:
        return _sudoku(load_shipped(), "256 shipped Sudokus, 26-32 givens")
    return _drawn(config, count or 256, seed, givens)
