"""A sheet: tables, plots and sentences with the same facts as data, in any of the report's forms."""

from __future__ import annotations

import argparse
import io
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.text import Text

from workbench.files.outputs import write_file
from workbench.render.grid import Grid, drawn, markdown

FORMATS = ("text", "json", "md", "html", "svg")
WIDTH = 118
# Rich names a font on a server beside the local one; a picture asks no network.
_ELSEWHERE = re.compile(r',\s*url\("https?://[^)]*\) format\("[^"]*"\)')


@dataclass(frozen=True)
class Sheet:
    """``parts`` are tables and plots in order; ``data`` carries ``schema``."""

    title: str
    parts: tuple[Grid | Text, ...]
    sentences: tuple[str, ...]
    data: dict[str, Any]


def add_format(parser: argparse.ArgumentParser) -> None:
    """The options that :func:`show` and :func:`publish` obey."""
    parser.add_argument("--format", choices=FORMATS, default="text", help="form of the report (default text)")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the report there, not to the screen")


def show(sheet: Sheet, args: argparse.Namespace) -> None:
    """Print a sheet, or write it to a file, in the form that ``args`` ask for."""
    written = args.format in ("json", "md")
    publish(render(sheet, args.format) if written else rich_form(sheet), args, sheet.title)


def render(sheet: Sheet, form: str) -> str:
    """A sheet as JSON, Markdown, HTML or SVG."""
    if form == "json":
        return as_json(sheet.data)
    if form == "md":
        parts = (f"```\n{p.plain.strip()}\n```" if isinstance(p, Text) else markdown(p) for p in sheet.parts)
        return "\n\n".join([f"## {sheet.title}", *parts, *sheet.sentences]) + "\n"
    return picture(rich_form(sheet), form, sheet.title)


def as_json(data: dict[str, Any]) -> str:
    """The one layout of JSON reports."""
    return json.dumps(data, indent=1) + "\n"


def publish(report: RenderableType, args: argparse.Namespace, title: str, width: int = WIDTH) -> None:
    """Print ``report``, or write it to ``--out``: a string as it is, anything else through rich."""
    if args.format in ("html", "svg"):
        report = picture(report, args.format, title, width)
    if args.out is None:
        if isinstance(report, str):
            print(report, end="")
        else:
            Console().print(report)
        return
    if not isinstance(report, str):
        plain = Console(width=width, file=io.StringIO())
        with plain.capture() as captured:
            plain.print(report)
        report = captured.get()
    write_file(args.out, report.encode())


def picture(report: RenderableType, form: str, title: str, width: int = WIDTH) -> str:
    """What a terminal of ``width`` columns would show, as SVG or HTML."""
    console = Console(record=True, width=width, file=io.StringIO(), force_terminal=True)
    console.print(report)
    if form == "svg":
        # A fixed id keeps equal reports equal files.
        return _ELSEWHERE.sub("", console.export_svg(title=title, unique_id="report"))
    return console.export_html(inline_styles=True)


def rich_form(sheet: Sheet) -> RenderableType:
    """A sheet for a terminal."""
    parts = (Padding(p, (0, 0, 1, 2)) if isinstance(p, Text) else drawn(p) for p in sheet.parts)
    return Group(Rule(sheet.title, style="dim"), *parts, *(Text(sentence) for sentence in sheet.sentences))
