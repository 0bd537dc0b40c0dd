"""Puzzles for the terminal: question, prediction and answer side by side, wrong cells marked.

Colour only repeats what a character already says, so that a log file or a colourless terminal shows
the same.  The functions return rich renderables; printing is the caller's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from workbench.tasks import maze
from workbench.tasks.arc import crop
from workbench.tasks.codes import IGNORED
from workbench.tasks.sudoku import box_shape, from_tokens, marks, size_of

_GIVEN, _FILLED, _WRONG, _DIM = "bold", "cyan", "bold red", "dim"
_MAZE_STYLES = {maze.WALL: _DIM, maze.OPEN: "", maze.START: "bold", maze.GOAL: "bold", maze.PATH: "cyan"}
# Colours of the ARC web editor, 0..9: black, blue, red, green, yellow, grey, magenta, orange, azure, maroon.
_ARC_STYLES = ("white on #000000", "white on #0074d9", "white on #ff4136", "black on #2ecc40",
               "black on #ffdc00", "black on #aaaaaa", "white on #f012be", "black on #ff851b",
               "black on #7fdbff", "white on #870c25")


def show_tokens(task: str, question: NDArray[np.integer], answer: NDArray[np.integer],
                predicted: NDArray[np.integer] | None = None) -> RenderableType:
    """Return the token codes (cells,) of a puzzle as grids side by side, or as rows of numbers.

    Where the answer has no label, the prediction stands for it: nothing there is wrong.
    """
    known = answer != IGNORED
    if not known.any() and predicted is not None:
        answer, predicted = predicted, None
    else:
        answer = np.where(known, answer, question if predicted is None else predicted)
    if task in _READERS:
        read, show = _READERS[task]
        return show(read(question), read(answer), None if predicted is None else read(predicted))
    return show_numbers(question, answer, predicted)


def show_numbers(question: NDArray[np.integer], answer: NDArray[np.integer],
                 predicted: NDArray[np.integer] | None = None) -> RenderableType:
    """Return token numbers in rows; ``*`` in front of a wrong one."""
    rows = [("question", question), ("prediction", predicted), ("answer", answer)]
    width = 1 + max(len(str(int(tokens.max()))) for _, tokens in rows if tokens is not None)
    shown = Table.grid(padding=(0, 1))
    for name, tokens in rows:
        if tokens is not None:
            text = Text()
            for token, right in zip(tokens.tolist(), (tokens == answer).tolist(), strict=True):
                wrong = name == "prediction" and not right
                text.append(f"{'*' * wrong}{token}".rjust(width), _WRONG if wrong else "")
                text.append(" ")
            text.rstrip()
            shown.add_row(name, text)
    return shown


def show_sudoku(question: NDArray[np.integer], answer: NDArray[np.integer],
                predicted: NDArray[np.integer] | None = None) -> RenderableType:
    """Return the grids (cells,) side by side: givens bold, ``*`` in front of a wrong cell."""
    parts = [("question", _sudoku_text(question, question, question))]
    if predicted is not None:
        parts.append(("prediction", _sudoku_text(predicted, question, answer)))
    parts.append(("answer", _sudoku_text(answer, question, answer)))
    wrong = 0 if predicted is None else int((predicted != answer).sum())
    return _side_by_side(parts, wrong, "*5 is wrong" if wrong else "")


def show_maze(question: NDArray[np.integer], answer: NDArray[np.integer],
              predicted: NDArray[np.integer] | None = None) -> RenderableType:
    """Return the mazes (cells,) side by side; ``x`` path too much, ``?`` path missed, ``!`` other error."""
    parts = [("question", _maze_text(question, question))]
    if predicted is not None:
        parts.append(("prediction", _maze_text(predicted, answer)))
    parts.append(("answer", _maze_text(answer, answer)))
    wrong = 0 if predicted is None else int((predicted != answer).sum())
    legend = "x marks a path too much, ? a path missed, ! any other error" if wrong else ""
    return _side_by_side(parts, wrong, legend)


def show_arc(question: NDArray[np.integer], answer: NDArray[np.integer],
             predicted: NDArray[np.integer] | None = None) -> RenderableType:
    """Return ARC grids (rows, columns) side by side; ``*`` after a wrong cell, which includes one outside."""
    parts = [(f"question {_shape(question)}", _arc_text(question, question))]
    wrong = 0
    if predicted is not None:
        parts.append((f"prediction {_shape(predicted)}", _arc_text(predicted, answer)))
        common = tuple(slice(0, min(pair)) for pair in zip(predicted.shape, answer.shape, strict=True))
        right = int((predicted[common] == answer[common]).sum())
        wrong = max(predicted.size, answer.size) - right
    parts.append((f"answer {_shape(answer)}", _arc_text(answer, answer)))
    return _side_by_side(parts, wrong, "3* is wrong" if wrong else "")


_READERS: dict[str, tuple[Callable[..., Any], Callable[..., RenderableType]]] = {
    "sudoku": (from_tokens, show_sudoku),
    "maze": (np.asarray, show_maze),
    "arc": (crop, show_arc),
}


def _side_by_side(parts: Sequence[tuple[str, Text]], wrong: int, legend: str) -> RenderableType:
    # Columns go below each other where the terminal is too narrow for a row of them.
    grids = Columns([Group(Text(title, style="bold"), body) for title, body in parts], padding=(0, 3))
    count = f"{wrong} wrong cell{'s' if wrong > 1 else ''}" if wrong else ""
    note = "; ".join(part for part in (count, legend) if part)
    return Group(grids, Text(note, style=_WRONG)) if note else grids


def _sudoku_text(grid: NDArray[np.integer], question: NDArray[np.integer],
                 answer: NDArray[np.integer]) -> Text:
    size = size_of(grid)
    height, width = box_shape(size)
    rule = "+".join(["-" * (2 * width + 1)] * (size // width)) + "\n"
    text, signs = Text(), marks(size)
    for cell in range(size * size):
        row, column = divmod(cell, size)
        if column == 0 and row and row % height == 0:
            text.append(rule, _DIM)
        elif column and column % width == 0:
            text.append(" |", _DIM)
        digit = signs[grid[cell]] if grid[cell] <= size else "?"
        if grid[cell] != answer[cell]:
            text.append(f"*{digit}", _WRONG)
        elif question[cell]:
            text.append(f" {digit}", _GIVEN)
        else:
            text.append(f" {digit}", _FILLED if grid[cell] else _DIM)
        if column == size - 1:
            text.append("\n")
    text.rstrip()
    return text


def _maze_text(grid: NDArray[np.integer], answer: NDArray[np.integer]) -> Text:
    size = maze.size_of(grid)
    text = Text()
    for cell in range(size * size):
        code, right = int(grid[cell]), int(answer[cell])
        if code == right:
            text.append(maze.MARKS[code - 1], _MAZE_STYLES[code])
        elif code == maze.PATH:
            text.append("x", _WRONG)
        else:
            text.append("?" if right == maze.PATH and code == maze.OPEN else "!", _WRONG)
        if cell % size == size - 1 and cell + 1 < size * size:
            text.append("\n")
    return text


def _arc_text(grid: NDArray[np.integer], answer: NDArray[np.integer]) -> Text:
    text = Text()
    for row in range(grid.shape[0]):
        for column in range(grid.shape[1]):
            colour = int(grid[row, column])
            inside = row < answer.shape[0] and column < answer.shape[1]
            text.append(str(colour), _ARC_STYLES[colour])
            if inside and colour == answer[row, column]:
                text.append(" ", _ARC_STYLES[colour])
            else:
                text.append("*", _WRONG)
        if row + 1 < grid.shape[0]:
            text.append("\n")
    return text


def _shape(grid: NDArray[np.integer]) -> str:
    return f"{grid.shape[0]}x{grid.shape[1]}"
