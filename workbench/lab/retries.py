"""Answers tried again under relabellings, over many puzzles: what each try gives, and what all tries cost.

A row is a line of the same log as runs under stop rules (:mod:`workbench.lab.stopping`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from workbench.files.typed import build
from workbench.json_lines import append_line, read_lines, writing
from workbench.render.grid import Grid, percent
from workbench.retry import Warranted
from workbench.tasks.metrics import puzzle_exact
from workbench.tasks.sets import PuzzleSet
from workbench.tasks.significance import wilson_interval

RETRIED = "retried"  # the key of such a line


@dataclass(frozen=True)
class Retried:
    """``by_try``: answers accepted at each try; ``right`` of them, ``wrong`` of them; ``at_most`` ACT steps a
    try, ``mean_steps`` a puzzle in all its tries; ``weights`` and ``data``: digests of the network's, and of
    what was found for it by looking at data (:func:`workbench.content.data_digest`)."""

    weights: str
    data: str
    program: str
    rule: str
    at_most: int
    origin: str
    puzzles: int
    by_try: tuple[int, ...]
    right: int
    wrong: int
    mean_steps: float

    @property
    def asked(self) -> tuple[object, ...]:
        """What was asked, apart from what came of it."""
        return self.weights, self.data, self.program, self.rule, self.at_most, self.origin, len(self.by_try)


def counted(asked: tuple[str, str, str, str, int], found: Warranted, puzzles: PuzzleSet) -> Retried:
    """What came of a set; ``asked``: weights, data, program, rule, ACT steps at most."""
    given = found.tried > 0
    right = int((given & puzzle_exact(found.answers, puzzles.labels)).sum())
    by_try = np.bincount(found.tried, minlength=found.steps.shape[1] + 1)[1:]
    return Retried(*asked, puzzles.origin, len(given), tuple(by_try.tolist()), right,
                   int(given.sum()) - right, float(found.steps.sum(axis=1).mean()))  # fmt: skip


def logged(log: Path) -> list[Retried]:
    """The rows in ``log`` (none where there is no such file)."""
    if not log.exists():
        return []
    lines = (line for line in read_lines(log, "log of stopped runs") if line.has(RETRIED))
    return [build(line.table(RETRIED), Retried) for line in lines]


def keep(log: Path, row: Retried) -> None:
    """Add a row."""
    with writing(log):
        append_line(log, {RETRIED: asdict(row)})


def table(rows: Sequence[Retried]) -> Grid:
    """One line a row."""
    cells = []
    for row in rows:
        shares = np.cumsum(row.by_try) / row.puzzles
        interval = wilson_interval(row.right, row.puzzles)
        cells.append((
            f"{row.program}, at most {row.at_most}", row.rule, row.origin,
            " / ".join(f"{100 * share:.1f}" for share in shares),
            f"{percent(row.right / row.puzzles)} [{percent(interval.low)}, {percent(interval.high)}]",
            str(row.wrong), f"{row.mean_steps:.2f}",
        ))  # fmt: skip
    headings = ("program", "rule", "puzzles", "accepted %, tries 1 / 2 / ...", "right and accepted %",
                "wrong accepted", "mean steps, all tries")  # fmt: skip
    note = "accepted: stopped by the rule with an answer that keeps the task's rules; [ ]: 95 % interval"
    return Grid("answers with a warrant", headings, tuple(cells), note, left=3)
