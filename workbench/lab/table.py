"""A finding as a table: what every diagnosis returns, and its renderers."""

from __future__ import annotations

import io
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from refimpl.image import write_atomically
from workbench.lab.plots import curves

SVG_WIDTH = 100


@dataclass(frozen=True)
class Table:
    """``rows`` as printed; ``note`` says what the columns mean and what the numbers rest on.

    ``series``: curves against the call index, drawn below the table.
    """

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    series: dict[str, tuple[float, ...]] = field(default_factory=dict)


def as_markdown(tables: list[Table]) -> str:
    """Markdown, first column to the left."""
    parts = []
    for table in tables:
        lines = [f"**{table.title}**", "", "| " + " | ".join(table.headings) + " |",
                 "|---|" + "---:|" * (len(table.headings) - 1)]  # fmt: skip
        lines += ["| " + " | ".join(row) + " |" for row in table.rows]
        parts.append("\n".join([*lines, "", table.note]).rstrip())
    return "\n\n".join(parts) + "\n"


def print_tables(tables: list[Table], console: Console) -> None:
    """Plain rich tables."""
    for table in tables:
        console.print(Text(table.title, style="bold"))
        shown = RichTable(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
        for i, heading in enumerate(table.headings):
            shown.add_column(heading, justify="right" if i else "left")
        for row in table.rows:
            shown.add_row(*map(Text, row))
        console.print(shown)
        if table.series:
            values = [value for curve in table.series.values() for value in curve]
            console.print(curves(table.title, table.series, min(values), max(values)))
        if table.note:
            console.print(Text(table.note, style="dim"))


def save(tables: list[Table], path: Path) -> None:
    """Write the tables as JSON."""
    text = json.dumps([asdict(table) for table in tables], indent=1, ensure_ascii=False)
    write_atomically(path, (text + "\n").encode())


def save_svg(tables: list[Table], path: Path) -> None:
    """Save what :func:`print_tables` shows, through rich's own export."""
    recorder = Console(record=True, width=SVG_WIDTH, file=io.StringIO())
    print_tables(tables, recorder)
    write_atomically(path, recorder.export_svg(title="refimpl diagnose").encode())


def percent(share: float) -> str:
    return f"{100 * share:.2f}"
