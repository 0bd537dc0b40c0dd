"""The results file of a sweep: one JSON line per finished cell."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from workbench.files.typed import build
from workbench.json_lines import append_line, read_lines
from workbench.lab.cell import Result


def read_results(paths: Iterable[Path]) -> list[Result]:
    """All finished cells of ``paths``; of cells measured twice the last one counts."""
    found: dict[str, Result] = {}
    for path in paths:
        found.update(_cells(path))
    return list(found.values())


def finished_keys(path: Path) -> set[str]:
    """Keys of the cells that ``path`` already holds (none if it does not exist)."""
    return set(_cells(path)) if path.exists() else set()


def _cells(path: Path) -> dict[str, Result]:
    found = {}
    for line in read_lines(path, "results file"):
        found[line.text("key")] = build(line.table("result"), Result)
        line.finish()
    return found


def append(path: Path, key: str, result: Result) -> None:
    """Add one cell; it is on disk when this returns."""
    append_line(path, {"key": key, "result": result.to_dict()})
