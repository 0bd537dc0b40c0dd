"""A sheet: grids and sentences with the same facts as data, in any of the report's forms."""

from __future__ import annotations

import argparse
import io
import json
from dataclasses import dataclass
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.text import Text

from mcusim.render import markdown, terminal
from mcusim.render.grids import Grid

FORMATS = ("text", "json", "md", "html", "svg")
WIDTH = 118


@dataclass(frozen=True)
class Sheet:
    """``drawing`` is a plot of fixed-width lines, or empty; ``data`` carries ``schema``."""

    title: str
    grids: tuple[Grid, ...]
    sentences: tuple[str, ...]
    data: dict[str, Any]
    drawing: str = ""


def add_format(parser: argparse.ArgumentParser) -> None:
    """The option that :func:`show` obeys."""
    parser.add_argument("--format", choices=FORMATS, default="text", help="form of the report")


def show(sheet: Sheet, form: str) -> None:
    """Print a sheet."""
    if form == "text":
        Console().print(_drawn(sheet))
    else:
        print(render(sheet, form), end="")


def render(sheet: Sheet, form: str) -> str:
    """A sheet as JSON, Markdown, HTML or SVG."""
    if form == "json":
        return json.dumps(sheet.data, indent=1) + "\n"
    if form == "md":
        parts = [f"## {sheet.title}", *map(markdown.table, sheet.grids)]
        parts += [f"```\n{sheet.drawing}\n```"] if sheet.drawing else []
        return "\n\n".join([*parts, *sheet.sentences]) + "\n"
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    console.print(_drawn(sheet))
    if form == "svg":
        return console.export_svg(title=sheet.title, unique_id="mcusim")
    return console.export_html(inline_styles=True)


def _drawn(sheet: Sheet) -> RenderableType:
    parts: list[RenderableType] = [Rule(sheet.title, style="dim"), *map(terminal.table, sheet.grids)]
    if sheet.drawing:
        parts.append(Padding(Text(sheet.drawing), (0, 0, 1, 2)))
    return Group(*parts, *(Text(sentence) for sentence in sheet.sentences))
