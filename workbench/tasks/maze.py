"""Mazes like Maze-Hard: rules, the shortest path that the public files mark, symmetries, generator.

A maze is a uint8 vector of ``size * size`` cells, row by row, in the official token codes: 1 wall
``#``, 2 open (space), 3 start ``S``, 4 goal ``G``, 5 path ``o`` (answers only).

The public files are independent random walls at 30 to 50 % density, kept when start and goal are
far enough apart (109 steps for 30x30).  Of all shortest paths they mark the first one in the order
down, left, right, up, read from the start; :func:`mark_paths` does the same, so that an answer is
a function of its question.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from refimpl.errors import InputError
from workbench.tasks.compiled import below, compiled, stream_of

Grid = NDArray[np.uint8]

MARKS = "# SGo"  # token = index + 1
WALL, OPEN, START, GOAL, PATH = 1, 2, 3, 4, 5
MIN_SIZE, MAX_SIZE = 4, 64
_MAX_DRAWS = 200_000
_DRAWN_AT_ONCE, _BARREN_DRAWS = 1024, 20_000


class MazeBatch(NamedTuple):
    """Mazes and the same with the path marked: two uint8 arrays of shape (N, size * size)."""

    questions: Grid
    answers: Grid


def size_of(maze: NDArray[np.generic]) -> int:
    """Return the side of mazes whose last axis holds the cells."""
    size = math.isqrt(maze.shape[-1])
    if size * size != maze.shape[-1]:
        raise InputError(f"a maze is square, and {maze.shape[-1]} cells make no square.")
    return size


def to_tokens(maze: Grid) -> NDArray[np.int32]:
    """Return the official token codes as int32; they are the grid's own values."""
    return maze.astype(np.int32)


def spell(maze: Grid) -> str:
    """Return a maze in the characters of the public files."""
    return "".join(MARKS[code - 1] for code in maze)


def parse(text: str) -> Grid:
    """Return the maze spelled by ``text``; the characters must be among ``"# SGo"``."""
    return np.array([MARKS.index(mark) + 1 for mark in text], dtype=np.uint8)


@compiled
def _step(cell: int, direction: int, size: int) -> int:
    """Return the neighbour down, left, right or up (0 .. 3), or -1 outside of the maze."""
    if direction == 0:
        return cell + size if cell < size * (size - 1) else -1
    if direction == 1:
        return cell - 1 if cell % size > 0 else -1
    if direction == 2:
        return cell + 1 if cell % size < size - 1 else -1
    return cell - size if cell >= size else -1


@compiled
def distances(maze: Grid, origin: int, size: int, distance: NDArray[np.int32],
               queue: NDArray[np.int32]) -> int:
    """Write the steps from ``origin`` to every cell (-1 = none lead there); return the number reached."""
    distance[:] = -1
    distance[origin] = 0
    queue[0] = origin
    reached = 1
    done = 0
    while done < reached:
        cell = queue[done]
        done += 1
        for direction in range(4):
            other = _step(cell, direction, size)
            if other >= 0 and maze[other] != WALL and distance[other] < 0:
                distance[other] = distance[cell] + 1
                queue[reached] = other
                reached += 1
    return reached


@compiled
def _mark(maze: Grid, size: int, distance: NDArray[np.int32], queue: NDArray[np.int32], answer: Grid) -> bool:
    start, goal = -1, -1
    for cell in range(maze.size):
        answer[cell] = OPEN if maze[cell] == PATH else maze[cell]
        if maze[cell] == START:
            start = cell
        elif maze[cell] == GOAL:
            goal = cell
    distances(answer, goal, size, distance, queue)
    if distance[start] < 0:
        return False
    cell = start
    while distance[cell] > 1:
        for direction in range(4):
            other = _step(cell, direction, size)
            if other >= 0 and distance[other] == distance[cell] - 1:  # a wall has -1, never that
                cell = other
                break
        answer[cell] = PATH
    return True


@compiled
def _mark_batch(mazes: Grid, size: int, answers: Grid) -> int:
    distance = np.empty(size * size, dtype=np.int32)
    queue = np.empty(size * size, dtype=np.int32)
    for n in range(mazes.shape[0]):
        if not _mark(mazes[n], size, distance, queue, answers[n]):
            return n
    return -1


def mark_paths(mazes: Grid) -> Grid:
    """Return the mazes with one shortest path marked, the first in the order down, left, right, up.

    ``mazes`` is uint8 (N, cells), each with one start and one goal; marks already there are dropped.
    """
    for n, maze in enumerate(mazes):
        for code, name in ((START, "start"), (GOAL, "goal")):
            found = np.count_nonzero(maze == code)
            if found != 1:
                raise InputError(f"maze {n} has {found} cells {name}; it needs exactly one.")
    answers = np.empty_like(mazes)
    failed = _mark_batch(np.ascontiguousarray(mazes), size_of(mazes), answers)
    if failed >= 0:
        raise InputError(f"maze {failed} has no way from start to goal.")
    return answers


def dihedral(batch: MazeBatch, rng: np.random.Generator) -> MazeBatch:
    """Turn and reflect each maze, question and answer alike, by one of the 8 symmetries at random.

    The marked path stays a shortest one, yet not always the one that :func:`mark_paths` would mark.
    """
    count, size = len(batch.questions), size_of(batch.questions)
    cells = np.arange(size * size).reshape(size, size)
    turns = [np.rot90(side, k) for side in (cells, cells.T) for k in range(4)]
    source = np.stack(turns).reshape(8, -1)[rng.integers(0, 8, count)]
    return MazeBatch(np.take_along_axis(batch.questions, source, axis=1),
                     np.take_along_axis(batch.answers, source, axis=1))


