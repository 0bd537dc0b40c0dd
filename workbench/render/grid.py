"""A table of plain text cells, and its two forms: Markdown and the terminal's (rich)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from workbench.render.plots import curves


@dataclass(frozen=True)
class Grid:
    """A table: ``headings``, of which the first ``left`` columns are text and the rest are numbers.

    ``note`` says what the columns mean and what the numbers rest on; ``series`` are curves against the
    call index, drawn below a terminal's table.  ``strong`` and ``weak`` are the indices of emphasised and
    of subdued rows; ``folded`` are columns of prose that may take several lines.
    """

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    series: Mapping[str, Sequence[float]] = field(default_factory=dict)
    left: int = 1
    strong: tuple[int, ...] = ()
    weak: tuple[int, ...] = ()
    folded: tuple[int, ...] = ()

    @property
    def data(self) -> dict[str, Any]:
        """What it says, as plain data."""
        return {"title": self.title, "headings": self.headings, "rows": self.rows, "note": self.note,
                "series": dict(self.series)}  # fmt: skip


def drawn(grid: Grid, bars: Sequence[Text] | None = None) -> RenderableType:
    """A grid under its title, with a bar behind each row where given."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for i, heading in enumerate(grid.headings):
        table.add_column(Text(heading), justify="left" if i < grid.left else "right",
                         no_wrap=i not in grid.folded)  # fmt: skip
    if bars is not None:
        table.add_column("")
    for i, row in enumerate(grid.rows):
        style = "bold" if i in grid.strong else "dim" if i in grid.weak else None
        behind = [bars[i]] if bars else []
        table.add_row(*map(Text, row), *behind, style=style, end_section=i + 1 in grid.strong)
    parts: list[RenderableType] = [Text(grid.title, style="bold"), table]
    if grid.series:
        values = [value for series in grid.series.values() for value in series]
        parts.append(curves(grid.title, grid.series, min(values), max(values)))
    if grid.note:
        parts.append(Text(grid.note + "\n", style="dim"))
    return Group(*parts)


def markdown(grid: Grid) -> str:
    """A grid as a Markdown table under its title, its note below."""
    rule = ["---" if i < grid.left else "---:" for i in range(len(grid.headings))]
    lines = [grid.headings, tuple(rule)]
    for i, row in enumerate(grid.rows):
        lines.append(tuple(f"**{cell}**" for cell in row) if i in grid.strong else row)
    body = "\n".join("| " + " | ".join(cell.replace("\n", " ") for cell in line) + " |" for line in lines)
    return f"**{grid.title}**\n\n{body}" + (f"\n\n{grid.note}" if grid.note else "")


def percent(share: float) -> str:
    """A share of 1 with two decimals."""
    return f"{100 * share:.2f}"
