"""A mapping read from outside, taken apart strictly: every complaint is one sentence with file and place.

``tomllib`` reports no line numbers for what it has parsed, so :func:`line_numbers` finds the line of
each key in the text again: a scan for headers and keys, good enough to point at.  JSON has no lines here;
the dotted name of the key is the place.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self, TypeVar

from refimpl.errors import LONGEST_NAME, InputError, nearest, shown

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
class Fields:
    """One table or object of a file; each getter marks its key as known, :meth:`finish` refuses the rest.

    ``where`` names the file; ``lines`` (of TOML) has the line of each key.
    """

    where: str
    data: Mapping[str, Any]
    lines: Mapping[KeyPath, int] | None = None
    keys: KeyPath = ()
    known: set[str] = field(default_factory=set)

    def error(self, message: str, key: str = "") -> InputError:
        """The sentence ``FILE line N: message``, N being that of ``key`` or of what encloses it."""
        if self.lines is None:
            return InputError(f"{self.where}: {message}")
        where = (*self.keys, key) if key else self.keys
        while where and where not in self.lines:
            where = where[:-1]
        return InputError(f"{self.where} line {self.lines.get(where, 1)}: {message}")

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
            near = nearest(key, [other for other in strange if len(other) < LONGEST_NAME])
            hint = f" (there is {near!r} instead)" if near else ""
            raise self.error(f"{self.label(key)} is missing{hint}; it must be {article}.", near or key)
        value = self.data[key]
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise self.error(f"{self.label(key)} is {shown(value)}; it must be {article}.", key)
        return value

    def text(self, key: str) -> str:
        value: str = self.get(key, str, "a text")
        if not value.strip():
            raise self.error(f"{self.label(key)} is empty; it must be a text.", key)
        return value

    def whole(self, key: str, least: int = 0, most: int = 2**63 - 1) -> int:
        value: int = self.get(key, int, "a whole number")
        if not least <= value <= most:
            limit = f"at least {least}" if value < least else f"at most {most:,}"
            raise self.error(f"{self.label(key)} is {value}; it must be {limit}.", key)
        return value

    def number(self, key: str) -> float:
        return float(self.get(key, (int, float), "a number"))

    def truth(self, key: str) -> bool:
        value: bool = self.get(key, bool, "true or false")
        return value

    def choice(self, key: str, choices: tuple[T, ...]) -> T:
        value = self.text(key)
        for choice in choices:
            if value == choice:
                return choice
        near = nearest(value, choices)
        hint = f"did you mean {near!r}?" if near else f"it must be one of {', '.join(choices)}."
        raise self.error(f"{self.label(key)} is {shown(value)}; {hint}", key)

    def table(self, key: str) -> Self:
        return self._below(self.get(key, dict, "a table" if self.lines is not None else "an object"), key)

    def tables(self, key: str) -> list[Self]:
        """The tables of an array ``[[key]]``, or the objects of a list; at least one."""
        toml = self.lines is not None
        form = f"one or more tables [[{self.label(key)}]]" if toml else "a list of one or more objects"
        rows = self.get(key, list, form)
        if not rows or not all(isinstance(row, dict) for row in rows):
            raise self.error(f"{self.label(key)} must be {form}.", key)
        return [self._below(row, key, i) for i, row in enumerate(rows)]

    def listed(self, key: str, kind: type | tuple[type, ...], article: str) -> list[Any]:
        """A list, possibly empty, whose elements are all of ``kind``."""
        values: list[Any] = self.get(key, list, f"a list of {article}")
        for i, value in enumerate(values):
            if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
                raise self.error(f"{self.label(key)}[{i}] is {shown(value)}; the list holds {article}.", key)
        return values

    def texts(self, key: str, choices: tuple[T, ...]) -> tuple[T, ...]:
        """A list of one or more of ``choices``, none twice."""
        values = self.get(key, list, f"a list of {', '.join(choices)}")
        chosen = tuple(choice for choice in choices if choice in values)
        if not values or len(values) != len(chosen):
            allowed = ", ".join(choices)
            raise self.error(f"{self.label(key)} is {shown(values)}; it must list some of {allowed}.", key)
        return chosen

    def _below(self, data: Mapping[str, Any], *keys: str | int) -> Self:
        return type(self)(self.where, data, self.lines, (*self.keys, *keys))

    def finish(self) -> None:
        """Refuse keys that nothing asked for."""
        for key in self.data:
            if key not in self.known:
                known = sorted(self.known)
                near = nearest(key, known)
                hint = f"did you mean {near!r}?" if near else f"known here: {', '.join(known)}."
                raise self.error(f"there is no key {self.label(key)[:LONGEST_NAME]}; {hint}", key)
