"""Readers of the public csv files: Sudoku-Extreme and Maze-Hard.

One header line that names the columns (at least ``question`` and ``answer``), then one puzzle per
line, one character per cell, row by row.  Lines are never stripped: a maze may begin with spaces.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from refimpl.errors import InputError
from workbench.tasks import maze
from workbench.tasks.maze import MazeBatch
from workbench.tasks.sudoku import Grid, SudokuBatch, box_shape

_Check = Callable[[Grid, Grid], list[tuple[np.ndarray, str]]]


def read_sudoku_csv(path: Path, size: int = 9) -> SudokuBatch:
    """Return the Sudokus of a csv file (``.`` or 0 = blank), shape (N, size * size).

    Every answer is checked to be a solved grid that agrees with its givens.  That it is the only
    solution is the file's claim: proving it takes the solver 0.1 to 1 ms per puzzle.
    """
    box_shape(size)

    def faults(questions: Grid, answers: Grid) -> list[tuple[np.ndarray, str]]:
        return [((answers == 0).any(axis=1), "an answer with blanks"),
                (~_solved(answers, size), "an answer that repeats a digit in a row, column or box"),
                (((questions != 0) & (questions != answers)).any(axis=1), "an answer that changes a given")]

    codes = {".": 0, **{str(digit): digit for digit in range(size + 1)}}
    return SudokuBatch(*_read(path, size * size, codes, faults))


def read_maze_csv(path: Path, size: int = 30) -> MazeBatch:
    """Return the mazes of a csv file (``"# SGo"``), shape (N, size * size), in the official tokens.

    Every answer is checked to be its question with cells of the way marked; that the marked way is a
    shortest one is the file's claim.
    """

    def faults(questions: Grid, answers: Grid) -> list[tuple[np.ndarray, str]]:
        unmarked = np.where(answers == maze.PATH, np.uint8(maze.OPEN), answers)
        return [((questions == maze.START).sum(axis=1) != 1, "not exactly one start S"),
                ((questions == maze.GOAL).sum(axis=1) != 1, "not exactly one goal G"),
                ((questions == maze.PATH).any(axis=1), "a marked path in its question"),
                ((unmarked != questions).any(axis=1), "an answer that is not its question plus a path")]

    codes = {mark: index + 1 for index, mark in enumerate(maze.MARKS)}
    return MazeBatch(*_read(path, size * size, codes, faults))


def text_lines(path: Path) -> list[str]:
    """Return the lines of a text file without their line ends, and nothing else taken off."""
    try:
        text = path.read_bytes().decode("utf-8")
    except OSError as error:
        raise InputError(f"the file {path} cannot be read: {error}.") from error
    except UnicodeDecodeError as error:
        raise InputError(f"the file {path} is no UTF-8 text: {error}.") from error
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    return lines[:-1] if lines[-1] == "" else lines


def _read(path: Path, cells: int, codes: dict[str, int], faults: _Check) -> tuple[Grid, Grid]:
    lines = text_lines(path)
    header = lines[0].split(",") if lines else []
    if "question" not in header or "answer" not in header:
        raise InputError(f"{path}, line 1 is no csv header that names the columns question and answer.")
    columns = (header.index("question"), header.index("answer"))
    texts: tuple[list[str], list[str]] = ([], [])
    for number, line in enumerate(lines[1:], 2):
        fields = line.split(",")
        if len(fields) != len(header):
            raise InputError(f"{path}, line {number} has {len(fields)} fields; the header names "
                             f"{len(header)}.")
        for column, column_texts in zip(columns, texts, strict=True):
            field = fields[column]
            if len(field) != cells:
                raise InputError(f"{path}, line {number}: the {header[column]} has {len(field)} cells; "
                                 f"it must have {cells}.")
            column_texts.append(field)
    questions, answers = (_decode(path, name, column_texts, cells, codes)
                          for name, column_texts in zip(("question", "answer"), texts, strict=True))
    for wrong, what in faults(questions, answers):
        if wrong.any():
            raise InputError(f"{path}, line {int(wrong.argmax()) + 2} has {what}.")
    return questions, answers


def _decode(path: Path, name: str, texts: list[str], cells: int, codes: dict[str, int]) -> Grid:
    """Return the cell codes (N, cells); characters beyond Latin-1 become ``?``, which no task knows."""
    table = np.full(256, 255, dtype=np.uint8)
    for mark, code in codes.items():
        table[ord(mark)] = code
    raw = "".join(texts).encode("latin-1", errors="replace")
    grids = table[np.frombuffer(raw, dtype=np.uint8)].reshape(-1, cells)
    unknown = np.argwhere(grids == 255)
    if len(unknown):
        row, cell = map(int, unknown[0])
        raise InputError(f"{path}, line {row + 2}: the {name} has {texts[row][cell]!r} in cell {cell + 1}; "
                         f"the characters known are {''.join(codes)!r}.")
    return grids


def _solved(grids: Grid, size: int) -> np.ndarray:
    """Return which grids (N, cells) hold every digit once in each row, column and box: bool (N,)."""
    height, width = box_shape(size)
    bits = np.int64(1) << grids.astype(np.int64).reshape(-1, size, size)
    boxes = bits.reshape(-1, size // height, height, size // width, width).transpose(0, 1, 3, 2, 4)
    full = (1 << (size + 1)) - 2
    units = (bits, bits.transpose(0, 2, 1), boxes.reshape(-1, size, size))
    complete = [(np.bitwise_or.reduce(unit, axis=2) == full).all(axis=1) for unit in units]
    return np.asarray(complete[0] & complete[1] & complete[2])
