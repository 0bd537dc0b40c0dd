"""Estimates of a search, kept beside the compiled kernels.

The same model, format, memories and sources give the same estimates, so only the first search for them counts
anything.  What a file holds only picks the choices to count again: the numbers of a plan never come from it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcusim.planner.choices import Choices
from mcusim.planner.notation import describe, parse_choices
from mcusim.planner.target import Target
from refimpl.errors import InputError
from refimpl.fast.cache import folder_of
from refimpl.formats import Format
from refimpl.models.config import ModelConfig
from workbench.files.inputs import read_json
from workbench.files.outputs import write_file

SOURCES = (
    "refimpl", "refimpl.formats", "refimpl.models", "refimpl.ops", "workbench", "mcusim", "mcusim.planner",
)  # fmt: skip
MOST = 300  # files; some 20 KB each


@dataclass(frozen=True)
class Estimate:
    """What combining options promises; the plan made of ``choices`` then has exact numbers."""

    choices: Choices
    high_water: int
    weight_bytes: int
    seconds: float


def place(config: ModelConfig, format: Format, target: Target) -> Path | None:
    """Where the estimates of a search are kept; None where nothing can be."""
    folder = folder_of(SOURCES)
    said = [config.to_dict(), str(format), repr(target.part), repr(target.memories)]
    digest = hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:32]
    return None if folder is None else Path(folder) / f"{digest}.json"


def recall(path: Path | None, config: ModelConfig) -> list[Estimate]:
    """The estimates of a file; none for a file that is not there, or is not what :func:`keep` writes."""
    if path is None or not path.exists():
        return []
    try:
        found = read_json(path).listed("estimates", list, "lists")
        return [
            Estimate(parse_choices(str(choices), config, staged=True), int(held), int(read), float(seconds))
            for choices, held, read, seconds in found
        ]
    except (InputError, TypeError, ValueError):
        return []


def keep(path: Path | None, estimates: list[Estimate]) -> None:
    """Write estimates where they may be written, in place of the oldest ones."""
    if path is None:
        return
    rows: list[Any] = [[describe(e.choices), e.high_water, e.weight_bytes, e.seconds] for e in estimates]
    try:
        write_file(path, json.dumps({"estimates": rows}))
        for old in sorted(_kept(path.parent), reverse=True)[MOST:]:
            old[1].unlink(missing_ok=True)
    except (InputError, OSError):
        return  # a full disk makes the next search slower, nothing else


def _kept(folder: Path) -> Iterator[tuple[float, Path]]:
    for path in folder.glob("*.json"):
        yield path.stat().st_mtime, path
