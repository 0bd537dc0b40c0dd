"""The results file of a sweep: one JSON line per finished cell.

``key`` names the cell, ``content`` is the key of what it was measured on (:mod:`workbench.content`); lines of
older files have neither that nor ``schema``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from workbench.files.typed import build
from workbench.json_lines import append_line, read_lines
from workbench.lab.cell import Result

SCHEMA = "refimpl.sweep/1"


def read_results(paths: Iterable[Path]) -> list[Result]:
    """All finished cells of ``paths``; of cells measured twice the last one counts."""
    return list({key: result for path in paths for key, _, result in _cells(path)}.values())


def finished_names(path: Path) -> set[str]:
    """Names of the cells that ``path`` holds (none if it does not exist), whatever they were measured on."""
    return {key for key, _, _ in _cells(path)} if path.exists() else set()


def finished_contents(path: Path) -> set[str]:
    """Keys of what the results in ``path`` were measured on (none if it does not exist)."""
    return {content for _, content, _ in _cells(path) if content} if path.exists() else set()


def _cells(path: Path) -> Iterator[tuple[str, str, Result]]:
    for line in read_lines(path, "results file"):
        if line.has("schema"):
            line.choice("schema", (SCHEMA,))
        key, content = line.text("key"), line.text("content") if line.has("content") else ""
        yield key, content, build(line.table("result"), Result)
        line.finish()


def append(path: Path, key: str, content: str, result: Result) -> None:
    """Add one cell; it is on disk when this returns."""
    append_line(path, {"schema": SCHEMA, "key": key, "content": content, "result": result.to_dict()})
