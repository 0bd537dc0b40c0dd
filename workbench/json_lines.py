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
from workbench.files.fields import Fields
from workbench.files.inputs import parse_json, read_bytes, reason


def read_lines(path: Path, what: str) -> Iterator[Fields]:
    """Yield the whole lines of ``path``; ``what`` names the file in errors."""
    content = read_bytes(path, f"the {what}")
    for number, line in enumerate(_whole_lines(content).split(b"\n")[:-1], 1):
        where = f"the {what} {path}, line {number}"
        value = parse_json(line, where)
        if not isinstance(value, dict):
            raise InputError(f"{where} must be a JSON object, in braces.")
        yield Fields(where, value)


def append_line(path: Path, value: Any) -> None:
    """Add one line; it is on disk when this returns."""
    line = json.dumps(value, separators=(",", ":")) + "\n"
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            os.write(descriptor, line.encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {reason(error)}.") from error


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Hold ``path`` for one writer at a time, a torn last line removed."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        held = path.open("a+b")
    except OSError as error:
        raise InputError(f"{path} cannot be written: {reason(error)}.") from error
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
