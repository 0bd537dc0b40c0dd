"""The one door in: every file from outside is read here, its size, depth and numbers limited first.

Each function either returns what it promises or raises :class:`InputError` with the file and the place.
Special files (pipes, devices, folders) are refused, so nothing waits for a writer that never comes.
"""

from __future__ import annotations

import json
import math
import os
import re
import stat
import tomllib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NoReturn

from refimpl.errors import InputError, shown
from workbench.files.fields import Fields, line_numbers

KIB, MIB = 1024, 1024**2
MOST_BYTES = 8 * MIB  # of a text; a parsed one takes up to 24 times its size
MOST_BINARY = 4096 * MIB
MOST_DEPTH = 32
MOST_INTEGER = 2**63 - 1
SURROGATE = re.compile("[\ud800-\udfff]")
KINDS = ((stat.S_ISDIR, "a folder"), (stat.S_ISFIFO, "a pipe"), (stat.S_ISSOCK, "a socket"),
         (stat.S_ISCHR, "a device"), (stat.S_ISBLK, "a device"))  # fmt: skip


def reason(error: OSError | ValueError) -> str:
    """Why the system refused, in its own words."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def exists(path: Path) -> bool:
    """Whether there is a file or folder; a name that the system cannot have is none."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


@contextmanager
def opened(path: Path, what: str = "the file", most: int = MOST_BINARY) -> Iterator[IO[bytes]]:
    """An ordinary file of at most ``most`` bytes, open for reading; ``what`` names it in a sentence."""
    try:
        # Not blocking: opening a pipe that nobody writes would wait for ever.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except (OSError, ValueError) as error:  # ValueError: a name with a null character
        raise InputError(f"{what} {path} cannot be read: {reason(error)}.") from error
    try:
        status = os.fstat(descriptor)
        for test, kind in KINDS:
            if test(status.st_mode):
                raise InputError(f"{what} {path} is {kind}; it must be an ordinary file.")
        if status.st_size > most:
            raise InputError(f"{what} {path} has {status.st_size:,} bytes; {most:,} are the limit.")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            yield file
    except OSError as error:
        raise InputError(f"{what} {path} cannot be read: {reason(error)}.") from error
    finally:
        os.close(descriptor)


def read_bytes(path: Path, what: str = "the file", most: int = MOST_BINARY) -> bytes:
    """All bytes of an ordinary file of at most ``most`` bytes; ``what`` names it in a sentence."""
    with opened(path, what, most) as file:
        return file.read(most)


def read_text(path: Path, what: str = "the file", most: int = MOST_BYTES) -> str:
    """An ordinary file as UTF-8 text; a byte order mark is passed over."""
    raw = read_bytes(path, what, most)
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{what} {path} is no UTF-8 text (byte {error.start:,}).") from error


def parse_json(text: str | bytes, where: str) -> Any:
    """A JSON value: no NaN, no infinity, no key twice, integers of 64 bits, lists 32 deep."""

    def constant(name: str) -> NoReturn:
        raise InputError(f"{where} holds {name}; a number must be finite.")

    def integer(digits: str) -> int:
        if len(digits) > 20 or abs(int(digits)) > MOST_INTEGER:
            raise InputError(f"{where} holds the number {digits[:20]}...; integers have up to 63 bits.")
        return int(digits)

    def number(digits: str) -> float:
        value = float(digits)
        return value if math.isfinite(value) else constant(digits[:20])

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            keys = [key for key, _ in pairs]
            twice = next(key for key in keys if keys.count(key) > 1)
            raise InputError(f"{where} has the key {twice!r} twice.")
        return found

    try:
        value = json.loads(text, parse_constant=constant, parse_int=integer, parse_float=number,
                           object_pairs_hook=unique)  # fmt: skip
    except json.JSONDecodeError as error:
        place = f"line {error.lineno} column {error.colno}"
        raise InputError(f"{where} is not valid JSON ({error.msg} at {place}).") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{where} is no UTF-8 text (byte {error.start:,}).") from error
    except RecursionError as error:
        raise InputError(f"{where} is nested more than {MOST_DEPTH} deep.") from error
    check_depth(value, where)
    return value


def read_json(path: Path, what: str = "the file", most: int = MOST_BYTES) -> Fields:
    """The JSON object in a file."""
    value = parse_json(read_text(path, what, most), f"{what} {path}")
    if not isinstance(value, dict):
        raise InputError(f"{what} {path} must hold a JSON object, in braces.")
    return Fields(f"{what} {path}", value)


def read_toml(path: Path, what: str = "the file", most: int = MIB) -> Fields:
    """The table in a TOML file; syntax errors carry tomllib's own line."""
    text = read_text(path, what, most)
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{what} {path} is not valid TOML: {error}.") from error
    except (RecursionError, ValueError) as error:  # ValueError: an integer of thousands of digits
        raise InputError(f"{what} {path} is nested too deep or holds too long a number.") from error
    check_depth(data, f"{what} {path}")
    return Fields(str(path), data, line_numbers(text))


def check_depth(value: Any, where: str) -> None:
    """Refuse nesting, numbers and half characters that no file of ours has."""
    level: list[Any] = [value]
    for _ in range(MOST_DEPTH):
        level = [inner for outer in level for inner in _inside(outer)]
        if not level:
            return
        for item in level:
            if isinstance(item, int) and abs(item) > MOST_INTEGER:
                raise InputError(f"{where} holds an integer of more than 63 bits.")
            if isinstance(item, float) and not math.isfinite(item):
                raise InputError(f"{where} holds {item}; a number must be finite.")
            if isinstance(item, str) and not item.isascii() and SURROGATE.search(item):
                raise InputError(f"{where} holds half a character, {shown(item)}; escapes come in pairs.")
    raise InputError(f"{where} is nested more than {MOST_DEPTH} deep.")


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return [*value, *value.values()]
    return value if isinstance(value, list) else ()
