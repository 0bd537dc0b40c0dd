"""A run report as Markdown, for pull requests and issues."""

from __future__ import annotations

from mcusim.render import grids
from mcusim.report import RunReport
from workbench.render.grid import markdown as table


def render(report: RunReport) -> str:
    """The whole report; of the puzzle where it came from and the verdict on the answer."""
    parts = [f"## {grids.title(report)}", grids.subtitle(report)]
    result = report.puzzle
    if result is not None:
        judged, cells = grids.judged(report, result)
        parts.append(f"{result.origin}: the answer is **{judged}**{cells}.")
    if report.all_puzzles is not None:
        parts.append(grids.accuracy(report))
        histogram = grids.stopping(report)
        parts += [] if histogram is None else [table(histogram)]
        parts += grids.stopped(report)
    if report.puzzle is None:
        parts.append(grids.unanswered(report))
    word, reason, aside = grids.verdict(report)
    parts += [table(grids.regions(report)), table(grids.budget(report.budget))]
    parts.append(f"**{word}** {reason} {aside}")
    if report.remedies:
        parts.append("\n".join(f"- {remedy}" for remedy in report.remedies))
    parts += [table(grids.operators(report)), table(grids.cycles(report.cycles)), *grids.sentences(report)]
    return "\n\n".join(parts) + "\n"
