"""What a program knows of a task beyond its token codes.  A task without an entry is plain ``tokens``.

Tasks are values in a mapping that the caller may extend and pass on: nothing registers itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from refimpl.errors import InputError
from refimpl.models.config import ModelConfig
from workbench.tasks.arc import encode_pairs
from workbench.tasks.arc_json import read_arc_json
from workbench.tasks.games import Game, maze_game, sudoku_game
from workbench.tasks.readers import Pairs, maze_tokens, number_tokens, sudoku_tokens
from workbench.tasks.rules import Flags, Tokens, maze_rules, sudoku_rules
from workbench.tasks.sets import side_of

# Path of a text file, configuration, how many puzzles at most -> inputs and labels.
Reader = Callable[[Path, ModelConfig, int | None], Pairs]


@dataclass(frozen=True)
class Task:
    """One task.

    ``read`` reads its own text files (csv, lines, JSON); arrays need no reader.  ``ignored`` are label
    values of arrays that do not count, beside -100.  ``game`` returns, for the side of a square grid, how
    its puzzles are spelled on a command line; None where they are not.  ``rules`` tells of (N, seq) questions
    and answers which answers keep the task's rules; None where they cannot be checked.
    """

    name: str
    read: Reader
    ignored: tuple[int, ...] = ()
    game: Callable[[int], Game] | None = None
    rules: Callable[[Tokens, Tokens], Flags] | None = None


def _sudoku(path: Path, config: ModelConfig, stop: int | None) -> Pairs:
    return sudoku_tokens(path, side_of(config), stop)


def _maze(path: Path, config: ModelConfig, stop: int | None) -> Pairs:
    return maze_tokens(path, side_of(config), stop)


def _tests(path: Path, config: ModelConfig, stop: int | None) -> Pairs:
    """The tests of all tasks, which is what a network is judged by."""
    pairs = [pair for task in read_arc_json(path) for pair in task.test]
    try:
        return encode_pairs(pairs[:stop], side_of(config))
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _numbers(path: Path, config: ModelConfig, stop: int | None) -> Pairs:
    return number_tokens(path, config.seq_len, stop)


TOKENS = Task("tokens", _numbers)
TASKS: Mapping[str, Task] = {
    "sudoku": Task("sudoku", _sudoku, ignored=(0,), game=sudoku_game, rules=sudoku_rules),
    "maze": Task("maze", _maze, ignored=(0,), game=maze_game, rules=maze_rules),
    "arc": Task("arc", _tests, ignored=(0,)),
    "tokens": TOKENS,
}


def keeps_rules(config: ModelConfig, questions: Tokens, answers: Tokens) -> Flags:
    """Which answers keep the rules of the network's task: bool (N,), all where there is nothing to check."""
    rules = task_of(config).rules
    return np.ones(len(answers), np.bool_) if rules is None else rules(questions, answers)


def task_of(config: ModelConfig, tasks: Mapping[str, Task] = TASKS) -> Task:
    """Return the entry of the network's task; one that ``tasks`` does not know is read as plain tokens."""
    return tasks.get(config.task, TOKENS)
