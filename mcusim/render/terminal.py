"""A run report for the terminal (rich), and rich's own SVG and HTML of it."""

from __future__ import annotations

import io
from typing import Literal

import numpy as np
from rich import box
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from mcusim.render import grids
from mcusim.render.grids import Grid
from mcusim.report import PuzzleResult, RunReport
from refimpl.fixedpoint import LOGIT_FRAC_BITS
from workbench.tasks.show import show_tokens

BAR_WIDTH = 16
EXPORT_WIDTH = 84


def _bar(share: float) -> Text:
    filled = min(BAR_WIDTH, round(share * BAR_WIDTH))
    return Text.assemble(("█" * filled, "red" if share > 1 else "green"), ("░" * (BAR_WIDTH - filled), "dim"))


def table(grid: Grid, bars: list[Text] | None = None) -> Table:
    """A grid as a rich table, with a bar behind each row where given."""
    drawn = Table(title=grid.title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    for i, heading in enumerate(grid.headings):
        drawn.add_column(heading, justify="left" if i < grid.left else "right",
                         no_wrap=i not in grid.folded)  # fmt: skip
    if bars is not None:
        drawn.add_column("")
    for i, row in enumerate(grid.rows):
        style = "bold" if i in grid.strong else "dim" if i in grid.weak else None
        drawn.add_row(*row, *([bars[i]] if bars else []), style=style, end_section=i + 1 in grid.strong)
    return drawn


def puzzle(result: PuzzleResult) -> RenderableType:
    """Question, prediction and answer side by side; the verdict on the answer under them."""
    grids_shown = map(np.array, (result.question, result.label, result.prediction))
    judged = ("right", "bold green") if result.right else ("wrong", "bold red")
    cells = f"{result.cells_right} of {result.cells} cells right"
    q_halt = f"q_halt {result.q_halt / 2**LOGIT_FRAC_BITS:+.2f}"
    line = Text.assemble(f"{result.origin}: the answer is ", judged, f", {cells}; {q_halt}")
    return Group(show_tokens(result.task, *grids_shown), line)


def render(report: RunReport) -> RenderableType:
    """The whole report."""
    parts: list[RenderableType] = [Rule(grids.title(report), style="dim"), Text(grids.subtitle(report))]
    if report.puzzle is not None:
        parts.append(Padding(puzzle(report.puzzle), (1, 0)))
    if report.all_puzzles is not None:
        parts.append(Padding(Text(grids.accuracy(report)), (1, 0)))
    if report.puzzle is None:
        parts.append(Padding(Text(grids.unanswered(report), "yellow"), (1, 0)))
    bars = [_bar(region.used / region.size) for region in report.regions]
    word, reason, aside = grids.verdict(report)
    style = "bold green" if report.fits else "bold red"
    verdict = Text.assemble((word, style), f" {reason} ", (aside, "dim"))
    parts += [table(grids.regions(report), bars), table(grids.budget(report.budget))]
    parts.append(Padding(verdict, (1, 0)))
    parts += [Text(f"  - {remedy}") for remedy in report.remedies]
    parts += [table(grids.operators(report)), table(grids.cycles(report.cycles))]
    parts += [Text(sentence) for sentence in grids.sentences(report)]
    return Group(*parts)


def export(report: RunReport, form: Literal["svg", "html"]) -> str:
    """The terminal's picture as SVG or HTML."""
    console = Console(record=True, width=EXPORT_WIDTH, file=io.StringIO(), force_terminal=True)
    console.print(render(report))
    if form == "svg":
        # A fixed id keeps equal reports equal files.
        return console.export_svg(title="mcusim run", unique_id="mcusim")
    return console.export_html(inline_styles=True)
