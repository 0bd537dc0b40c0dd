"""Programs over puzzles, batch by batch: what every depth and every stop rule would make of them.

One run to the last ACT step tells all of them, for a stopped run is the long one cut off.  A finished batch
is a line of the store, under the key of its content.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from refimpl import fast, float_ops
from refimpl.errors import InputError
from refimpl.fast.cache import digest_of
from refimpl.models.halting import FIXED, StopRule, head_stops
from workbench.content import FLOAT, content_key
from workbench.executors import finished
from workbench.fidelity import Reading
from workbench.files.typed import build
from workbench.json_lines import append_line, read_lines
from workbench.networks import Network
from workbench.stopping import BATCH, Watched, ends, watch
from workbench.tasks.metrics import puzzle_exact
from workbench.tasks.sets import PuzzleSet
from workbench.tasks.task import keeps_rules

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Seen:
    """After each ACT step of a batch: ``exact``, ``keeps`` (the rules of the task) and ``head``, a 0 or 1 a
    puzzle; ``moved``, puzzle by puzzle and step after step: what z_H moved by in all."""

    exact: tuple[str, ...]
    keeps: tuple[str, ...]
    head: tuple[str, ...]
    moved: tuple[int, ...]

    def __post_init__(self) -> None:
        marks = self.exact, self.keeps, self.head
        puzzles = {len(one) for rows in marks for one in rows}
        if len(puzzles) != 1 or {len(self.exact) * puzzles.pop()} != {len(self.moved), *(
                len("".join(rows)) for rows in marks)}:  # fmt: skip
            raise InputError("exact, keeps, head and moved must have as many steps of as many puzzles.")
        if set("".join(sum(marks, ()))) - {"0", "1"}:
            raise InputError("exact, keeps and head must be 0s and 1s.")


@dataclass(frozen=True)
class Measured:
    """All batches of a program: exact, keeps and head (steps, N), moved (steps, N, 2) of ``size`` values."""

    exact: Bools
    keeps: Bools
    head: Bools
    moved: npt.NDArray[np.int64]
    size: int

    def under(self, rule: StopRule, steps: int) -> Under:
        """What comes of each puzzle by a rule and at most ``steps``."""
        word = 2.0 * self.head[:steps] - 1
        q, none = np.stack([word, 0 * word], axis=-1), np.zeros((steps, 0, 0), np.int64)
        taken, stopped = ends(Watched(q, self.moved[:steps].astype(np.float64), none, self.size, "trm"), rule)
        at = taken - 1, np.arange(len(taken))
        return Under(self.exact[at], taken, stopped & self.keeps[at])


@dataclass(frozen=True)
class Under:
    """Under a stop rule, all (N,): which puzzles are solved, the ACT steps of each, and which answers are
    accepted: the rule ended their run and they keep the task's rules."""

    right: Bools
    steps: npt.NDArray[np.int64]
    accepted: Bools


@cache
def _sources() -> str:
    """Of this package, as they were when this process began to measure."""
    return digest_of(("mcusim.fitting",))


@dataclass(frozen=True, eq=False)
class Solver:
    """A network in a format (``float`` for the original); its reading is made when it is needed.  A puzzle
    that ``until`` ends runs no further."""

    name: str
    network: Network
    format: str
    until: StopRule = FIXED

    def reading(self) -> Reading:
        if self.format == FLOAT:
            return Reading(float_ops, self.network.float_model)
        return Reading(fast, self.network.integer_model(self.format))

    def key(self, part: PuzzleSet) -> str:
        config = replace(self.network.config, stop=self.until)
        return content_key(self.network, self.format, config, part, _sources())


@dataclass(frozen=True, eq=False)
class _Job:
    key: str
    reading: Reading
    part: PuzzleSet
    until: StopRule


def _watched(job: _Job) -> Seen:
    found, part = watch(job.reading, job.part.inputs, job.until), job.part
    right = np.stack([puzzle_exact(answers, part.labels) for answers in found.answers])
    config = job.reading.model.config
    keeps = np.stack([keeps_rules(config, part.inputs, answers) for answers in found.answers])
    moved = np.rint(found.moved[:, :, 0]).astype(np.int64)
    head = head_stops(found.q, found.family, "head")
    return Seen(_marks(right), _marks(keeps), _marks(head), tuple(moved.reshape(-1).tolist()))


def _marks(flags: Bools) -> tuple[str, ...]:
    return tuple("".join("01"[int(flag)] for flag in row) for row in flags)


def _flags(marks: Sequence[str]) -> Bools:
    return np.array([[mark == "1" for mark in row] for row in marks])


class Store:
    """Finished batches by their key: those of a file, and new ones, which are on disk when they are added."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.found: dict[str, Seen] = {}
        for line in read_lines(path, "store") if path.exists() else ():
            if line.has("watched"):  # a sweep's cells and an evaluation's batches may lie in the same file
                self.found[line.text("key")] = build(line.table("watched"), Seen)

    def add(self, key: str, seen: Seen) -> None:
        append_line(self.path, {"key": key, "watched": vars(seen)})
        self.found[key] = seen


def measure(
    runs: Sequence[tuple[Solver, PuzzleSet]],
    store: Store,
    executor: Executor,
    on_start: Callable[[int], None] = lambda total: None,
    on_batch: Callable[[], None] = lambda: None,
) -> Mapping[str, Measured]:
    """Run what the store does not hold yet; returns every solver's result on its puzzles by its name.

    ``on_start`` hears how many batches are to run, ``on_batch`` of each that is finished and stored.
    """
    keys: dict[str, list[str]] = {}
    jobs: dict[str, _Job] = {}
    for solver, puzzles in runs:
        parts = [puzzles.rows(start, BATCH, "") for start in range(0, len(puzzles.inputs), BATCH)]
        keys[solver.name] = [solver.key(part) for part in parts]
        missing = [(k, p) for k, p in zip(keys[solver.name], parts, strict=True) if k not in store.found]
        reading = solver.reading() if missing else None
        jobs |= {k: _Job(k, reading, part, solver.until) for k, part in missing if reading is not None}
    on_start(len(jobs))
    for job, seen in finished(executor, _watched, jobs.values()):
        store.add(job.key, seen)
        on_batch()
    return {p.name: _joined([store.found[key] for key in keys[p.name]], p.network) for p, _ in runs}


def _joined(parts: Sequence[Seen], network: Network) -> Measured:
    exact, keeps, head = (np.concatenate([_flags(getattr(p, what)) for p in parts], axis=1)
                          for what in ("exact", "keeps", "head"))  # fmt: skip
    moved = np.concatenate([np.array(p.moved, np.int64).reshape(len(p.exact), -1) for p in parts], axis=1)
    config = network.config
    size = config.positions * config.hidden_size
    return Measured(exact, keeps, head, np.stack([moved, moved], axis=-1), size)
