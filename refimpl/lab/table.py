"""A finding as a table: what every diagnosis returns, and its renderers."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from refimpl.image import write_atomically


@dataclass(frozen=True)
class Table:
    """``rows`` as printed; ``note`` says what the columns mean and what the numbers rest on."""

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


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
        if table.note:
            console.print(Text(table.note, style="dim"))


def save(tables: list[Table], path: Path) -> None:
    """Write the tables as JSON."""
    text = json.dumps([asdict(table) for table in tables], indent=1, ensure_ascii=False)
    write_atomically(path, (text + "\n").encode())


def percent(share: float) -> str:
    return f"{100 * share:.2f}"
