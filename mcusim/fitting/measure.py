"""Programs over puzzles, batch by batch: what every depth and every stop rule would make of them.

One run to the last ACT step tells all of them, for a stopped run is the long one cut off.  A finished batch
is a line of the store, under the key of its content.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from refimpl import fast, float_ops
from refimpl.errors import InputError
from refimpl.fast.cache import digest_of
from refimpl.models.halting import StopRule, head_stops
from workbench.content import FLOAT, content_key
from workbench.executors import finished
from workbench.fidelity import Reading
from workbench.files.typed import build
from workbench.json_lines import append_line, read_lines
from workbench.networks import Network
from workbench.stopping import BATCH, Watched, ends, watch
from workbench.tasks.metrics import puzzle_exact
from workbench.tasks.sets import PuzzleSet

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Seen:
    """After each ACT step of a batch: ``exact`` and ``head``, a 0 or 1 a puzzle; ``moved``, puzzle by puzzle
    and step after step: what z_H moved by in all."""

    exact: tuple[str, ...]
    head: tuple[str, ...]
    moved: tuple[int, ...]

    def __post_init__(self) -> None:
        counts, marks = {len(one) for one in (*self.exact, *self.head)}, "".join(self.exact)
        if len(counts) != 1 or len(self.exact) != len(self.head) or len(marks) != len(self.moved):
            raise InputError("exact, head and moved must have as many steps of as many puzzles.")
        if set("".join(self.exact + self.head)) - {"0", "1"}:
            raise InputError("exact and head must be 0s and 1s.")


@dataclass(frozen=True)
class Measured:
    """All batches of a program: exact and head (steps, N), moved (steps, N, 2) of ``size`` values."""

    exact: Bools
    head: Bools
    moved: npt.NDArray[np.int64]
    size: int

    def first(self, count: int) -> Measured:
        """The first ``count`` puzzles."""
        return Measured(self.exact[:, :count], self.head[:, :count], self.moved[:, :count], self.size)

    def under(self, rule: StopRule, steps: int) -> tuple[Bools, npt.NDArray[np.int64]]:
        """Which puzzles are solved, and the ACT steps of each, both (N,), by a rule and at most ``steps``."""
        word = 2 * self.head[:steps].astype(np.int64) - 1
        q, none = np.stack([word, 0 * word], axis=-1), np.zeros((steps, 0, 0), np.int64)
        taken, _ = ends(Watched(q, self.moved[:steps], none, self.size, "trm"), rule)
        return self.exact[taken - 1, np.arange(len(taken))], taken


@dataclass(frozen=True, eq=False)
class Program:
    """A network in a format (``float`` for the original); its reading is made when it is needed."""

    name: str
    network: Network
    format: str

    def reading(self) -> Reading:
        if self.format == FLOAT:
            return Reading(float_ops, self.network.float_model)
        return Reading(fast, self.network.integer_model(self.format))

    def key(self, part: PuzzleSet) -> str:
        return content_key(self.network, self.format, self.network.config, part,
                           digest_of(("mcusim.fitting",)))  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Job:
    key: str
    reading: Reading
    part: PuzzleSet


def _watched(job: _Job) -> Seen:
    found = watch(job.reading, job.part.inputs)
    right = np.stack([puzzle_exact(answers, job.part.labels) for answers in found.answers])
    moved = np.rint(found.moved[:, :, 0]).astype(np.int64)
    head = head_stops(found.q, found.family, "head")
    return Seen(_marks(right), _marks(head), tuple(moved.reshape(-1).tolist()))


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
    programs: Sequence[Program],
    puzzles: PuzzleSet,
    store: Store,
    executor: Executor,
    on_start: Callable[[int], None] = lambda total: None,
    on_batch: Callable[[], None] = lambda: None,
) -> Mapping[str, Measured]:
    """Run what the store does not hold yet; returns every program's result by its name.

    ``on_start`` hears how many batches are to run, ``on_batch`` of each that is finished and stored.
    """
    count = len(puzzles.inputs)
    parts = [puzzles.rows(start, BATCH, "") for start in range(0, count, BATCH)]
    keys = {program.name: [program.key(part) for part in parts] for program in programs}
    jobs: dict[str, _Job] = {}
    for program in programs:
        missing = [(k, p) for k, p in zip(keys[program.name], parts, strict=True) if k not in store.found]
        reading = program.reading() if missing else None
        jobs |= {key: _Job(key, reading, part) for key, part in missing if reading is not None}
    on_start(len(jobs))
    for job, seen in finished(executor, _watched, jobs.values()):
        store.add(job.key, seen)
        on_batch()
    return {p.name: _joined([store.found[key] for key in keys[p.name]], p.network) for p in programs}


def _joined(parts: Sequence[Seen], network: Network) -> Measured:
    exact, head = (np.concatenate([_flags(getattr(p, what)) for p in parts], axis=1)
                   for what in ("exact", "head"))  # fmt: skip
    moved = np.concatenate([np.array(p.moved, np.int64).reshape(len(p.exact), -1) for p in parts], axis=1)
    config = network.config
    return Measured(exact, head, np.stack([moved, moved], axis=-1), config.positions * config.hidden_size)
