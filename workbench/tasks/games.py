"""A puzzle as a person writes it, for each task: its characters, its rules, the answer they lead to.

Every :class:`Puzzle` that leaves here is sound and holds its answer, in the official token codes;
anything else is an :class:`InputError` that opens with where the puzzle stands.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from refimpl.errors import InputError, NotImplementedHere
from refimpl.models.config import ModelConfig
from workbench.tasks import maze, sudoku
from workbench.tasks.sets import side_of

Tokens = NDArray[np.int32]

SEVERAL_PATHS = " (several shortest paths; the first in the order down, left, right, up)"


class Puzzle(NamedTuple):
    """A question with its answer, both token codes (cells,), where it came from, and its puzzle row."""

    question: Tokens
    answer: Tokens
    origin: str
    puzzle_id: int = 0


class Solved(NamedTuple):
    """The answer, token codes (cells,); ``remark`` is what must be said of it, opening with a space."""

    answer: Tokens
    remark: str = ""


@dataclass(frozen=True)
class Game:
    """The puzzles of one task on a grid of ``side`` x ``side`` cells.

    ``codes`` gives the token of each character that a question may hold, ``marks[token - 1]`` the
    character of a token in an answer.  ``legend`` ends the sentence "a cell is ...".  ``drawing`` are
    characters of a drawn grid that are no cells.  ``solve`` takes the question and what opens the
    sentence of an error.
    """

    name: str
    side: int
    codes: dict[str, int]
    marks: str
    legend: str
    drawing: str
    solve: Callable[[Tokens, str], Solved]

    @property
    def cells(self) -> int:
        return self.side * self.side

    @property
    def title(self) -> str:
        return f"{self.side}x{self.side} {self.name}"

    def place(self, cell: int) -> str:
        """Where a cell stands, counted as people do."""
        return f"row {cell // self.side + 1}, column {cell % self.side + 1}"

    def spell(self, answer: Tokens) -> str:
        """Return an answer in characters."""
        return "".join(self.marks[token - 1] for token in answer)


def game_of(config: ModelConfig) -> Game:
    """Return the game that a network of this configuration plays."""
    if config.task not in ("sudoku", "maze"):
        raise NotImplementedHere(f"puzzles of the task {config.task or 'tokens'!r} are not spelled on a "
                                 "command "
                                 "line; name a file of them with --data FILE:ROW.")
    side = side_of(config)
    return sudoku_game(side) if config.task == "sudoku" else maze_game(side)


def sudoku_game(side: int = 9) -> Game:
    """Sudokus with exactly one solution; ``.`` and ``0`` are blanks."""
    marks = sudoku.marks(side)
    codes = {"0": sudoku.TOKEN_BLANK, **{mark: token for token, mark in enumerate(marks, 1)}}
    return Game("Sudoku", side, codes, marks, f"a digit 1 to {marks[-1]}, or . or 0 for a blank", " \t|+-",
                _solve_sudoku)


def maze_game(side: int = 30) -> Game:
    """Mazes with one start, one goal and a way between them; the answer marks a shortest one."""
    codes = {mark: token for token, mark in enumerate(maze.MARKS, 1) if token != maze.PATH}
    legend = "# for a wall, a space for an open cell, S for the start or G for the goal"
    return Game("maze", side, codes, maze.MARKS, legend, "", _solve_maze)


def parse(text: str, game: Game, where: str) -> Puzzle:
    """Return the puzzle spelled by ``text``, solved; ``where`` opens the sentence of an error."""
    if len(text) != game.cells:
        raise InputError(f"{where} has {len(text)} cells; a {game.title} has {game.cells}.")
    for cell, mark in enumerate(text):
        if mark not in game.codes:
            aside = ", which belongs in an answer" if mark in game.marks else ""
            raise InputError(f"{where} has {mark!r} in {game.place(cell)}{aside}; a cell is {game.legend}.")
    return solved(np.array([game.codes[mark] for mark in text], dtype=np.int32), game, where)


def solved(question: Tokens, game: Game, where: str) -> Puzzle:
    """Return the puzzle with its answer; what must be said of the answer joins ``where`` in the origin."""
    answer, remark = game.solve(question, where)
    return Puzzle(question, answer, where + remark)


def _solve_sudoku(question: Tokens, where: str) -> Solved:
    grid = sudoku.from_tokens(question)
    game = sudoku_game(sudoku.size_of(grid))
    clash = sudoku.conflict(grid)
    if clash is not None:
        first, second = map(game.place, clash)
        raise InputError(f"{where} has givens that contradict each other: {grid[clash[0]]} stands in "
                         f"{first} and in {second}.")
    found, answer = sudoku.solve(grid)
    if found == 0:
        raise InputError(f"{where} has no solution.")
    if found > 1:
        raise InputError(f"{where} has more than one solution ({np.count_nonzero(grid)} givens); "
                         "a puzzle must have exactly one.")
    return Solved(sudoku.to_tokens(answer))


def _solve_maze(question: Tokens, where: str) -> Solved:
    for token, name in ((maze.START, "start"), (maze.GOAL, "goal")):
        found = np.count_nonzero(question == token)
        if found != 1:
            raise InputError(f"{where} has {found} cells {maze.MARKS[token - 1]}; a maze has exactly one "
                             f"{name}.")
    questions = question.astype(np.uint8)[None]
    try:
        answers = maze.mark_paths(questions)
    except InputError as error:
        raise InputError(f"{where} has no way from start S to goal G.") from error
    only = bool(maze.has_one_path(maze.MazeBatch(questions, answers))[0])
    return Solved(maze.to_tokens(answers[0]), "" if only else SEVERAL_PATHS)
