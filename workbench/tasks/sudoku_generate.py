"""Seeded Sudokus with exactly one solution and a chosen number of givens.

Recipe: a random solved grid, a random symmetry of it, givens removed in random order while the
solution stays unique (a *minimal* puzzle), then random solution cells given back up to the wanted
number.  A superset of the givens of a unique puzzle is unique, so the last step needs no check.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from refimpl.errors import InputError
from workbench.tasks.compiled import below, compiled, shuffle, stream_of
from workbench.tasks.sudoku import Grid, SudokuBatch, box_shape, search

# Minimal 9x9 puzzles have 24.4 +- 1.1 givens, so this many draws fail only for hopeless wishes.
_MAX_DRAWS = 200


@compiled
def _line_order(stream: NDArray[np.uint64], size: int, thickness: int) -> NDArray[np.int64]:
    """Return a random order of rows (or columns) that keeps bands (stacks) of ``thickness`` together."""
    bands = np.arange(size // thickness)
    shuffle(stream, bands)
    order = np.empty(size, dtype=np.int64)
    for k in range(bands.size):
        lines = np.arange(thickness)
        shuffle(stream, lines)
        for j in range(thickness):
            order[k * thickness + j] = bands[k] * thickness + lines[j]
    return order


@compiled
def _solved(stream: NDArray[np.uint64], height: int, width: int) -> Grid:
    """Return a random solved grid; its distribution is invariant under all symmetries."""
    size = height * width
    cells = size * size
    blank = np.zeros(cells, dtype=np.uint8)
    allowed = np.full(cells, (1 << size) - 1, dtype=np.int64)
    grid = np.zeros(cells, dtype=np.uint8)
    search(blank, allowed, height, width, 1, stream, grid)
    rows = _line_order(stream, size, height)
    columns = _line_order(stream, size, width)
    digits = np.arange(size)
    shuffle(stream, digits)
    turned = height == width and below(stream, 2) == 1
    image = np.empty(cells, dtype=np.uint8)
    for row in range(size):
        for column in range(size):
            target = column * size + row if turned else row * size + column
            image[target] = digits[grid[rows[row] * size + columns[column]] - 1] + 1
    return image


@compiled
def _remove_givens(stream: NDArray[np.uint64], answer: Grid, height: int, width: int) -> Grid:
    """Return a minimal puzzle of ``answer``: every given was tried once and kept if needed."""
    size = height * width
    cells = size * size
    full = (1 << size) - 1
    question = answer.copy()
    allowed = np.full(cells, full, dtype=np.int64)
    other = np.empty(cells, dtype=np.uint8)
    no_stream = np.empty(0, dtype=np.uint64)
    order = np.arange(cells)
    shuffle(stream, order)
    for cell in order:
        digit = question[cell]
        question[cell] = 0
        # Solutions with the old digit here number one; any other has another digit in this cell.
        allowed[cell] = full & ~(1 << (np.int64(digit) - 1))
        if search(question, allowed, height, width, 1, no_stream, other):
            question[cell] = digit
        allowed[cell] = full
    return question


@compiled
def _puzzle(stream: NDArray[np.uint64], givens: int, height: int, width: int, question: Grid,
            answer: Grid) -> bool:
    """Write one puzzle of exactly ``givens`` givens (a minimal one if ``givens`` is 0)."""
    for _ in range(_MAX_DRAWS):
        answer[:] = _solved(stream, height, width)
        question[:] = _remove_givens(stream, answer, height, width)
        missing = givens - np.count_nonzero(question)
        if givens == 0 or missing >= 0:
            order = np.arange(question.size)
            shuffle(stream, order)
            for cell in order:
                if missing > 0 and question[cell] == 0:
                    question[cell] = answer[cell]
                    missing -= 1
            return True
    return False


@compiled
def _batch(seed: int, givens: NDArray[np.int64], height: int, width: int, questions: Grid,
           answers: Grid) -> int:
    for index in range(givens.size):
        stream = stream_of(seed, index)
        if not _puzzle(stream, givens[index], height, width, questions[index], answers[index]):
            return index
    return -1


def generate(count: int, givens: int | Sequence[int], seed: int, size: int = 9) -> SudokuBatch:
    """Return ``count`` puzzles with a unique solution; puzzle k is the same for every ``count`` > k.

    Parameters
    ----------
    count : int
        Number of puzzles.
    givens : int or sequence of ``count`` int
        Givens per puzzle; 0 asks for minimal puzzles.  9x9 reaches 22 with ease, 21 with luck.
    seed : int
        0 .. 2**63 - 1.
    size : int
        9 or 6.
    """
    height, width = box_shape(size)
    cells = size * size
    if count < 0:
        raise InputError(f"{count} puzzles were asked for; the number must not be negative.")
    if not 0 <= seed < 1 << 63:
        raise InputError(f"the seed {seed} is outside 0 .. 2**63 - 1.")
    wanted = np.asarray(givens, dtype=np.int64)
    if wanted.ndim and wanted.shape != (count,):
        raise InputError(f"{count} puzzles were asked for with {wanted.size} numbers of givens; give one for "
                         "all or one for each.")
    wanted = np.ascontiguousarray(np.broadcast_to(wanted, (count,)))
    if count and not 0 <= wanted.min() <= wanted.max() <= cells:
        raise InputError(f"{wanted.min()} to {wanted.max()} givens were asked for; a {size}x{size} Sudoku "
                         f"has 0 to {cells}.")
    questions = np.zeros((count, cells), dtype=np.uint8)
    answers = np.zeros((count, cells), dtype=np.uint8)
    failed = _batch(seed, wanted, height, width, questions, answers)
    if failed >= 0:
        raise InputError(f"no {size}x{size} puzzle with {wanted[failed]} givens came up in {_MAX_DRAWS} "
                         "draws; ask for more givens.")
    return SudokuBatch(questions, answers)


def add_givens(batch: SudokuBatch, givens: NDArray[np.integer] | int,
               rng: np.random.Generator) -> SudokuBatch:
    """Return the batch with random solution cells given, up to ``givens`` per puzzle (never removed).

    ``givens`` is one number or one per puzzle.  Vectorised, for use while training.
    """
    questions, answers = batch
    key = rng.random(questions.shape)
    key[questions != 0] = -1.0  # present givens come first in the order and stay
    rank = key.argsort(axis=1).argsort(axis=1)
    shown = (rank < np.asarray(givens).reshape(-1, 1)) | (questions != 0)
    return SudokuBatch(np.where(shown, answers, np.uint8(0)), answers)
