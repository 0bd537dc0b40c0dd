"""Sudoku symmetries: on-line augmentation, and the exact canonical form of an orbit.

The group: relabel the digits, permute the rows of a band, the bands, the columns of a stack, the
stacks, and (square boxes only) transpose.
"""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from workbench.tasks.compiled import compiled
from workbench.tasks.sudoku import Grid, SudokuBatch, box_shape, size_of


def relabel_digits(batch: SudokuBatch, rng: np.random.Generator) -> SudokuBatch:
    """Permute the digits, differently for each puzzle; blanks stay blank."""
    count, size = len(batch.questions), size_of(batch.questions)
    digits = np.zeros((count, size + 1), dtype=np.uint8)
    digits[:, 1:] = rng.random((count, size)).argsort(axis=1) + 1
    return SudokuBatch(np.take_along_axis(digits, batch.questions.astype(np.int64), axis=1),
                       np.take_along_axis(digits, batch.answers.astype(np.int64), axis=1))


def permute_rows(batch: SudokuBatch, rng: np.random.Generator) -> SudokuBatch:
    """Permute bands, and rows inside each band, differently for each puzzle."""
    size = size_of(batch.questions)
    order = line_orders(len(batch.questions), size, box_shape(size)[0], rng)
    return _gather(batch, order[:, :, None] * size + np.arange(size))


def permute_columns(batch: SudokuBatch, rng: np.random.Generator) -> SudokuBatch:
    """Permute stacks, and columns inside each stack, differently for each puzzle."""
    size = size_of(batch.questions)
    order = line_orders(len(batch.questions), size, box_shape(size)[1], rng)
    return _gather(batch, np.arange(size)[:, None] * size + order[:, None, :])


def transpose(batch: SudokuBatch, rng: np.random.Generator) -> SudokuBatch:
    """Transpose half of the puzzles at random; puzzles whose boxes are not square stay as they are."""
    count, size = len(batch.questions), size_of(batch.questions)
    height, width = box_shape(size)
    if height != width:
        return batch
    cells = np.arange(size * size).reshape(size, size)
    turned = rng.integers(0, 2, count).astype(bool)
    return _gather(batch, np.where(turned[:, None, None], cells.T, cells))


def augment(batch: SudokuBatch, rng: np.random.Generator) -> SudokuBatch:
    """Return each puzzle under its own uniformly drawn symmetry."""
    for change in (transpose, permute_rows, permute_columns, relabel_digits):
        batch = change(batch, rng)
    return batch


