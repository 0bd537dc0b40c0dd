"""Reading a TOML file strictly: every complaint is one sentence with the file and the line.

``tomllib`` reports no line numbers for what it has parsed, so :func:`line_numbers` finds the line of
each key in the text again: a scan for headers and keys, good enough to point at.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from mcusim.figures import BASES, Basis, Figure, Span
from refimpl.errors import InputError

KeyPath = tuple[str | int, ...]
T = TypeVar("T", bound=str)

_HEADER = re.compile(r"\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?")
_KEY = re.compile(r"\s*([A-Za-z0-9_\-.\"']+)\s*=")


def line_numbers(text: str) -> dict[KeyPath, int]:
    """Return the line (from 1) of each table header and of each key at the start of a line."""
    found: dict[KeyPath, int] = {}
    counts: dict[KeyPath, int] = {}
    here: KeyPath = ()
    for number, line in enumerate(text.splitlines(), 1):
        header, key = _HEADER.fullmatch(line), _KEY.match(line)
        if header is not None:
            here = ()
            for part in _parts(header[2]):
                here = (*here, part)
                if here in counts and part != _parts(header[2])[-1]:
                    here = (*here, counts[here])
            if header[1] == "[[":
                counts[here] = counts.get(here, -1) + 1
                found.setdefault(here, number)
                here = (*here, counts[here])
            found.setdefault(here, number)
        elif key is not None:
            found.setdefault((*here, *_parts(key[1])), number)
    return found


def _parts(dotted: str) -> list[str]:
    return [part.strip().strip("\"'") for part in dotted.split(".")]


@dataclass
class Table:
    """One table of a TOML file; each getter marks its key as known, :meth:`finish` refuses the rest."""

    path: Path
    data: Mapping[str, Any]
    lines: Mapping[KeyPath, int]
    keys: KeyPath = ()
    known: set[str] = field(default_factory=set)

    def error(self, message: str, key: str = "") -> InputError:
        """The sentence ``FILE line N: message``, N being that of ``key`` or of what encloses it."""
        where = (*self.keys, key) if key else self.keys
        while where and where not in self.lines:
            where = where[:-1]
        return InputError(f"{self.path} line {self.lines.get(where, 1)}: {message}")

    def label(self, key: str) -> str:
        """Dotted name of ``key`` for a sentence, list indices as in ``memory[0].size``."""
        text = ""
        for part in (*self.keys, key):
            text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
        return text

    def has(self, key: str) -> bool:
        self.known.add(key)
        return key in self.data

    def get(self, key: str, kind: type | tuple[type, ...], article: str) -> Any:
        """The value of a key that must be there and of ``kind`` (bool is not taken for a number)."""
        if not self.has(key):
            strange = [other for other in self.data if other not in self.known]
            near = next(iter(difflib.get_close_matches(key, strange, n=1)), "")
            hint = f" (there is {near!r} instead)" if near else ""
            raise self.error(f"{self.label(key)} is missing{hint}; it must be {article}.", near or key)
        value = self.data[key]
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            shown = "a table" if isinstance(value, dict) else repr(value)
            raise self.error(f"{self.label(key)} is {shown}; it must be {article}.", key)
        return value

    def text(self, key: str) -> str:
        value: str = self.get(key, str, "a text")
        if not value.strip():
            raise self.error(f"{self.label(key)} is empty; it must be a text.", key)
        return value

    def whole(self, key: str, least: int = 0) -> int:
        value: int = self.get(key, int, "a whole number")
        if value < least:
            raise self.error(f"{self.label(key)} is {value}; it must be at least {least}.", key)
        return value

    def choice(self, key: str, choices: tuple[T, ...]) -> T:
        value = self.text(key)
        for choice in choices:
            if value == choice:
                return choice
        near = difflib.get_close_matches(value, choices, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"it must be one of {', '.join(choices)}."
        raise self.error(f"{self.label(key)} is {value!r}; {hint}", key)

    def table(self, key: str) -> Table:
        return Table(self.path, self.get(key, dict, "a table"), self.lines, (*self.keys, key))

    def tables(self, key: str) -> list[Table]:
        """The tables of an array ``[[key]]``."""
        rows = self.get(key, list, f"one or more tables [[{self.label(key)}]]")
        if not rows or not all(isinstance(row, dict) for row in rows):
            raise self.error(f"{self.label(key)} must be one or more tables [[{self.label(key)}]].", key)
        return [Table(self.path, row, self.lines, (*self.keys, key, i)) for i, row in enumerate(rows)]

    def texts(self, key: str, choices: tuple[T, ...]) -> tuple[T, ...]:
        """A list of one or more of ``choices``, none twice."""
        values = self.get(key, list, f"a list of {', '.join(choices)}")
        chosen = tuple(choice for choice in choices if choice in values)
        if not values or len(values) != len(chosen):
            allowed = ", ".join(choices)
            raise self.error(f"{self.label(key)} is {values!r}; it must list some of {allowed}.", key)
        return chosen

    def figure(self, key: str, parse: Callable[[str, str], float] | None = None) -> Figure:
        """``{ value = ..., basis = ..., source = ... }``; ``parse`` reads a value with a unit."""
        row = self.table(key)
        label = row.label("value")
        if parse is None:
            value = float(row.get("value", (int, float), "a number without a unit"))
            if not 0 < value < 1e15:
                raise row.error(f"{label} is {value:g}; it must be a number above 0.", "value")
        else:
            written = row.get("value", str, "a text with a unit")
            try:
                value = parse(written, label)
            except InputError as error:
                raise row.error(str(error), "value") from error
        figure = Figure(value, row.basis(), row.text("source"))
        row.finish()
        return figure

    def count(self, key: str) -> Figure:
        """A :meth:`figure` without a unit whose value is a whole number."""
        figure = self.figure(key)
        if figure.value != round(figure.value):
            raise self.error(f"{self.label(key)} is {figure.value:g}; it must be a whole number.", key)
        return figure

    def span(self, key: str) -> Span:
        """``{ low = ..., high = ..., basis = ..., source = ... }``."""
        row = self.table(key)
        ends = [float(row.get(end, (int, float), "a number")) for end in ("low", "high")]
        if not 0 < ends[0] <= ends[1] < 1e15:
            raise row.error(f"{self.label(key)} runs from {ends[0]:g} to {ends[1]:g}; "
                            "low must be above 0 and no more than high.", "low")
        span = Span(ends[0], ends[1], row.basis(), row.text("source"))
        row.finish()
        return span

    def basis(self) -> Basis:
        return self.choice("basis", BASES)

    def finish(self) -> None:
        """Refuse keys that nothing asked for."""
        for key in self.data:
            if key not in self.known:
                known = sorted(self.known)
                near = difflib.get_close_matches(key, known, n=1)
                hint = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(known)}."
                raise self.error(f"there is no key {self.label(key)}; {hint}", key)


def read_table(path: Path) -> Table:
    """Parse the file at ``path``; syntax errors carry tomllib's own line."""
    try:
        text = path.read_text(encoding="utf-8")
        data = tomllib.loads(text)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text (byte {error.start}).") from error
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path} is not valid TOML: {error}.") from error
    return Table(path, data, line_numbers(text))
