"""Held-out ARC tests under every view of their task, and what the views' answers agree on."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from refimpl.errors import InputError, shown
from refimpl.models.recursion import solve
from workbench.evaluate import batch_of
from workbench.fidelity import Reading
from workbench.files.typed import build
from workbench.json_lines import append_line, read_lines
from workbench.render.grid import Grid as Table
from workbench.render.grid import percent
from workbench.tasks.arc import Grid, crop
from workbench.tasks.arc_views import Rows, ballot, held_out_pairs, seen_in
from workbench.tasks.sets import PuzzleSet
from workbench.tasks.significance import wilson_interval

_SPELLED = re.compile("([0-9]+(/[0-9]+)*)?")
ATTEMPTS = 2  # answers to a test that ARC allows


def spelled(grid: Grid) -> str:
    """A grid as its rows of digits, ``/`` between them; empty for one without cells."""
    return "/".join("".join(map(str, row)) for row in grid.tolist())


@dataclass(frozen=True)
class Answers:
    """A line of the log: answers to the views from number ``start`` on, spelled, and their q_halt.

    ``key`` is a :func:`workbench.content.content_key`.
    """

    key: str
    start: int
    answers: tuple[str, ...]
    sure: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.answers) != len(self.sure):
            raise InputError("answers and sure must be as many.")
        for text in self.answers:
            if not _SPELLED.fullmatch(text) or len(set(map(len, text.split("/")))) != 1:
                raise InputError(f"the answer {shown(text)} must be rows of as many digits, / between them.")


def kept(log: Path | None, key: str) -> dict[int, Answers]:
    """The batches that ``log`` holds under ``key``, by their first view."""
    if log is None or not log.exists():
        return {}
    lines = (build(line, Answers) for line in read_lines(log, "log of votes"))
    return {line.start: line for line in lines if line.key == key}


def answered(
    program: Reading, asked: PuzzleSet, key: str, log: Path | None, on_done: Callable[[int], None]
) -> Iterator[Answers]:
    """Yield the batches of ``asked`` in order; those that ``log`` lacks are run and added to it."""
    done, size = kept(log, key), batch_of(program.model.config)
    for start in range(0, len(asked.inputs), size):
        part = asked.rows(start, size, "")
        if start not in done or len(done[start].answers) != len(part.inputs):
            outputs = solve(program.ops, program.model, part.inputs, part.puzzle_ids).outputs
            grids = [spelled(crop(answer)) for answer in program.ops.argmax(outputs.logits)]
            done[start] = Answers(key, start, tuple(grids), tuple(float(q) for q in outputs.q[:, 0]))
            if log is not None:
                append_line(log, vars(done[start]))
        on_done(len(part.inputs))
        yield done[start]


@dataclass(frozen=True)
class Votes:
    """Counts over the tests: answered by the task's own view, by the first vote, by one of the first two;
    ``views_right`` of all ``views`` answers."""

    tests: int
    own: int
    first: int
    either: int
    views: int
    views_right: int

    @property
    def entry(self) -> dict[str, Any]:
        """What a card says of it."""
        found = wilson_interval(self.either, self.tests)
        return {"puzzles": self.tests, "exact": round(self.either / self.tests, 4),
                "exact_interval_95": [round(found.low, 4), round(found.high, 4)],
                "first_vote": round(self.first / self.tests, 4)}  # fmt: skip

    def row(self, name: str) -> tuple[str, ...]:
        """The texts of a line, in the order of HEADINGS."""
        found = wilson_interval(self.either, self.tests)
        return (name, percent(self.own / self.tests), percent(self.first / self.tests),
                percent(self.either / self.tests), f"{100 * found.low:.1f}-{100 * found.high:.1f}",
                percent(self.views_right / self.views))  # fmt: skip


HEADINGS = ("format", "own view %", "first vote %", "two votes %", "95 %", "all views %")
NOTE = ("Share of tests whose whole grid is right, its size too. own view: the task as it is, no vote; first "
        "vote, two votes: the answers given most often by all views, turned back; 95 %: Wilson interval of "
        "two votes; all views: share of single answers.")  # fmt: skip


def count(rows: Rows, answers: list[str], sure: list[float]) -> Votes:
    """Count the votes on answers to so many views of every test, in the order of :func:`asked_of`."""
    tests = own = first = either = right = 0
    each = len(answers) // rows.tests
    for seen, pairs in zip(rows.views, held_out_pairs(rows), strict=True):
        for pair in pairs:
            at = slice(tests * each, (tests + 1) * each)
            back = [view.back(grid_of(text)) for view, text in zip(seen[:each], answers[at], strict=True)]
            hits = [np.array_equal(answer, pair.output) for answer in back]
            ranked = [np.array_equal(answer, pair.output) for answer in ballot(back, sure[at])[:ATTEMPTS]]
            tests, own, first = tests + 1, own + hits[0], first + ranked[0]
            either, right = either + any(ranked), right + sum(hits)
    return Votes(tests, own, first, either, tests * each, right)


def grid_of(text: str) -> Grid:
    """The grid that :func:`spelled` wrote."""
    if not text:
        return np.zeros((0, 0), np.uint8)
    return np.array([[int(digit) for digit in row] for row in text.split("/")], np.uint8)


def asked_of(rows: Rows, most: int) -> PuzzleSet:
    """The first ``most`` views of every test, those of a test side by side."""
    if not 1 <= most <= rows.each:
        raise InputError(f"{most} views: each test has 1 to {rows.each}.")
    origin = f"{rows.tests} tests of {len(rows.tasks)} ARC tasks, {most} views of each"
    return seen_in(rows, held_out_pairs(rows), most, origin)


def votes_table(name: str, origin: str, found: list[tuple[str, Votes]]) -> Table:
    """One line a format."""
    return Table(f"{name}: {origin}", HEADINGS, tuple(votes.row(fmt) for fmt, votes in found), NOTE)
