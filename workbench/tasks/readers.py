"""Readers of puzzles as text: csv in the layouts people publish, or one puzzle a line.

A csv names its columns (:mod:`workbench.tasks.csv_rows`) and has one puzzle per row, one character per
cell, row by row.  Fields are never stripped: a maze may begin with spaces.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from refimpl.errors import InputError
from workbench.tasks import maze
from workbench.tasks.codes import IGNORED
from workbench.tasks.csv_rows import ANSWER, CsvRow, csv_rows, has_header, text_of
from workbench.tasks.maze import MazeBatch
from workbench.tasks.sudoku import Grid, SudokuBatch, box_shape, marks, to_tokens

Tokens = NDArray[np.int32]
Pairs = tuple[Tokens, Tokens]  # inputs and labels, (N, cells) each
_Check = Callable[[Grid, Grid], list[tuple[np.ndarray, str]]]
_LINE_ENDS = str.maketrans("", "", "\r\n")  # a quoted field may be drawn as a grid


def read_sudoku_csv(path: Path, size: int = 9, stop: int | None = None) -> SudokuBatch:
    """Return the Sudokus of a csv file (``.`` or 0 = blank), shape (N, size * size); at most ``stop``.

    Every answer is checked to be a solved grid that agrees with its givens.  That it is the only
    solution is the file's claim: proving it takes the solver 0.1 to 1 ms per puzzle.
    """
    questions, answers = _sudokus(path, size, stop)
    return SudokuBatch(questions, _stated(answers, path))


def read_maze_csv(path: Path, size: int = 30, stop: int | None = None) -> MazeBatch:
    """Return the mazes of a csv file (``"# SGo"``), shape (N, size * size), in the official tokens.

    Every answer is checked to be its question with cells of the way marked; that the marked way is a
    shortest one is the file's claim.
    """
    questions, answers = _mazes(path, size, stop)
    return MazeBatch(questions, _stated(answers, path))


def sudoku_tokens(path: Path, size: int, stop: int | None = None) -> Pairs:
    """Return the Sudokus of a csv or of lines as tokens; answers that the file lacks are IGNORED."""
    questions, answers = _sudokus(path, size, stop)
    return to_tokens(questions), _labels(questions, None if answers is None else to_tokens(answers))


def maze_tokens(path: Path, size: int, stop: int | None = None) -> Pairs:
    """Return the mazes of a csv or of lines as tokens; answers that the file lacks are IGNORED."""
    questions, answers = _mazes(path, size, stop)
    return maze.to_tokens(questions), _labels(questions, None if answers is None else maze.to_tokens(answers))


def number_tokens(path: Path, cells: int, stop: int | None = None) -> Pairs:
    """Return puzzles written as ``cells`` token numbers between spaces or commas."""
    inputs, labels = [], []
    for row in islice(rows_of(path), stop):
        where = f"{path}, line {row.line}"
        inputs.append(_numbers(row.question, cells, f"{where}: the question"))
        unknown = np.full(cells, IGNORED, np.int32)
        labels.append(unknown if row.answer is None else _numbers(row.answer, cells, f"{where}: the answer"))
    return np.array(inputs, np.int32).reshape(-1, cells), np.array(labels, np.int32).reshape(-1, cells)


def rows_of(path: Path) -> Iterator[CsvRow]:
    """Yield the rows of a csv, or, where the first line is no header, each line as a question."""
    text = text_of(path)
    first = text.partition("\n")[0]
    if has_header(first) or "," in first:
        yield from csv_rows(path, text)
        return
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield CsvRow(number, line.removesuffix("\r"), None)


def _sudokus(path: Path, size: int, stop: int | None) -> tuple[Grid, Grid | None]:
    box_shape(size)

    def faults(questions: Grid, answers: Grid) -> list[tuple[np.ndarray, str]]:
        return [((answers == 0).any(axis=1), "an answer with blanks"),
                (~_solved(answers, size), "an answer that repeats a digit in a row, column or box"),
                (((questions != 0) & (questions != answers)).any(axis=1), "an answer that changes a given")]

    codes = {"0": 0, **{mark: digit for digit, mark in enumerate(marks(size))}}
    return _read(path, size * size, codes, faults, stop)


def _mazes(path: Path, size: int, stop: int | None) -> tuple[Grid, Grid | None]:
    def faults(questions: Grid, answers: Grid) -> list[tuple[np.ndarray, str]]:
        unmarked = np.where(answers == maze.PATH, np.uint8(maze.OPEN), answers)
        return [((questions == maze.START).sum(axis=1) != 1, "not exactly one start S"),
                ((questions == maze.GOAL).sum(axis=1) != 1, "not exactly one goal G"),
                ((questions == maze.PATH).any(axis=1), "a marked path in its question"),
                ((unmarked != questions).any(axis=1), "an answer that is not its question plus a path")]

    codes = {mark: index + 1 for index, mark in enumerate(maze.MARKS)}
    return _read(path, size * size, codes, faults, stop)


def _read(path: Path, cells: int, codes: dict[str, int], faults: _Check,
          stop: int | None) -> tuple[Grid, Grid | None]:
    rows = list(islice(rows_of(path), stop))
    lines = [row.line for row in rows]
    questions = _decode(path, "question", [row.question for row in rows], lines, cells, codes)
    stated = [row.answer for row in rows if row.answer is not None]
    if not rows or not stated:
        return questions, None if rows else questions
    answers = _decode(path, "answer", stated, lines, cells, codes)
    for wrong, what in faults(questions, answers):
        if wrong.any():
            raise InputError(f"{path}, line {lines[int(wrong.argmax())]} has {what}.")
    return questions, answers


def _decode(path: Path, name: str, texts: list[str], lines: list[int], cells: int,
            codes: dict[str, int]) -> Grid:
    """Return the cell codes (N, cells); characters beyond Latin-1 become ``?``, which no task knows."""
    texts = [text.translate(_LINE_ENDS) for text in texts]
    for line, text in zip(lines, texts, strict=True):
        if len(text) != cells:
            raise InputError(f"{path}, line {line}: the {name} has {len(text)} cells; it must have {cells}.")
    table = np.full(256, 255, dtype=np.uint8)
    for mark, code in codes.items():
        table[ord(mark)] = code
    raw = "".join(texts).encode("latin-1", errors="replace")
    grids = table[np.frombuffer(raw, dtype=np.uint8)].reshape(-1, cells)
    unknown = np.argwhere(grids == 255)
    if len(unknown):
        row, cell = map(int, unknown[0])
        raise InputError(f"{path}, line {lines[row]}: the {name} has {texts[row][cell]!r} in cell "
                         f"{cell + 1}; "
                         f"the characters known are {''.join(codes)!r}.")
    return grids


def _stated(answers: Grid | None, path: Path) -> Grid:
    if answers is None:
        raise InputError(f"{path}, line 1 names no column of answers ({', '.join(ANSWER[:3])}).")
    return answers


def _labels(questions: Grid, answers: Tokens | None) -> Tokens:
    return np.full(questions.shape, IGNORED, np.int32) if answers is None else answers


def _numbers(text: str, cells: int, where: str) -> list[int]:
    words = text.replace(",", " ").split()
    if len(words) != cells:
        raise InputError(f"{where} has {len(words)} numbers; the network has {cells} positions.")
    for word in words:
        digits = word.removeprefix("-")
        if not (digits.isascii() and digits.isdigit() and len(digits) < 10):
            raise InputError(f"{where} has {word[:20]!r}; token codes are whole numbers.")
    return [int(word) for word in words]


def _solved(grids: Grid, size: int) -> np.ndarray:
    """Return which grids (N, cells) hold every digit once in each row, column and box: bool (N,)."""
    height, width = box_shape(size)
    bits = np.int64(1) << grids.astype(np.int64).reshape(-1, size, size)
    boxes = bits.reshape(-1, size // height, height, size // width, width).transpose(0, 1, 3, 2, 4)
    full = (1 << (size + 1)) - 2
    units = (bits, bits.transpose(0, 2, 1), boxes.reshape(-1, size, size))
    complete = [(np.bitwise_or.reduce(unit, axis=2) == full).all(axis=1) for unit in units]
    return np.asarray(complete[0] & complete[1] & complete[2])
