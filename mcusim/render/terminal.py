"""A run report for the terminal (rich), and rich's own SVG and HTML of it."""

from __future__ import annotations

import numpy as np
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.text import Text

from mcusim.render import grids
from mcusim.report import PuzzleResult, RunReport
from refimpl.fixedpoint import LOGIT_FRAC_BITS
from workbench.render.grid import drawn
from workbench.tasks.show import show_tokens

BAR_WIDTH = 16
WIDTH = 84


def _bar(share: float) -> Text:
    filled = min(BAR_WIDTH, round(share * BAR_WIDTH))
    return Text.assemble(("█" * filled, "red" if share > 1 else "green"), ("░" * (BAR_WIDTH - filled), "dim"))


def puzzle(report: RunReport, result: PuzzleResult) -> RenderableType:
    """Question, prediction and answer side by side; the verdict on the answer under them."""
    grids_shown = map(np.array, (result.question, result.label, result.prediction))
    style = "bold green" if result.right else "bold red" if result.right is not None else "yellow"
    judged, cells = grids.judged(report, result)
    q_halt = f"q_halt {result.q_halt / 2**LOGIT_FRAC_BITS:+.2f}"
    line = Text.assemble(f"{result.origin}: the answer is ", (judged, style), f"{cells}; {q_halt}")
    return Group(show_tokens(result.task, *grids_shown), line)


def render(report: RunReport) -> RenderableType:
    """The whole report."""
    parts: list[RenderableType] = [Rule(grids.title(report), style="dim"), Text(grids.subtitle(report))]
    if report.puzzle is not None:
        parts.append(Padding(puzzle(report, report.puzzle), (1, 0)))
    if report.all_puzzles is not None:
        parts.append(Padding(Text(grids.accuracy(report)), (1, 0)))
        histogram = grids.stopping(report)
        if histogram is not None:
            parts.append(drawn(histogram))
        parts += [Text(sentence) for sentence in grids.stopped(report)]
    if report.puzzle is None:
        parts.append(Padding(Text(grids.unanswered(report), "yellow"), (1, 0)))
    bars = [_bar(region.used / region.size) for region in report.regions]
    word, reason, aside = grids.verdict(report)
    style = "bold green" if report.fits else "bold red"
    verdict = Text.assemble((word, style), f" {reason} ", (aside, "dim"))
    parts += [drawn(grids.regions(report), bars), drawn(grids.budget(report.budget))]
    parts.append(Padding(verdict, (1, 0)))
    parts += [Text(f"  - {remedy}") for remedy in report.remedies]
    parts += [drawn(grids.operators(report)), drawn(grids.cycles(report.cycles))]
    parts += [Text(sentence) for sentence in grids.sentences(report)]
    return Group(*parts)
