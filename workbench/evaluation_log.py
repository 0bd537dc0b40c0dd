"""Finished batches of an evaluation on disk, so that a long one goes on where it was stopped."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from refimpl.errors import InputError
from workbench.evaluate import Tally
from workbench.files.typed import build
from workbench.json_lines import append_line, read_lines, writing


@dataclass(frozen=True)
class Batch:
    """A line: ``key`` is a :func:`workbench.content.content_key`;
    ``exact`` has one character a puzzle, ``1`` solved; ``start`` is its first puzzle."""

    key: str
    start: int
    exact: str
    right: tuple[int, ...]
    counted: tuple[int, ...]
    steps: tuple[int, ...] = ()
    accepted: str = ""

    def __post_init__(self) -> None:
        if len(self.right) != len(self.counted) or set(self.exact) - {"0", "1"}:
            raise InputError("exact must be 0s and 1s, right and counted of as many positions.")
        if len(self.steps) != len(self.accepted) or set(self.accepted) - {"0", "1"}:
            raise InputError("accepted must be 0s and 1s, one for each of steps.")
        if self.steps and (len(self.steps) != len(self.exact) or min(self.steps) < 1):
            raise InputError("steps must be counts, one for each puzzle.")


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
        for line in read_lines(self.path, "evaluation log"):
            batch = build(line, Batch)
            if batch.key == self.key:
                exact = tuple(mark == "1" for mark in batch.exact)
                accepted = tuple(mark == "1" for mark in batch.accepted)
                found[batch.start] = Tally(exact, batch.right, batch.counted, batch.steps, accepted)
        return found

    def append(self, start: int, part: Tally) -> None:
        """Add a batch; it is on disk when this returns."""
        if self.path is not None:
            exact = "".join("01"[flag] for flag in part.exact)
            line = {"key": self.key, "start": start, "exact": exact, "right": part.right,
                    "counted": part.counted}  # fmt: skip
            if part.steps:
                accepted = "".join("01"[flag] for flag in part.accepted)
                line |= {"steps": part.steps, "accepted": accepted}
            append_line(self.path, line)


@contextmanager
def held(path: Path | None) -> Iterator[None]:
    """Keep other writers off ``path`` while an evaluation runs."""
    if path is None:
        yield
        return
    with writing(path):
        yield
