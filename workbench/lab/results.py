"""The results file: one JSON line per finished cell, appended in one write and synced.

A line that a kill cut short has no newline at its end; it is removed when the file is opened for writing
and passed over when it is only read.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from refimpl.errors import InputError
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
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"the results file {path} cannot be read: {error.strerror}.") from error
    found = {}
    for number, line in enumerate(_whole_lines(content).splitlines(), 1):
        try:
            raw = json.loads(line)
            found[str(raw["key"])] = Result.from_dict(raw["result"])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(f"{path}, line {number} is no result of a sweep ({error}).") from error
    return found


def append(path: Path, key: str, result: Result) -> None:
    """Add one line; it is on disk when this returns."""
    line = json.dumps({"key": key, "result": result.to_dict()}, separators=(",", ":")) + "\n"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        os.write(descriptor, line.encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Hold ``path`` for one sweep at a time, a torn last line removed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise InputError(f"another sweep is writing {path}; wait for it or name another file.") from error
        held.seek(0)
        content = held.read()
        if len(_whole_lines(content)) != len(content):
            held.truncate(len(_whole_lines(content)))
        yield


def _whole_lines(content: bytes) -> bytes:
    return content[: content.rfind(b"\n") + 1]
