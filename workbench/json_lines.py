"""Files of JSON lines that survive a kill: each line is appended in one write and synced.

A line that a kill cut short has no newline at its end; it is removed when the file is opened for writing
and passed over when it is only read.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from refimpl.errors import InputError


def read_lines(path: Path, what: str) -> Iterator[tuple[int, Any]]:
    """Yield (line number, parsed line) of the whole lines of ``path``; ``what`` names the file in errors."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"the {what} {path} cannot be read: {error.strerror}.") from error
    for number, line in enumerate(_whole_lines(content).splitlines(), 1):
        try:
            yield number, json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{path}, line {number} is no line of a {what} ({error}).") from error


def append_line(path: Path, value: Any) -> None:
    """Add one line; it is on disk when this returns."""
    line = json.dumps(value, separators=(",", ":")) + "\n"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        os.write(descriptor, line.encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Hold ``path`` for one writer at a time, a torn last line removed."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        held = path.open("a+b")
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}.") from error
    with held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise InputError(f"another run is writing {path}; wait for it or name another file.") from error
        held.seek(0)
        content = held.read()
        if len(_whole_lines(content)) != len(content):
            held.truncate(len(_whole_lines(content)))
        yield


def _whole_lines(content: bytes) -> bytes:
    return content[: content.rfind(b"\n") + 1]
