"""What the TOML files of parts, cores and deployments have beside plain fields: figures with their basis."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mcusim.figures import BASES, Basis, Figure, Span
from refimpl.errors import InputError
from workbench.files.fields import Fields
from workbench.files.inputs import read_toml


@dataclass
class Table(Fields):
    """One table of a TOML file."""

    @property
    def path(self) -> Path:
        return Path(self.where)

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


def read_table(path: Path) -> Table:
    """The table in the file at ``path``."""
    read = read_toml(path)
    return Table(read.where, read.data, read.lines)
