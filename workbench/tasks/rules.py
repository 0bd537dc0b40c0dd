"""Whether an answer keeps the rules of its task, without knowing the right answer."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from workbench.tasks import maze, sudoku
from workbench.tasks.compiled import compiled

Tokens = NDArray[np.integer]
Flags = NDArray[np.bool_]


def sudoku_rules(questions: Tokens, answers: Tokens) -> Flags:
    """Givens kept, and every row, column and box with each digit once: (N, cells) tokens -> bool (N,)."""
    given, grid = (np.asarray(t, np.int64) - sudoku.TOKEN_BLANK for t in (questions, answers))
    size = sudoku.size_of(grid)
    right = ((grid == given) | (given <= 0)).all(axis=1) & ((grid >= 1) & (grid <= size)).all(axis=1)
    bits = np.left_shift(1, np.clip(grid, 0, size))
    everything = (2 << size) - 2
    for group in sudoku.lines(size).values():
        for number in range(size):
            right &= np.bitwise_or.reduce(bits[:, group == number], axis=1) == everything
    return np.asarray(right)


def maze_rules(questions: Tokens, answers: Tokens) -> Flags:
    """Nothing changed but open cells that became path, and the path is a shortest one from start to goal."""
    question, answer = (np.ascontiguousarray(t, np.uint8) for t in (questions, answers))
    open_cells = (question == maze.OPEN) & ((answer == maze.OPEN) | (answer == maze.PATH))
    kept = ((question == answer) | open_cells).all(axis=1)
    shortest = np.zeros(len(question), np.bool_)
    _shortest(question, answer, maze.size_of(question), shortest)
    return np.asarray(kept & shortest)


@compiled
def _shortest(questions: maze.Grid, answers: maze.Grid, size: int, out: Flags) -> None:
    """Whether the marked cells, all of them, lead from start to goal in as few steps as the maze allows."""
    distance, queue = np.empty(size * size, np.int32), np.empty(size * size, np.int32)
    only = np.empty(size * size, np.uint8)
    for n in range(questions.shape[0]):
        start, goal, marked = -1, -1, 0
        for cell in range(size * size):
            on_way = answers[n, cell] == maze.PATH
            marked += on_way
            if questions[n, cell] == maze.START:
                start = cell
            elif questions[n, cell] == maze.GOAL:
                goal = cell
            ends = questions[n, cell] == maze.START or questions[n, cell] == maze.GOAL
            only[cell] = maze.OPEN if on_way or ends else maze.WALL
        if start < 0 or goal < 0:
            continue
        maze.distances(questions[n], goal, size, distance, queue)
        least = distance[start]
        maze.distances(only, goal, size, distance, queue)
        out[n] = least > 0 and distance[start] == least and marked == least - 1