@compiled
def _maze(stream: NDArray[np.uint64], size: int, min_path: int, low: int, high: int, question: Grid) -> bool:
    """Write one maze: random walls and start until some cell is far enough, one such cell the goal.

    Drawing the goal first and dropping the draw where it is near would weigh walls by their number of
    far cells, as the public files do; it takes 30 times as long at 109 steps and shifts the median
    path by a few steps only.
    """
    cells = size * size
    distance = np.empty(cells, dtype=np.int32)
    queue = np.empty(cells, dtype=np.int32)
    order = np.arange(cells)
    for _ in range(_MAX_DRAWS):
        walls = low + below(stream, high - low + 1)
        question[:] = OPEN
        for k in range(walls + 1):  # in a random order: first the walls, then the start
            other = k + below(stream, cells - k)
            order[k], order[other] = order[other], order[k]
            question[order[k]] = WALL
        start = order[walls]
        question[start] = START
        reached = distances(question, start, size, distance, queue)
        first_far = reached  # cells are queued by distance, so the far ones are at the end
        while first_far > 0 and distance[queue[first_far - 1]] >= min_path:
            first_far -= 1
        if first_far < reached:
            question[queue[first_far + below(stream, reached - first_far)]] = GOAL
            return True
    return False


@compiled
def _maze_batch(seed: int, first: int, size: int, min_path: int, low: int, high: int,
                questions: Grid) -> bool:
    for index in range(questions.shape[0]):
        if not _maze(stream_of(seed, first + index), size, min_path, low, high, questions[index]):
            return False
    return True


def has_one_path(batch: MazeBatch) -> NDArray[np.bool_]:
    """Return for each maze whether its marked shortest path is the only shortest one: bool (N,).

    :func:`mark_paths` marks the first shortest path in a fixed order of directions; in the maze turned
    by 180 degrees that is the last one, so the two agree exactly where there is no other.
    """
    last = mark_paths(np.ascontiguousarray(batch.questions[:, ::-1]))[:, ::-1]
    return np.asarray((last == batch.answers).all(axis=1))


def keys(mazes: Grid) -> list[bytes]:
    """Return one key per maze, equal exactly for mazes that a turn or reflection maps onto each other."""
    side = size_of(mazes)
    grids = mazes.reshape(-1, side, side)
    turns = [np.rot90(up, k, (1, 2)) for up in (grids, grids.transpose(0, 2, 1)) for k in range(4)]
    return [min(image.tobytes() for image in images) for images in zip(*turns, strict=True)]


def generate(count: int, size: int, min_path: int, seed: int, density: tuple[float, float] = (0.3, 0.5),
             one_path: bool = False) -> MazeBatch:
    """Return ``count`` mazes of ``size`` x ``size`` cells; maze k is the same for every ``count`` > k.

    Parameters
    ----------
    min_path : int
        Fewest steps from start to goal (the answer marks one cell less).
    seed : int
        0 .. 2**63 - 1.
    density : (float, float)
        Share of walls, drawn uniformly between the two.
    one_path : bool
        Pass over mazes with several shortest paths; in large mazes of a long path hardly any is left.
    """
    if not MIN_SIZE <= size <= MAX_SIZE:
        raise InputError(f"a maze of {size}x{size} was asked for; the side is {MIN_SIZE} to {MAX_SIZE}.")
    if count < 0:
        raise InputError(f"{count} mazes were asked for; the number must not be negative.")
    if not 0 <= seed < 1 << 63:
        raise InputError(f"the seed {seed} is outside 0 .. 2**63 - 1.")
    if min_path < 1:
        raise InputError(f"a path of at least {min_path} steps was asked for; it must be at least 1.")
    if not 0 <= density[0] <= density[1] <= 0.9:
        raise InputError(f"the wall density {density[0]} to {density[1]} is no range within 0 to 0.9.")
    low, high = (round(share * size * size) for share in density)

    def draw(first: int, drawn: int) -> MazeBatch:
        questions = np.zeros((drawn, size * size), dtype=np.uint8)
        if not _maze_batch(seed, first, size, min_path, low, high, questions):
            raise InputError(f"no {size}x{size} maze with a path of {min_path} steps came up in {_MAX_DRAWS} "
                             "draws; ask for a shorter path or a larger maze.")
        return MazeBatch(questions, mark_paths(questions))

    if not one_path:
        return draw(0, count)
    found: list[MazeBatch] = [draw(0, 0)]
    missing, first, barren = count, 0, 0
    while missing > 0:
        if barren > _BARREN_DRAWS:
            raise InputError(f"{barren} mazes of {size}x{size} with {min_path} steps in a row had several "
                             "shortest paths; ask for a shorter path or a smaller maze.")
        batch = draw(first, _DRAWN_AT_ONCE)
        only = np.flatnonzero(has_one_path(batch))[:missing]
        found.append(MazeBatch(batch.questions[only], batch.answers[only]))
        missing, first = missing - len(only), first + _DRAWN_AT_ONCE
        barren = 0 if len(only) else barren + _DRAWN_AT_ONCE
    return MazeBatch(*(np.concatenate(part) for part in zip(*found, strict=True)))
