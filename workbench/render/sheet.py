"""A sheet: tables, plots and sentences with the same facts as data, in any of the report's forms."""

from __future__ import annotations

import argparse
import io
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.rule import Rule
from rich.text import Text

from workbench.files.outputs import make_folder, write_file
from workbench.render.grid import Grid, drawn, markdown
from workbench.render.page import all_plots, page
from workbench.render.plot import Plot
from workbench.render.plot import drawn as drawn_plot

FORMATS = ("text", "json", "md", "svg")
WIDTH, NAME_LENGTH = 118, 60
# Rich names a font on a server beside the local one; a picture asks no network.
_ELSEWHERE = re.compile(r',\s*url\("https?://[^)]*\) format\("[^"]*"\)')


@dataclass(frozen=True)
class Sheet:
    """``parts`` are tables in order, ``data`` carries ``schema``; ``plots`` and the ``head`` above them stand
    in a page alone."""

    title: str
    parts: tuple[Grid, ...]
    sentences: tuple[str, ...]
    data: dict[str, Any]
    plots: tuple[Plot, ...] = ()
    head: tuple[str, ...] = ()


def add_format(parser: argparse.ArgumentParser) -> None:
    """The options that :func:`show` and :func:`publish` obey."""
    parser.add_argument("--format", choices=FORMATS, default="text", help="form of the report (default text)")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the report there, not to the screen")
    add_html(parser)


def add_html(parser: argparse.ArgumentParser) -> None:
    """The options that :func:`write_page` obeys."""
    parser.add_argument("--html", type=Path, metavar="FILE", help="write plots and tables into one HTML "
                        "file as well (extra viz)")  # fmt: skip
    parser.add_argument("--plots", type=Path, metavar="FOLDER", help="write each plot there as SVG and PDF "
                        "as well (extra viz)")  # fmt: skip


def write_page(sheet: Sheet, args: argparse.Namespace, head: Sequence[str] = (), screen: str = "") -> None:
    """Write what ``--html`` and ``--plots`` ask for; ``head`` and ``screen`` stand above the sheet."""
    if getattr(args, "html", None) is not None:
        text = page(sheet.title, head, sheet.plots, sheet.parts, sheet.sentences,
                    getattr(args, "made_by", ""), screen)  # fmt: skip
        write_file(args.html, text)
    if getattr(args, "plots", None) is not None:
        make_folder(args.plots)
        for number, plot in enumerate(all_plots(sheet.plots, sheet.parts), 1):
            name = re.sub("[^a-z0-9]+", "-", plot.title.lower()).strip("-")[:NAME_LENGTH]
            for form in ("svg", "pdf"):
                write_file(args.plots / f"{number:02}-{name}.{form}", drawn_plot(plot, form))


def show(sheet: Sheet, args: argparse.Namespace) -> None:
    """Print a sheet, or write it to a file, in the form that ``args`` ask for."""
    written = args.format in ("json", "md")
    publish(render(sheet, args.format) if written else rich_form(sheet), args, sheet.title)
    write_page(sheet, args, sheet.head)


def render(sheet: Sheet, form: str) -> str:
    """A sheet as JSON, Markdown or SVG."""
    if form == "json":
        return as_json(sheet.data)
    if form == "md":
        return "\n\n".join([f"## {sheet.title}", *map(markdown, sheet.parts), *sheet.sentences]) + "\n"
    return picture(rich_form(sheet), sheet.title)


def as_json(data: dict[str, Any]) -> str:
    """The one layout of JSON reports."""
    return json.dumps(data, indent=1) + "\n"


def publish(report: RenderableType, args: argparse.Namespace, title: str, width: int = WIDTH) -> None:
    """Print ``report``, or write it to ``--out``: a string as it is, anything else through rich."""
    if args.format == "svg":
        report = picture(report, title, width)
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


def picture(report: RenderableType, title: str, width: int = WIDTH) -> str:
    """What a terminal of ``width`` columns would show, as SVG."""
    console = Console(record=True, width=width, file=io.StringIO(), force_terminal=True)
    console.print(report)
    # A fixed id keeps equal reports equal files.
    return _ELSEWHERE.sub("", console.export_svg(title=title, unique_id="report"))


def rich_form(sheet: Sheet) -> RenderableType:
    """A sheet for a terminal."""
    return Group(Rule(sheet.title, style="dim"), *map(drawn, sheet.parts),
                 *(Text(sentence) for sentence in sheet.sentences))