def line_orders(count: int, size: int, thickness: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return ``count`` row orders (count, size) that keep bands of ``thickness`` lines together."""
    bands = rng.random((count, size // thickness)).argsort(axis=1)
    lines = rng.random((count, size // thickness, thickness)).argsort(axis=2)
    return (bands[:, :, None] * thickness + lines).reshape(count, size)


def _gather(batch: SudokuBatch, source: NDArray[np.int64]) -> SudokuBatch:
    """Return the batch with cell k of puzzle n taken from cell ``source[n].flat[k]``."""
    cells = source.reshape(len(batch.questions), -1)
    return SudokuBatch(np.take_along_axis(batch.questions, cells, axis=1),
                       np.take_along_axis(batch.answers, cells, axis=1))


def canonical(batch: SudokuBatch) -> SudokuBatch:
    """Return the canonical representative of each puzzle's orbit.

    Of all images of (answer, question) under the group, the lexicographically smallest pair.  It is
    exact both ways: two puzzles have equal canonical forms if and only if a symmetry maps one onto
    the other; and different canonical *answers* prove that no two puzzles of those solutions are
    related.  About 2 ms per 9x9 puzzle.
    """
    size = size_of(batch.answers)
    height, width = box_shape(size)
    questions, answers = np.zeros_like(batch.questions), np.zeros_like(batch.answers)
    _canonical_batch(np.ascontiguousarray(batch.questions), np.ascontiguousarray(batch.answers),
                     _column_orders(size, width), height, width, questions, answers)
    return SudokuBatch(questions, answers)


def orbit_keys(batch: SudokuBatch) -> list[bytes]:
    """Return one key per puzzle, equal exactly for puzzles that a symmetry maps onto each other."""
    forms = canonical(batch)
    return [question.tobytes() + answer.tobytes()
            for question, answer in zip(forms.questions, forms.answers, strict=True)]


def solution_keys(answers: Grid) -> list[bytes]:
    """Return one key per solved grid; puzzles whose keys differ are unrelated, whatever their givens.

    For 9x9 (5.5e9 classes) this is the sharp test that two sets share nothing.  6x6 has only 49
    classes of solved grids, so there :func:`orbit_keys` is the one that separates.
    """
    return [answer.tobytes() for answer in canonical(SudokuBatch(answers, answers)).answers]


def _column_orders(size: int, width: int) -> NDArray[np.int64]:
    """Return every order of the columns that keeps stacks together: (1296 or 72, size)."""
    inner = list(itertools.permutations(range(width)))
    orders = [[stack * width + column
               for stack, inside in zip(stacks, choice, strict=True) for column in inside]
              for stacks in itertools.permutations(range(size // width))
              for choice in itertools.product(inner, repeat=size // width)]
    return np.array(orders, dtype=np.int64)


@compiled
def _row_order(grid: Grid, first_column: int, label: NDArray[np.int64], band: NDArray[np.int64], height: int,
               order: NDArray[np.int64]) -> None:
    """Write the row order that makes the image smallest, given the labels and which column comes first.

    Labels in the first column are all different, so it alone decides: rows ascend inside a band, the
    band with label 1 leads, the other bands ascend by their first rows.
    """
    size = order.size
    for row in range(size):  # rows by ascending label
        order[label[grid[row * size + first_column]] - 1] = row
    for start in range(0, size, height):  # bring the rest of the leading row's band up behind it
        filled = start + 1
        for k in range(start + 1, size):
            row = order[k]
            if band[row] == band[order[start]]:
                for j in range(k, filled, -1):
                    order[j] = order[j - 1]
                order[filled] = row
                filled += 1
                if filled == start + height:
                    break


@compiled
def _compare(source: Grid, target: Grid, label: NDArray[np.int64], rows: NDArray[np.int64],
             columns: NDArray[np.int64]) -> int:
    """Return -1, 0 or 1 as the image of ``source`` is smaller than, equal to or larger than ``target``."""
    size = rows.size
    for row in range(size):
        for column in range(size):
            value = label[source[rows[row] * size + columns[column]]]
            old = target[row * size + column]
            if value != old:
                return -1 if value < old else 1
    return 0


@compiled
def _canonical_one(question: Grid, answer: Grid, columns: NDArray[np.int64], height: int, width: int,
                   best_question: Grid, best_answer: Grid) -> None:
    size = height * width
    band = np.arange(size) // height
    label = np.zeros(size + 1, dtype=np.int64)
    rows = np.empty(size, dtype=np.int64)
    best_answer[:] = size + 1
    for turned in range(2 if height == width else 1):
        if turned:
            answer = np.ascontiguousarray(answer.reshape(size, size).T).reshape(size * size)
            question = np.ascontiguousarray(question.reshape(size, size).T).reshape(size * size)
        for first_row in range(size):
            for k in range(columns.shape[0]):
                order = columns[k]
                for column in range(size):  # the smallest labelling spells the first row 1, 2, 3, ...
                    label[answer[first_row * size + order[column]]] = column + 1
                _row_order(answer, order[0], label, band, height, rows)
                sign = _compare(answer, best_answer, label, rows, order)
                if sign == 0:
                    sign = _compare(question, best_question, label, rows, order)
                if sign < 0:
                    for row in range(size):
                        for column in range(size):
                            origin = rows[row] * size + order[column]
                            best_answer[row * size + column] = label[answer[origin]]
                            best_question[row * size + column] = label[question[origin]]


@compiled
def _canonical_batch(questions: Grid, answers: Grid, columns: NDArray[np.int64], height: int, width: int,
                     best_questions: Grid, best_answers: Grid) -> None:
    for n in range(questions.shape[0]):
        _canonical_one(questions[n], answers[n], columns, height, width, best_questions[n], best_answers[n])
