"""Sudoku rules, the solver that proves uniqueness, and the official tokens.

A grid is a uint8 vector of ``size * size`` cells, row by row; 0 is a blank, 1..size are digits.
9x9 has boxes of 3x3 cells, 6x6 has boxes of 2 rows x 3 columns.  Digits above 9 are written A to G.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from refimpl.errors import InputError
from workbench.tasks.compiled import below, compiled

Grid = NDArray[np.uint8]

BOX_SHAPES = {9: (3, 3), 6: (2, 3), 4: (2, 2), 8: (2, 4), 10: (2, 5), 12: (3, 4), 16: (4, 4)}
_MARKS = ".123456789ABCDEFG"
TOKEN_BLANK = 1


class SudokuBatch(NamedTuple):
    """Puzzles and their solutions: two uint8 arrays of shape (N, size * size), 0 = blank."""

    questions: Grid
    answers: Grid


def box_shape(size: int) -> tuple[int, int]:
    """Return (rows, columns) of one box of a ``size`` x ``size`` Sudoku."""
    if size not in BOX_SHAPES:
        raise InputError(f"there is no {size}x{size} Sudoku here; the sizes are "
                         f"{', '.join(map(str, sorted(BOX_SHAPES)))}.")
    return BOX_SHAPES[size]


def lines(size: int) -> dict[str, NDArray[np.int64]]:
    """Return for ``row``, ``column`` and ``box`` the number of the one that each cell lies in, (cells,)."""
    height, width = box_shape(size)
    row, column = np.divmod(np.arange(size * size), size)
    return {"row": row, "column": column, "box": row // height * height + column // width}


def size_of(grid: NDArray[np.generic]) -> int:
    """Return the side of grids whose last axis holds the cells."""
    for size in BOX_SHAPES:
        if grid.shape[-1] == size * size:
            return size
    raise InputError(f"a Sudoku grid has {', '.join(str(n * n) for n in sorted(BOX_SHAPES))} cells, this one "
                     f"has {grid.shape[-1]}.")


def marks(size: int) -> str:
    """Return the characters of a blank and of the digits 1 to ``size``."""
    return _MARKS[: size + 1]


def to_tokens(grid: Grid) -> NDArray[np.int32]:
    """Return the official token codes, int32: digit + 1, blank = 1 (0 is PAD and never occurs)."""
    return grid.astype(np.int32) + TOKEN_BLANK


def from_tokens(tokens: NDArray[np.integer]) -> Grid:
    """Return the grid of token codes; PAD (0), which a network may emit, becomes a blank."""
    return np.maximum(np.asarray(tokens, dtype=np.int64) - TOKEN_BLANK, 0).astype(np.uint8)


def conflict(grid: Grid) -> tuple[int, int] | None:
    """Return the first two cells that hold the same digit in a row, column or box; None if there are none."""
    size = size_of(grid)
    height, width = box_shape(size)
    for second in range(size * size):
        for first in range(second):
            same_row = first // size == second // size
            same_column = first % size == second % size
            same_box = (first // size // height == second // size // height
                        and first % size // width == second % size // width)
            if grid[first] and grid[first] == grid[second] and (same_row or same_column or same_box):
                return first, second
    return None


@compiled
def _box(cell: int, size: int, height: int, width: int) -> int:
    return (cell // size // height) * (size // width) + cell % size // width


@compiled
def _pick(candidates: NDArray[np.int64], board: NDArray[np.int64], size: int, height: int,
          width: int) -> tuple[int, int]:
    """Return (cell, choices) of the best branch: no choice left, a single, else the fewest candidates."""
    best, best_choices, fewest = -1, 0, 99
    for cell in range(size * size):
        if board[cell] == 0:
            choices = candidates[cell]
            count = 0
            rest = choices
            while rest:
                rest &= rest - 1
                count += 1
            if count < fewest:
                best, best_choices, fewest = cell, choices, count
                if count <= 1:
                    return best, best_choices
    if best < 0:
        return best, best_choices
    # A digit that has a single place in its unit is as good as a cell with a single candidate.
    for unit in range(3 * size):
        once, twice, placed = 0, 0, 0
        for k in range(size):
            cell = _unit_cell(unit, k, size, height, width)
            if board[cell]:
                placed |= board[cell]
            else:
                twice |= once & candidates[cell]
                once |= candidates[cell]
        if (once | placed) != (1 << size) - 1:
            return best, 0
        single = once & ~twice
        if single:
            for k in range(size):
                cell = _unit_cell(unit, k, size, height, width)
                if board[cell] == 0 and candidates[cell] & single:
                    return cell, candidates[cell] & single
    return best, best_choices


@compiled
def _unit_cell(unit: int, k: int, size: int, height: int, width: int) -> int:
    if unit < size:
        return unit * size + k
    if unit < 2 * size:
        return k * size + unit - size
    box = unit - 2 * size
    boxes_across = size // width
    return (box // boxes_across * height + k // width) * size + box % boxes_across * width + k % width


@compiled
def search(grid: Grid, allowed: NDArray[np.int64], height: int, width: int, limit: int,
           stream: NDArray[np.uint64], solution: Grid) -> int:
    """Count solutions of ``grid`` up to ``limit`` by depth-first search; write the last one found.

    Parameters
    ----------
    grid : uint8 (cells,)
        Givens; they must not contradict each other.
    allowed : int64 (cells,)
        Bit ``d - 1`` set where digit ``d`` may stand in a blank cell.
    stream : uint64 (1,) or (0,)
        Random stream that orders the digits tried; with an empty one they are tried in ascending order.
    solution : uint8 (cells,)
        Overwritten.
    """
    size = height * width
    cells = size * size
    board = np.zeros(cells, dtype=np.int64)  # bit of the digit, 0 = blank
    rows = np.zeros(size, dtype=np.int64)
    columns = np.zeros(size, dtype=np.int64)
    boxes = np.zeros(size, dtype=np.int64)
    for cell in range(cells):
        if grid[cell]:
            bit = 1 << (np.int64(grid[cell]) - 1)
            board[cell] = bit
            rows[cell // size] |= bit
            columns[cell % size] |= bit
            boxes[_box(cell, size, height, width)] |= bit
    candidates = np.zeros(cells, dtype=np.int64)
    branch_cell = np.zeros(cells + 1, dtype=np.int64)
    branch_left = np.zeros(cells + 1, dtype=np.int64)
    found, depth, descend = 0, 0, True
    while True:
        if descend:
            for cell in range(cells):
                if board[cell] == 0:
                    used = rows[cell // size] | columns[cell % size] | boxes[_box(cell, size, height, width)]
                    candidates[cell] = allowed[cell] & ~used
            cell, choices = _pick(candidates, board, size, height, width)
            if cell < 0:
                found += 1
                for k in range(cells):
                    digit = 1
                    while board[k] >> digit:
                        digit += 1
                    solution[k] = digit
                if found == limit:
                    return found
                descend = False
                continue
            branch_cell[depth] = cell
            branch_left[depth] = choices
            depth += 1
        # Try the next digit of the deepest open branch, or close it.
        if depth == 0:
            return found
        cell = branch_cell[depth - 1]
        bit = board[cell]
        if bit:
            board[cell] = 0
            rows[cell // size] &= ~bit
            columns[cell % size] &= ~bit
            boxes[_box(cell, size, height, width)] &= ~bit
        left = branch_left[depth - 1]
        if left == 0:
            depth -= 1
            descend = False
            continue
        bit = left & -left
        if stream.size:
            count = 0
            rest = left
            while rest:
                rest &= rest - 1
                count += 1
            rest = left
            for _ in range(below(stream, count)):
                rest &= rest - 1
            bit = rest & -rest
        branch_left[depth - 1] = left & ~bit
        board[cell] = bit
        rows[cell // size] |= bit
        columns[cell % size] |= bit
        boxes[_box(cell, size, height, width)] |= bit
        descend = True


def solve(grid: Grid, limit: int = 2) -> tuple[int, Grid]:
    """Return (number of solutions counted up to ``limit``, the last solution found).

    Contradicting givens have no solution; the returned grid is then all blank.
    """
    size = size_of(grid)
    solution = np.zeros(size * size, dtype=np.uint8)
    if conflict(grid) is not None:
        return 0, solution
    height, width = box_shape(size)
    allowed = np.full(size * size, (1 << size) - 1, dtype=np.int64)
    no_stream = np.empty(0, dtype=np.uint64)
    givens = np.ascontiguousarray(grid, dtype=np.uint8)
    found = search(givens, allowed, height, width, limit, no_stream, solution)
    return int(found), solution
