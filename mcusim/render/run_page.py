"""A run as one HTML file: the screen, plots of memory, time and fidelity, and every table."""

from __future__ import annotations

import argparse

from mcusim.planner.plan import Plan
from mcusim.planner.target import Target
from mcusim.render import grids
from mcusim.render.memory import memory_map
from mcusim.render.screen import Screen
from mcusim.report import RunReport, to_json
from workbench.render.plot import Bars, Lines, Plot
from workbench.render.sheet import Sheet, write_page

SCREEN_WIDTH = 100


def write_run(plan: Plan, target: Target, screen: Screen, args: argparse.Namespace) -> None:
    """Write what ``--html`` and ``--plots`` ask for."""
    if args.html is None and args.plots is None:
        return
    report = screen.report
    tables = [grids.regions(report), grids.budget(report.budget), grids.operators(report),
              grids.cycles(report.cycles, every=True)]  # fmt: skip
    histogram = grids.stopping(report)
    tables += [] if histogram is None else [histogram]
    sentences = (*grids.stopped(report), *grids.sentences(report))
    lines = [line.plain for line in screen.lines(SCREEN_WIDTH)]
    plots = plots_of(report, plan, target)
    sheet = Sheet(grids.title(report), tuple(tables), sentences, to_json(report), plots)
    write_page(sheet, args, lines[1:3], "\n".join(lines))


def plots_of(report: RunReport, plan: Plan, target: Target) -> tuple[Plot, ...]:
    """Memory over time, time by operator, fidelity by cycle, steps that puzzles took."""
    found: list[Plot] = []
    held = memory_map(plan, target)
    if held is not None:
        found.append(held)
    rows = [(o.op, o.time.high) for o in report.operators]
    found.append(Bars("time by operator, slow end", "s a puzzle", rows))
    for_cycles = {
        name: [(row.cycle + 1, value) for row, value in zip(report.cycles, values, strict=True)
               if value is not None]
        for name, values in (("z_H", [row.fidelity_H for row in report.cycles]),
                             ("z_L", [row.fidelity_L for row in report.cycles]))
    }  # fmt: skip
    series = {name: ([x for x, _ in points], [y for _, y in points])
              for name, points in for_cycles.items() if points}  # fmt: skip
    if series:
        found.append(Lines("fidelity", "H cycle", "cosine to the float path", series))
    stopping = None if report.all_puzzles is None else report.all_puzzles.stopping
    if stopping is not None:
        counted = [(str(n), float(times)) for n, times in enumerate(stopping.steps) if n]
        found.append(Bars(f"ACT steps under {stopping.rule}", "puzzles", counted))
    return tuple(found)
