"""Small ARC tasks under turns and colour orders, a puzzle row for each view of each task; and votes.

A *view* is one of the eight turns and reflections together with an order of the colours.  A rule such as
"move down" or "red becomes blue" is another rule in another view, so a row of the puzzle table stands for one
view of one task: the row is all that tells the network which rule holds.  The answers of all views of a test
are turned back and vote.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np

from refimpl.errors import InputError
from workbench.tasks.arc import COLOURS, ArcPair, ArcTask, Grid, encode_pairs
from workbench.tasks.sets import PuzzleSet

FLIPS, QUARTERS = (False, True), range(4)
TURNS = len(FLIPS) * len(QUARTERS)
OWN_COLOURS = tuple(range(COLOURS))


@dataclass(frozen=True)
class View:
    """Paint colour c as ``colours[c]``, transpose if ``flip``, then turn by ``turn`` quarters."""

    flip: bool
    turn: int
    colours: tuple[int, ...]

    def of(self, grid: Grid) -> Grid:
        painted = np.array(self.colours, np.uint8)[grid]
        return np.ascontiguousarray(np.rot90(painted.T if self.flip else painted, self.turn))

    def pair(self, pair: ArcPair) -> ArcPair:
        return ArcPair(self.of(pair.input), self.of(pair.output))

    def back(self, grid: Grid) -> Grid:
        """The grid that :meth:`of` makes this one from."""
        turned = np.rot90(grid, -self.turn)
        own = np.argsort(self.colours).astype(np.uint8)
        return np.ascontiguousarray(own[turned.T if self.flip else turned])


def views(name: str, orders: int) -> tuple[View, ...]:
    """The views of the task ``name``, eight for each of ``orders`` colour orders; the first is the task.

    Black stays black.  The other orders depend on the name alone.
    """
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    painted = [OWN_COLOURS]
    painted += [(0, *(int(c) for c in 1 + rng.permutation(COLOURS - 1))) for _ in range(orders - 1)]
    return tuple(View(flip, turn, colours) for colours, flip, turn in product(painted, FLIPS, QUARTERS))


@dataclass(frozen=True)
class Rows:
    """The tasks that have rows, in the order of their rows; view v of task k has row ``k * each + v``."""

    tasks: tuple[ArcTask, ...]
    orders: int
    side: int

    @property
    def each(self) -> int:
        """Rows a task."""
        return TURNS * self.orders

    @property
    def count(self) -> int:
        return self.each * len(self.tasks)

    @property
    def tests(self) -> int:
        return sum(len(task.test) for task in self.tasks)

    @cached_property
    def views(self) -> tuple[tuple[View, ...], ...]:
        """The views of each task."""
        return tuple(views(task.name, self.orders) for task in self.tasks)


def small_tasks(tasks: Iterable[ArcTask], side: int, where: str) -> tuple[ArcTask, ...]:
    """The tasks whose every grid, of demonstrations and tests, has at most ``side`` rows and columns."""
    found = tuple(task for task in tasks if all(
        max(grid.shape) <= side for pair in (*task.train, *task.test) for grid in pair))  # fmt: skip
    if not found:
        raise InputError(f"{where} has no ARC task whose every grid fits {side}x{side}.")
    return found


def pair_key(pair: ArcPair) -> bytes:
    """The same for pairs that a turn, a reflection or an order of the colours but black makes equal."""
    keys = []
    for flip, turn in product(FLIPS, QUARTERS):
        grids = View(flip, turn, OWN_COLOURS).pair(pair)
        seen = np.concatenate([grid.reshape(-1) for grid in grids])
        painted = np.zeros(COLOURS, np.uint8)
        others = [int(c) for c in dict.fromkeys(seen.tolist()) if c]
        painted[others] = np.arange(1, len(others) + 1)
        keys.append(repr([grid.shape for grid in grids]).encode() + painted[seen].tobytes())
    return min(keys)


def demonstrations(rows: Rows) -> tuple[tuple[ArcPair, ...], ...]:
    """The pairs to learn from, by task: its demonstrations but those that some view of a test equals."""
    held = {pair_key(pair) for task in rows.tasks for pair in task.test}
    return tuple(tuple(pair for pair in task.train if pair_key(pair) not in held) for task in rows.tasks)


def held_out_pairs(rows: Rows) -> tuple[tuple[ArcPair, ...], ...]:
    """The held-out pairs, by task."""
    return tuple(task.test for task in rows.tasks)


def seen_in(rows: Rows, pairs: Sequence[Sequence[ArcPair]], most: int, origin: str) -> PuzzleSet:
    """The first ``most`` views of ``pairs`` (by task), those of a pair side by side, with their rows."""
    seen: list[ArcPair] = []
    ids: list[int] = []
    for task, (own, shown) in enumerate(zip(pairs, rows.views, strict=True)):
        for pair, (number, view) in product(own, enumerate(shown[:most])):
            seen.append(view.pair(pair))
            ids.append(task * rows.each + number)
    return PuzzleSet(*encode_pairs(seen, rows.side), origin, puzzle_ids=np.array(ids, np.int32))


def ballot(answers: Sequence[Grid], sure: Sequence[float]) -> list[Grid]:
    """The different answers, the one given most often first; of as many, the one given more surely."""
    votes: dict[tuple[tuple[int, ...], bytes], list[float]] = {}
    for answer, weight in zip(answers, sure, strict=True):
        votes.setdefault((answer.shape, answer.tobytes()), []).append(weight)
    ranked = sorted(votes, key=lambda key: (-len(votes[key]), -sum(votes[key]) / len(votes[key])))
    return [np.frombuffer(cells, np.uint8).reshape(shape) for shape, cells in ranked]
