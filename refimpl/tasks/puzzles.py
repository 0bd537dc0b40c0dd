"""The Sudokus that ship with the package, and Sudokus that a user names on the command line.

A user's puzzle is a number (into the shipped set), a file, ``FILE:ROW``, or a string of cells.
Every puzzle that leaves here has exactly one solution; anything else is an :class:`InputError`.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import NamedTuple

import numpy as np

from refimpl.errors import InputError
from refimpl.tasks.readers import text_lines
from refimpl.tasks.sudoku import Grid, SudokuBatch, conflict, solve

_SHIPPED = "sudoku9.csv"
_CALIBRATION = "sudoku9_calibration.csv"
_HINT_LENGTH = 7  # digits; a longer run of digits is meant as a grid, not as a number


class Puzzle(NamedTuple):
    """One Sudoku with its unique solution: two uint8 vectors (cells,), and where it came from."""

    question: Grid
    answer: Grid
    origin: str


def load_shipped() -> SudokuBatch:
    """Return the 256 shipped 9x9 Sudokus: 64 each with 26, 28, 30 and 32 givens, in turn."""
    return _load(_SHIPPED)


def load_calibration() -> SudokuBatch:
    """Return the 64 Sudokus (28 to 36 givens) that activation scales are calibrated on."""
    return _load(_CALIBRATION)


def _load(name: str) -> SudokuBatch:
    text = (resources.files("refimpl") / "data" / "puzzles" / name).read_text(encoding="ascii")
    rows = [line.split(",") for line in text.splitlines()[1:]]
    return SudokuBatch(np.stack([_cells(row[0]) for row in rows]), np.stack([_cells(row[1]) for row in rows]))


def _cells(text: str) -> Grid:
    return np.array([0 if mark == "." else int(mark) for mark in text], dtype=np.uint8)


def parse_puzzle(text: str, size: int = 9) -> Puzzle:
    """Return the puzzle that ``text`` names: a number, a file, ``FILE:ROW``, or ``size * size`` cells.

    In a string ``.`` and ``0`` are blanks.  Numbers count the shipped set from 0 and exist for 9x9.
    """
    cells = size * size
    number = text.removeprefix("-")
    if number.isascii() and number.isdigit() and len(number) < _HINT_LENGTH:
        return _shipped_puzzle(int(text), size)
    if set(text) <= set(".0123456789"):
        return parse_grid(text, size, f"the puzzle {_shorten(text)!r}")
    path, _, row = text.rpartition(":")
    if Path(text).is_file():
        return read_puzzle(Path(text), 0, size)
    if path and row.isascii() and row.isdigit() and Path(path).is_file():
        return read_puzzle(Path(path), int(row), size)
    if len(text) == cells:
        return parse_grid(text, size, f"the puzzle {_shorten(text)!r}")
    raise InputError(f"the puzzle {_shorten(text)!r} is no number of a shipped puzzle, no existing file, and "
                     f"no string of {cells} cells (digits, with . or 0 for a blank).")


def _shipped_puzzle(index: int, size: int) -> Puzzle:
    if size != 9:
        raise InputError(f"puzzle number {index}: the shipped puzzles are 9x9 and this model plays "
                         f"{size}x{size}; give the {size * size} cells or a file.")
    questions, answers = load_shipped()
    if not 0 <= index < len(questions):
        raise InputError(f"there is no puzzle number {index}; the shipped puzzles are 0 to "
                         f"{len(questions) - 1}.")
    return Puzzle(questions[index], answers[index], f"shipped puzzle {index}")


def parse_grid(text: str, size: int, where: str) -> Puzzle:
    """Return the puzzle spelled by ``text`` with its solution; ``where`` opens the sentence of an error."""
    cells = size * size
    if len(text) != cells:
        raise InputError(f"{where} has {len(text)} cells; a {size}x{size} Sudoku has {cells}.")
    known = ".0" + "123456789"[:size]
    for position, mark in enumerate(text):
        if mark not in known:
            raise InputError(f"{where} has {mark!r} in {_place(position, size)}; a cell is a digit 1 "
                             f"to {size}, or . or 0 for a blank.")
    question = _cells(text)
    clash = conflict(question)
    if clash is not None:
        raise InputError(f"{where} has givens that contradict each other: {question[clash[0]]} stands in "
                         f"{_place(clash[0], size)} and in {_place(clash[1], size)}.")
    found, answer = solve(question)
    if found == 0:
        raise InputError(f"{where} has no solution.")
    if found > 1:
        raise InputError(f"{where} has more than one solution ({np.count_nonzero(question)} givens); "
                         "a puzzle must have exactly one.")
    return Puzzle(question, answer, where)


def read_puzzle(path: Path, row: int, size: int = 9) -> Puzzle:
    """Return puzzle ``row`` (from 0) of a file: csv with a ``question`` column, or plain text.

    Plain text holds one puzzle per line, or a single grid spread over several lines, in which spaces
    and the drawing characters ``|+-`` are passed over.
    """
    lines = text_lines(path)
    if not any(line.strip() for line in lines):
        raise InputError(f"the puzzle file {path} is empty.")
    header = lines[0].split(",")
    if "question" in header:
        return _csv_puzzle(path, lines, header, row, size)
    puzzles = [(number, line.strip()) for number, line in enumerate(lines, 1) if line.strip()]
    if any(len(line) >= size * size for _, line in puzzles):
        if row >= len(puzzles):
            raise InputError(f"{path} has {len(puzzles)} puzzles; there is no number {row} (they count "
                             "from 0).")
        number, text = puzzles[row]
        return parse_grid(text, size, f"{path}, line {number}")
    if row:
        raise InputError(f"{path} holds a single puzzle; there is no number {row} (they count from 0).")
    grid = "".join(mark for line in lines for mark in line if not mark.isspace() and mark not in "|+-")
    return parse_grid(grid, size, str(path))


def _csv_puzzle(path: Path, lines: list[str], header: list[str], row: int, size: int) -> Puzzle:
    if row + 1 >= len(lines):
        raise InputError(f"{path} has {len(lines) - 1} puzzles; there is no number {row} (they count "
                         "from 0).")
    where = f"{path}, line {row + 2}"
    fields = lines[row + 1].split(",")
    if len(fields) != len(header):
        raise InputError(f"{where} has {len(fields)} fields; the header names {len(header)}.")
    puzzle = parse_grid(fields[header.index("question")], size, where)
    if "answer" in header:
        claimed = fields[header.index("answer")]
        derived = "".join(map(str, puzzle.answer))
        if claimed != derived:
            raise InputError(f"{where} gives the answer {_shorten(claimed)!r}, but the solution of its "
                             f"question is {_shorten(derived)!r}.")
    return puzzle


def _place(position: int, size: int) -> str:
    return f"row {position // size + 1}, column {position % size + 1}"


def _shorten(text: str) -> str:
    return text if len(text) <= 24 else f"{text[:20]}..."
