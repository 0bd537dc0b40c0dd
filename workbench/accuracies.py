"""Accuracy of integer programs on the evaluation set of their task, kept beside the weights.

A program is its flash image, its depth, its stop rule and its retries.  Whatever changes one bit of it
(weights, calibration, format, the way of lowering) makes another program, and nothing is kept of that until
it is measured.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from pathlib import Path

from refimpl.errors import InputError
from refimpl.models.config import ModelConfig
from workbench.content import BFLOAT16, FLOAT
from workbench.evaluate import Accuracy, Tally, accuracy_of
from workbench.files.typed import build
from workbench.json_lines import append_line, read_lines
from workbench.networks import Network
from workbench.tasks.metrics import copy_floor
from workbench.tasks.sets import PuzzleSet
from workbench.tasks.significance import McNemar, mcnemar_exact

FILE = "accuracy.jsonl"


@dataclass(frozen=True)
class Kept:
    """A line of the file: ``exact`` and ``accepted`` have a mark for each puzzle of ``origin``, 1 for yes.

    ``copied``: cells that copying the question gets right.  ``ended``: ACT steps of each puzzle, and
    ``accepted`` what a stop rule accepted; both are empty where every puzzle runs all its steps.  ``tries``,
    with ``retries`` alone: steps of each try, puzzle by puzzle, 0 where there was no need of it.
    """

    program: str
    format: str
    H_cycles: int
    steps: int
    stop: str
    origin: str
    exact: str
    cells_right: int
    cells: int
    copied: int
    ended: tuple[int, ...] = ()
    accepted: str = ""
    retries: int = 0
    tries: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not self.exact or set(self.exact + self.accepted) - {"0", "1"}:
            raise InputError("exact and accepted must be 0s and 1s, one for each puzzle.")
        if {len(self.ended), len(self.accepted)} - {0, len(self.exact)} or any(n < 0 for n in self.ended):
            raise InputError("ended and accepted must have an entry for each puzzle, or none.")
        if self.retries and (len(self.tries) != (1 + self.retries) * len(self.exact) or min(self.tries) < 0
                             or tuple(map(sum, self.each_try)) != self.ended):  # fmt: skip
            raise InputError("tries must have 1 + retries entries for each puzzle, which add up to ended.")
        if self.cells < 1 or not all(0 <= n <= self.cells for n in (self.cells_right, self.copied)):
            raise InputError("cells must be at least 1, and cells_right and copied no more than that.")

    @property
    def solved(self) -> list[bool]:
        return [mark == "1" for mark in self.exact]

    @property
    def each_try(self) -> list[tuple[int, ...]]:
        """ACT steps of each try of each puzzle."""
        own = self.tries if self.retries else self.ended
        count = 1 + self.retries
        return [own[at : at + count] for at in range(0, len(own), count)]

    @property
    def accuracy(self) -> Accuracy:
        """Counts, interval and what the stop rule did."""
        accepted = tuple(mark == "1" for mark in self.accepted)
        tally = Tally(tuple(self.solved), (self.cells_right,), (self.cells,), self.ended, accepted)
        return accuracy_of([tally])

    def against(self, other: Kept) -> McNemar | None:
        """Puzzles that only ``other`` and only this one solves; None where they were not the same ones."""
        same = (self.origin, len(self.exact)) == (other.origin, len(other.exact))
        return mcnemar_exact(other.solved, self.solved) if same else None


def program_of(content: bytes | str, config: ModelConfig, retries: int = 0) -> str:
    """The key of a program: ``content`` is its flash image (two of a stop rule with a second program), or the
    digest of a float network's weights."""
    said = hashlib.sha256(content if isinstance(content, bytes) else content.encode())
    again = f" {retries} retries" if retries else ""
    said.update(f" {config.H_cycles}x{config.halt_max_steps} {config.stop}{again}".encode())
    return said.hexdigest()


def content_of(network: Network, fmt: str, by: str = "") -> bytes | str:
    """What :func:`program_of` asks for a network in a format, ``float`` included, with the second program
    ``by`` of a stop rule."""
    if fmt in (FLOAT, BFLOAT16):
        return f"{network.digest} {fmt}"
    return network.image(fmt) + (network.image(by) if by else b"")


def kept_of(
    content: bytes | str, fmt: str, config: ModelConfig, puzzles: PuzzleSet, parts: list[Tally],
    retries: int = 0, tries: tuple[int, ...] = (),
) -> Kept:  # fmt: skip
    """What the tallies of a whole set come to, as a line of the file."""
    exact, accepted = ("".join("01"[flag] for part in parts for flag in getattr(part, name))
                       for name in ("exact", "accepted"))  # fmt: skip
    return Kept(
        program_of(content, config, retries), fmt, config.H_cycles, config.halt_max_steps, str(config.stop),
        puzzles.origin, exact, sum(sum(part.right) for part in parts),
        sum(sum(part.counted) for part in parts), copy_floor(puzzles.inputs, puzzles.labels).cells_right,
        tuple(n for part in parts for n in part.steps), accepted, retries, tries,
    )  # fmt: skip


def path_of(network: Network) -> Path | None:
    """Where a network's accuracies lie, if it has a folder."""
    return None if network.folder is None else network.folder / FILE


def read(path: Path | None) -> dict[str, Kept]:
    """Everything that is kept, by program; of one measured twice the last line counts."""
    if path is None or not path.exists():
        return {}
    found = (build(line, Kept) for line in read_lines(path, "kept accuracies"))
    return {one.program: one for one in found}


def keep(path: Path, one: Kept) -> None:
    """Add a line, unless the same is there already."""
    if read(path).get(one.program) != one:
        append_line(path, asdict(one))
