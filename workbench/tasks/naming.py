"""A puzzle named on the command line: a number, a file, ``FILE:ROW``, or a string of cells."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from refimpl.errors import InputError
from refimpl.models.config import ModelConfig
from workbench.tasks.csv_rows import csv_rows, has_header, text_of
from workbench.tasks.games import Game, Puzzle, game_of, parse, solved
from workbench.tasks.sets import PuzzleSet, evaluation_set

_HINT_LENGTH = 7  # digits; a longer run of digits is meant as a grid, not as a number


def find_puzzle(name: str, config: ModelConfig) -> Puzzle:
    """Return the puzzle that ``name`` means to a network of this configuration.

    Numbers count the puzzles that ``evaluate`` runs where nothing else is asked for, from 0.
    """
    game = game_of(config)
    number = name.removeprefix("-")
    if number.isascii() and number.isdigit() and len(number) < _HINT_LENGTH:
        return _numbered(int(name), config, game)
    path, _, row = name.rpartition(":")
    if _is_file(name):
        return read_puzzle(Path(name), 0, game)
    if row.isascii() and row.isdigit() and _is_file(path):
        return read_puzzle(Path(path), int(row), game)
    if len(name) == game.cells or set(name) <= {*game.codes, *game.marks}:
        return parse(name, game, f"the puzzle {_shorten(name)!r}")
    raise InputError(f"the puzzle {_shorten(name)!r} is no number of a puzzle, no existing file, and no "
                     f"string of {game.cells} cells, each {game.legend}.")


def puzzle_of(puzzles: PuzzleSet, name: str) -> Puzzle:
    """Return the puzzle of a set that ``name``, a number from 0, means."""
    if not (name.isascii() and name.isdigit() and len(name) < _HINT_LENGTH):
        raise InputError(f"--puzzle {_shorten(name)!r}: with --data it is a number, counted from 0.")
    at = int(name)
    if at >= len(puzzles.inputs):
        raise InputError(f"there is no puzzle number {at} of {puzzles.origin}; they are 0 to "
                         f"{len(puzzles.inputs) - 1}.")
    row = 0 if puzzles.puzzle_ids is None else int(puzzles.puzzle_ids[at])
    origin = puzzles.origin if len(puzzles.inputs) == 1 else f"puzzle {at} of {puzzles.origin}"
    return Puzzle(puzzles.inputs[at], puzzles.labels[at], origin, row)


def _numbered(index: int, config: ModelConfig, game: Game) -> Puzzle:
    puzzles = evaluation_set(config)
    if not 0 <= index < len(puzzles.inputs):
        raise InputError(f"there is no puzzle number {index} of {puzzles.origin}; they are 0 to "
                         f"{len(puzzles.inputs) - 1}.")
    return solved(puzzles.inputs[index], game, f"puzzle {index} of {puzzles.origin}")


def read_puzzle(path: Path, row: int, game: Game) -> Puzzle:
    """Return puzzle ``row`` (from 0) of a file: csv (:mod:`workbench.tasks.csv_rows`), or plain text.

    Plain text holds one puzzle per line, or a single grid with one line per row.  No line is stripped:
    a maze may begin and end with spaces.  Spaces and ``|+-`` around the digits of a Sudoku are passed
    over.
    """
    text = text_of(path)
    if not text.strip():
        raise InputError(f"the puzzle file {path} is empty.")
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    if has_header(lines[0]) or "," in lines[0]:
        return _csv_puzzle(path, text, row, game)
    texts = [(number, "".join(mark for mark in line if mark not in game.drawing))
             for number, line in enumerate(lines, 1)]
    texts = [(number, text) for number, text in texts if text]
    if any(len(text) >= game.cells for _, text in texts):
        if row >= len(texts):
            raise InputError(f"{path} has {len(texts)} puzzles; there is no number {row} (they count "
                             "from 0).")
        number, text = texts[row]
        return parse(text, game, f"{path}, line {number}")
    if row:
        raise InputError(f"{path} holds a single puzzle; there is no number {row} (they count from 0).")
    for number, text in texts:
        if len(text) != game.side:
            raise InputError(f"{path}, line {number} has {len(text)} cells; a row of a {game.title} has "
                             f"{game.side}, the whole {game.cells}.")
    if len(texts) != game.side:
        raise InputError(f"{path} has {len(texts)} rows; a {game.title} has {game.side}.")
    return parse("".join(text for _, text in texts), game, str(path))


def _csv_puzzle(path: Path, text: str, row: int, game: Game) -> Puzzle:
    rows = list(islice(csv_rows(path, text), row + 1))
    if row >= len(rows):
        raise InputError(f"{path} has {len(rows)} puzzles; there is no number {row} (they count from 0).")
    where = f"{path}, line {rows[row].line}"
    puzzle = parse(rows[row].question, game, where)
    claimed = rows[row].answer
    if claimed is not None:
        _compare(claimed, puzzle, game, where)
    return puzzle


def _compare(claimed: str, puzzle: Puzzle, game: Game, where: str) -> None:
    """Refuse an answer of the file that is not the one its question leads to."""
    if len(claimed) != game.cells:
        raise InputError(f"{where} gives an answer of {len(claimed)} cells; a {game.title} has {game.cells}.")
    derived = game.spell(puzzle.answer)
    for cell, (said, right) in enumerate(zip(claimed, derived, strict=True)):
        if said != right:
            remark = puzzle.origin.removeprefix(where)
            raise InputError(f"{where} gives the answer {said!r} in {game.place(cell)}; the answer to its "
                             f"question has {right!r} there{remark}.")


def _is_file(name: str) -> bool:
    try:
        return Path(name).is_file()
    except OSError:  # a long string of cells is no possible file name
        return False


def _shorten(text: str) -> str:
    return text if len(text) <= 24 else f"{text[:20]}..."
