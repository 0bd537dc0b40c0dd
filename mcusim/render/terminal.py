"""A run report for the terminal (rich): puzzle, regions, verdict, time, cycles, basis."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from rich import box
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from mcusim.report import AllPuzzles, Budget, CycleRow, PuzzleResult, RunReport, Seconds
from mcusim.units import format_bytes, format_seconds
from refimpl.fixedpoint import LOGIT_FRAC_BITS
from refimpl.tasks.show import show_sudoku
from refimpl.tasks.sudoku import from_tokens

BAR_WIDTH = 16
CYCLES_SHOWN = 12


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)


def span(time: Seconds) -> str:
    low, high = format_seconds(time.low), format_seconds(time.high)
    return low if low == high else f"{low} .. {high}"


def count(value: int) -> str:
    """A large count with four digits: 12.82 G."""
    for factor, unit in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if value >= factor:
            return f"{value / factor:.4g} {unit}"
    return str(value)


def _bar(share: float) -> Text:
    filled = min(BAR_WIDTH, round(share * BAR_WIDTH))
    style = "red" if share > 1 else "green"
    return Text("█" * filled, style) + Text("░" * (BAR_WIDTH - filled), "dim")


def _cosine(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.4f}"


def puzzle_view(result: PuzzleResult) -> RenderableType:
    """Question, prediction and answer side by side; the verdict on the answer under them."""
    grids = [from_tokens(np.array(tokens)) for tokens in (result.question, result.label, result.prediction)]
    question, label, prediction = grids
    judged = ("right", "bold green") if result.right else ("wrong", "bold red")
    line = Text.assemble(f"{result.origin}: the answer is ", judged,
                         f", {result.cells_right} of {result.cells} cells right; "
                         f"q_halt {result.q_halt / 2**LOGIT_FRAC_BITS:+.2f}")  # fmt: skip
    return Group(show_sudoku(question, label, prediction), line)


def accuracy_view(result: AllPuzzles) -> RenderableType:
    exact, cell = result.exact_right / result.puzzles, result.cells_right / result.cells
    return Text.from_markup(
        f"[bold]{100 * exact:.2f} %[/] puzzle-exact ({result.exact_right} of {result.puzzles}, 95 % interval "
        f"{100 * result.exact_low:.1f} to {100 * result.exact_high:.1f} %), "
        f"[bold]{100 * cell:.2f} %[/] of cells; "
        f"copying the input scores {100 * result.copy_floor_cell:.2f} % of cells. {result.origin}."
    )


def region_table(report: RunReport) -> Table:
    """``region, used, size, %``: the table every firmware engineer reads first."""
    table = _table(f"memory of {report.subject.part}")
    table.add_column("region")
    for heading in ("used B", "size B", "%"):
        table.add_column(heading, justify="right")
    table.add_column("")
    for region in report.regions:
        share = region.used / region.size
        percent = f"{100 * share:.1f}"
        table.add_row(region.region, f"{region.used:,}", f"{region.size:,}", percent, _bar(share))
    return table


def budget_table(budget: Budget) -> Table:
    """What the budget counts, largest first."""
    table = _table(f"budget {format_bytes(budget.limit)}")
    table.add_column("counted")
    table.add_column("bytes", justify="right")
    table.add_column("%", justify="right")
    for share in sorted(budget.shares, key=lambda s: -s.size):
        table.add_row(share.what, f"{share.size:,}", f"{100 * share.size / budget.limit:.1f}")
    table.add_section()
    table.add_row("everything", f"{budget.everything:,}", f"{100 * budget.everything / budget.limit:.1f}",
                  style="bold")  # fmt: skip
    only = budget.weights_only
    percent = f"{100 * only / budget.limit:.1f}"
    table.add_row("(weights only, as published)", f"{only:,}", percent, style="dim")
    return table


def verdict(report: RunReport) -> Text:
    """One line: fits or not, by how many bytes, counting what."""
    budget = report.budget
    limit = format_bytes(budget.limit)
    if report.fits:
        words = ("FITS", "bold green"), f" {limit} with {budget.limit - budget.everything:,} bytes to spare"
    else:
        reasons = [f"{limit}: {budget.missing:,} bytes missing"] if budget.missing else []
        reasons += [f"{r.region}: {r.missing:,} bytes missing" for r in report.regions if r.missing]
        words = ("DOES NOT FIT", "bold red"), " " + "; ".join(reasons)
    published = "fits" if budget.weights_only <= budget.limit else "does not fit"
    return Text.assemble(*words, " (image + arena + code).", (f" Weights only: {published}.", "dim"))


def cycle_table(cycles: Sequence[CycleRow]) -> Table:
    """One row an H cycle; the middle of a long run is left out (JSON has every row)."""
    table = _table("per recursion cycle")
    for heading in ("cycle", "step", "MACs", "requant.", "flash B", "time", "cos z_L", "cos z_H"):
        table.add_column(heading, justify="right", no_wrap=True)
    shown = list(cycles)
    gap = 0
    if len(shown) > CYCLES_SHOWN:
        head, tail = CYCLES_SHOWN * 2 // 3, CYCLES_SHOWN // 3
        gap = len(shown) - head - tail
        shown = [*shown[:head], *shown[-tail:]]
    for i, row in enumerate(shown):
        if gap and i == CYCLES_SHOWN * 2 // 3:
            table.add_row("…", f"+{gap}", *[""] * 6, style="dim")
        table.add_row(
            str(row.cycle + 1), str(row.step + 1), count(row.macs), count(row.requantizations),
            f"{row.flash_bytes:,}", format_seconds(row.time.high),
            _cosine(row.fidelity_L), _cosine(row.fidelity_H),
        )  # fmt: skip
    return table


def operator_table(report: RunReport) -> Table:
    table = _table("per operator, whole puzzle")
    table.add_column("operator")
    for heading in ("times", "MACs", "requant.", "flash B", "time"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("bound by")
    for row in report.operators:
        table.add_row(row.op, count(row.applications), count(row.macs), count(row.requantizations),
                      count(row.flash_bytes), format_seconds(row.time.high), row.bound_by)  # fmt: skip
    return table


def _sentences(report: RunReport) -> list[str]:
    subject, total, basis = report.subject, report.total, report.basis
    depth = f"{subject.H_cycles} H x {subject.L_cycles} L cycles, {subject.steps} ACT steps"
    figures = ", ".join(f"{number} {kind}" for kind, number in basis.counted)
    return [
        f"{total.calls} block calls ({depth}): {count(total.macs)} MACs, {count(total.requantizations)} "
        f"requantizations, {total.flash_bytes:,} B read from flash, {total.row_reads} row reads.",
        f"Estimated time [bold]{span(total.time)}[/] and energy {total.energy.low:.2g} .. "
        f"{total.energy.high:.2g} J "
        f"a puzzle on {subject.part_title}; times in the tables are estimates, the slow end.",
        f"The estimate rests on {figures} figures; weakest: {basis.weakest} ({basis.source}). Arena: whole "
        "operators one after another, no tiling.",
    ]


def render(report: RunReport) -> RenderableType:
    """The whole report."""
    subject = report.subject
    state = "trained" if subject.trained else "untrained, seeded weights"
    title = f"{subject.network} · {subject.weights} x int8 · carry {subject.carry} · {subject.part}"
    parts: list[RenderableType] = [
        Rule(title, style="dim"),
        Text(f"{count(subject.parameters)} parameters, {state}; requantization: {subject.rounding} rounding"),
    ]
    if report.puzzle is not None:
        parts.append(Padding(puzzle_view(report.puzzle), (1, 0)))
    if report.all_puzzles is not None:
        parts.append(Padding(accuracy_view(report.all_puzzles), (1, 0)))
    if not subject.trained:
        executed = report.cycles[0].crc32_H is not None
        done = "kernels executed on seeded tokens" if executed else "shapes counted, kernels not executed"
        parts.append(Padding(Text(f"accuracy n/a (untrained weights); {done}", "yellow"), (1, 0)))
    parts += [region_table(report), budget_table(report.budget), Padding(verdict(report), (1, 0))]
    parts += [Text(f"  - {remedy}") for remedy in report.remedies]
    parts += [operator_table(report), cycle_table(report.cycles)]
    parts += [Text.from_markup(sentence) for sentence in _sentences(report)]
    return Group(*parts)


def show(report: RunReport, console: Console | None = None) -> None:
    (console or Console()).print(render(report))
