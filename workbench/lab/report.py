"""Renderers of sweep results: rich tables and plots, Markdown, JSON; SVG through rich."""

from __future__ import annotations

import io
import json
from itertools import groupby
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from workbench.lab.cell import Result
from workbench.lab.comparison import Row, compare
from workbench.lab.plots import SYMBOLS, bars, curves

KIB, MIB, GIGA = 1024, 1024**2, 10**9
SVG_WIDTH = 100
MOST_CURVES = len(SYMBOLS)
KINDS = {"float": "float", "integer": "int", "emulated": "emu"}
ACCURACY = ("formats", "kind", "exact %", "95 %", "Δ pp", "-/+", "p", "cell %")
FIDELITY = ("formats", "fid (i)", "fid (ii)", "control", "noise", "package KiB", "traffic MiB", "GMAC")
LEGEND = (
    "formats: weights, activations, carry, rounding where single. int: integer-exact program; emu: "
    "float arithmetic on rounded weights and linear inputs. 95 %: Wilson interval. Δ, lost (-) and won (+) "
    "puzzles, p: against the float run on the same puzzles (exact McNemar). fid (i): cosine per position "
    "after the first ACT step; fid (ii): flattened cosine after the last; control: cosine of the last two "
    "carries; noise: weight noise (in standard deviations of a tensor) with the same fid (i). package "
    "stored; traffic and MACs a puzzle; conventions in workbench.lab.costs."
)


def accuracy_cells(row: Row) -> tuple[str, ...]:
    """The texts of one line, in the order of ACCURACY."""
    change, pairs, p = "", "", ""
    if row.paired is not None and row.change is not None:
        change = f"{100 * row.change:+.2f}"
        pairs = f"{row.paired.only_first}/{row.paired.only_second}"
        p = f"{row.paired.p_value:.2g}"
    interval = f"{100 * row.interval.low:.1f}-{100 * row.interval.high:.1f}"
    exact, cell = f"{100 * row.exact:.2f}", f"{100 * row.cell:.2f}"
    return row.formats, KINDS[row.kind], exact, interval, change, pairs, p, cell


def fidelity_cells(row: Row) -> tuple[str, ...]:
    """The texts of one line, in the order of FIDELITY."""
    result, costs = row.result, row.result.costs
    noise = "" if row.noise is None else f"{row.noise:.3g}"
    return (
        row.formats, f"{result.one_step:.4f}", f"{result.all_steps:.4f}", f"{result.consecutive:.4f}",
        noise,
        f"{costs.package_bytes / KIB:.1f}", f"{costs.traffic_bytes / MIB:.1f}", f"{costs.macs / GIGA:.2f}",
    )  # fmt: skip


def title_of(row: Row) -> str:
    """Network, depth, puzzles and the floor a network has to beat."""
    result = row.result
    return (
        f"{result.variant.network}, depth {row.depth}, {result.origin}; copying the input: "
        f"{100 * result.floor_exact / result.puzzles:.2f} % exact, "
        f"{100 * result.floor_cells / result.cells:.2f} % of cells"
    )


def grouped(rows: list[Row]) -> list[tuple[str, list[Row]]]:
    """Rows under their title."""
    return [(title, list(group)) for title, group in groupby(rows, title_of)]


def markdown(rows: list[Row]) -> str:
    """Tables as in docs/findings.md."""
    parts = []
    for title, group in grouped(rows):
        headings = (*ACCURACY, *FIDELITY[1:])
        lines = ["| " + " | ".join(headings) + " |", "|---|---|" + "---:|" * (len(headings) - 2)]
        lines += ["| " + " | ".join((*accuracy_cells(row), *fidelity_cells(row)[1:])) + " |" for row in group]
        parts.append(f"**{title}**\n\n" + "\n".join(lines))
    return "\n\n".join(parts) + f"\n\n{LEGEND}\n"


def as_json(rows: list[Row]) -> str:
    """One object a row, shares as numbers, without the per-puzzle marks."""
    return json.dumps([{
        "title": title_of(row), "variant": row.result.variant.to_dict(), "kind": row.kind, "exact": row.exact,
        "low": row.interval.low, "high": row.interval.high, "cell": row.cell, "change": row.change,
        "p_value": row.paired.p_value if row.paired else None, "one_step": row.result.one_step,
        "all_steps": row.result.all_steps, "consecutive": row.result.consecutive,
        "equivalent_noise": row.noise,
        "package_bytes": row.result.costs.package_bytes, "traffic_bytes": row.result.costs.traffic_bytes,
        "macs": row.result.costs.macs, "puzzles": row.result.puzzles,
    } for row in rows], indent=1)  # fmt: skip


def print_text(rows: list[Row], console: Console) -> None:
    """Tables, then a plot of each network and depth with more than one variant."""
    for title, group in grouped(rows):
        console.print(Text(title, style="bold"))
        for headings, texts in ((ACCURACY, accuracy_cells), (FIDELITY, fidelity_cells)):
            table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
            for heading in headings:
                left = heading in ("formats", "kind")
                table.add_column(heading, justify="left" if left else "right", no_wrap=True)
            for row in group:
                table.add_row(*map(Text, texts(row)))
            console.print(table)
        if len(group) > 1:
            series = {row.formats: row.result.by_step for row in group if row.result.by_step}
            if len(series) > 1:
                shown = dict(list(series.items())[:MOST_CURVES])
                console.print(curves("fidelity (ii) after every ACT step", shown, 0.0, 1.0, "ACT step"))
            console.print(bars("accuracy", [(row.formats, row.exact, row.cell) for row in group]))
    console.print(Text(LEGEND, style="dim"))


def render(results: list[Result], style: str, svg: Path | None) -> None:
    """Print ``results`` as ``text``, ``markdown`` or ``json``; save an SVG of the text form if asked."""
    rows = compare(results)
    if style == "json":
        print(as_json(rows))
    elif style == "markdown":
        print(markdown(rows))
    else:
        print_text(rows, Console())
    if svg is not None:
        recorder = Console(record=True, width=SVG_WIDTH, file=io.StringIO())
        print_text(rows, recorder)
        temporary = svg.with_name(svg.name + ".tmp")
        recorder.save_svg(str(temporary), title="refimpl report")
        temporary.replace(svg)
