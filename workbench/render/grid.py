"""A table of plain text cells, and its two forms: Markdown and the terminal's (rich)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from rich import box
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

WIDEST, FOLDED = 10_000, 16  # columns; those that a column of prose takes at least


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


@dataclass(frozen=True)
class _Drawn:
    """A grid in a terminal.

    No cell is cut: a first column of more than half the width is taken as prose, and where columns find no
    room, the rest of them stand in tables below, under the same first column.
    """

    grid: Grid
    bars: Sequence[Text] | None

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        grid = self.grid
        longest = max((len(row[0]) for row in grid.rows), default=0)
        if 0 not in grid.folded and 2 * longest > options.max_width:
            grid = replace(grid, folded=(0, *grid.folded))
            yield from replace(self, grid=grid).__rich_console__(console, options)
            return
        yield Text(grid.title, style="bold")
        shown: list[int] = []
        for column in range(len(grid.headings)):
            if len(shown) > 1 and self._width([*shown, column], console, options) > options.max_width:
                yield self._table(shown)
                shown = [0]
            shown.append(column)
        yield self._table(shown)
        if grid.note:
            yield Text(grid.note + "\n", style="dim")

    def _width(self, shown: Sequence[int], console: Console, options: ConsoleOptions) -> int:
        table = self._table(shown, FOLDED)
        return Measurement.get(console, options.update(max_width=WIDEST), table).maximum

    def _table(self, shown: Sequence[int], folded: int = WIDEST) -> Table:
        """Columns ``shown``, of prose the first ``folded`` characters."""
        grid, behind = self.grid, self.bars if shown[-1] == len(self.grid.headings) - 1 else None
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
        for i in shown:
            table.add_column(Text(grid.headings[i]), justify="left" if i < grid.left else "right",
                             no_wrap=i not in grid.folded, overflow="fold")  # fmt: skip
        if behind is not None:
            table.add_column("", no_wrap=True)
        for i, row in enumerate(grid.rows):
            style = "bold" if i in grid.strong else "dim" if i in grid.weak else None
            tail = [] if behind is None else [behind[i]]
            cells = (Text(row[k][:folded] if k in grid.folded else row[k]) for k in shown)
            table.add_row(*cells, *tail, style=style,
                          end_section=i + 1 in grid.strong)  # fmt: skip
        return table


def drawn(grid: Grid, bars: Sequence[Text] | None = None) -> RenderableType:
    """A grid under its title, with a bar behind each row where given."""
    return _Drawn(grid, bars)


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
