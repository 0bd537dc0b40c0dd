"""Named sets of puzzles for a network's task: what calibration and evaluation run on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from refimpl.errors import InputError, NotImplementedHere
from refimpl.models.config import ModelConfig
from refimpl.tasks import maze, sudoku_generate
from refimpl.tasks.puzzles import load_calibration, load_shipped
from refimpl.tasks.sudoku import SudokuBatch, to_tokens

CALIBRATION_SEED, HELD_OUT_SEED = 20260202, 20260303
CARD_SEED = 3_000_017  # puzzles that the figures on the networks' cards were measured on
CALIBRATION_PUZZLES = 64
# Share of givens drawn for grids other than 9x9, as for the 9x9 calibration set (28 to 36 of 81).
GIVENS_SHARE = (28 / 81, 36 / 81)
MAZE_MIN_PATH_SHARE = 1.6  # shortest path at least this many steps a side of the maze
# Mazes up to this side are drawn with a single shortest path; of larger ones hardly any has a single one.
ONE_PATH_SIDE = 12


@dataclass(frozen=True)
class PuzzleSet:
    """inputs and labels, both (N, seq) token codes; ``origin`` says where they come from.

    ``held_out`` is what to draw them by again, where they were drawn for a card.
    """

    inputs: npt.NDArray[np.int32]
    labels: npt.NDArray[np.int32]
    origin: str
    held_out: HeldOut | None = None

    @property
    def name(self) -> str:
        return self.origin if self.held_out is None else self.held_out.name


@dataclass(frozen=True)
class HeldOut:
    """Generated puzzles of one difficulty: Sudokus by ``givens``, mazes by the steps of their only way.

    ``minimum_path`` asks for mazes with a single shortest path of at least that many steps.
    """

    givens: int | None = None
    minimum_path: int | None = None
    seed: int = CARD_SEED

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
        assert self.givens is not None
        batch = sudoku_generate.generate(count, self.givens, self.seed, side)
        return replace(_sudoku(batch, origin.format("Sudokus")), held_out=self)


@dataclass(frozen=True)
class Stated:
    """What a network's card states of one set: shares of 1 with a 95 % interval."""

    held_out: HeldOut | None
    puzzles: int
    exact: float
    low: float
    high: float
    cell: float

    def to_dict(self) -> dict[str, Any]:
        """Return the entry as it stands in ``config.json`` under ``held_out`` and the set's name."""
        drawn = {} if self.held_out is None else vars(self.held_out)
        return {**{k: v for k, v in drawn.items() if v is not None},
                "puzzles": self.puzzles, "exact": round(self.exact, 4),
                "exact_interval_95": [round(self.low, 4), round(self.high, 4)], "cell": round(self.cell, 4)}

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Stated:
        kept = {k: raw[k] for k in ("givens", "minimum_path", "seed") if k in raw}
        low, high = raw["exact_interval_95"]
        return cls(HeldOut(**kept) if len(kept) > 1 else None, raw["puzzles"], raw["exact"], low, high,
                   raw["cell"])


def stated(folder: Path | None) -> tuple[Stated, ...]:
    """Return what the card in ``folder`` states of sets that can be drawn again, in its order."""
    path = None if folder is None else folder / "config.json"
    if path is None or not path.exists():
        return ()
    entries = json.loads(path.read_text(encoding="utf-8")).get("held_out", {}).values()
    return tuple(s for s in map(Stated.from_dict, entries) if s.held_out is not None)


def _mazes(mazes: maze.MazeBatch, origin: str) -> PuzzleSet:
    return PuzzleSet(maze.to_tokens(mazes.questions), maze.to_tokens(mazes.answers), origin)


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
        if side <= ONE_PATH_SIDE:
            return HeldOut(minimum_path=shortest, seed=seed).draw(side, count)
        origin = f"{count} generated {side}x{side} mazes, path >= {shortest}, seed {seed}"
        return _mazes(maze.generate(count, side, shortest, seed), origin)
    raise NotImplementedHere(f"there is no puzzle generator for task {config.task!r}; "
                             "sudoku and maze have one.")


def at_least_one(count: int) -> int:
    """Return ``count``, or raise an :class:`InputError` where it is below 1."""
    if count < 1:
        raise InputError(f"{count} puzzles cannot be evaluated; ask for at least 1.")
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
