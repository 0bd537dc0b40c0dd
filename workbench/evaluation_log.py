"""Finished batches of an evaluation on disk, so that a long one goes on where it was stopped."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from refimpl.errors import InputError
from workbench.evaluate import FLOAT, Tally
from workbench.fidelity import Reading
from workbench.json_lines import append_line, read_lines, writing
from workbench.networks import Network
from workbench.tasks.sets import PuzzleSet


def key_of(network: Network, fmt: str, runner: Reading, puzzles: PuzzleSet) -> str:
    """Return a digest of everything that a batch's result depends on: weights, scales, depth, puzzles."""
    scales = {} if fmt == FLOAT else dict(network.calibration.absmax)
    said = json.dumps([network.digest, fmt, scales, runner.model.config.to_dict()], sort_keys=True)
    digest = hashlib.sha256(said.encode())
    for array in (puzzles.inputs, puzzles.labels, puzzles.puzzle_ids):
        if array is not None:
            digest.update(array.tobytes())
    return digest.hexdigest()[:16]


@dataclass(frozen=True)
class Log:
    """The batches of one evaluation in a file that may hold several; ``path`` None keeps nothing."""

    path: Path | None
    key: str

    def done(self) -> dict[int, Tally]:
        """Batches that the file holds, by their first puzzle."""
        if self.path is None or not self.path.exists():
            return {}
        found = {}
        for number, raw in read_lines(self.path, "evaluation log"):
            try:
                if raw["key"] == self.key:
                    exact = tuple(mark == "1" for mark in raw["exact"])
                    found[int(raw["start"])] = Tally(exact, tuple(raw["right"]), tuple(raw["counted"]))
            except (KeyError, TypeError, ValueError) as error:
                raise InputError(f"{self.path}, line {number} is no batch of an evaluation "
                                 f"({error}).") from error
        return found

    def append(self, start: int, part: Tally) -> None:
        """Add a batch; it is on disk when this returns."""
        if self.path is not None:
            exact = "".join("01"[flag] for flag in part.exact)
            append_line(self.path, {"key": self.key, "start": start, "exact": exact, "right": part.right,
                                    "counted": part.counted})  # fmt: skip


@contextmanager
def held(path: Path | None) -> Iterator[None]:
    """Keep other writers off ``path`` while an evaluation runs."""
    if path is None:
        yield
        return
    with writing(path):
        yield
