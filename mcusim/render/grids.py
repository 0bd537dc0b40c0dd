"""The report's tables and sentences as plain text cells: what every form of the report prints."""

from __future__ import annotations

from collections.abc import Sequence

from mcusim.report import Basis, Budget, Cost, CycleRow, PuzzleResult, RunReport
from mcusim.units import format_bytes, format_joules, format_seconds, format_size, format_times
from refimpl.models.halting import StopRule
from workbench.host import products
from workbench.render.grid import Grid
from workbench.stop_text import parse_stop

CYCLES_SHOWN = 12


def count(value: int) -> str:
    """A large count with four digits: 12.82 G."""
    for factor, unit in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if value >= factor:
            return f"{value / factor:.4g} {unit}"
    return str(value)


def percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f}"


def _cosine(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.4f}"


def regions(report: RunReport) -> Grid:
    """``region, used, size, %``: the table every firmware engineer reads first."""
    rows = tuple((r.region, f"{r.used:,}", f"{r.size:,}", percent(r.used, r.size)) for r in report.regions)
    return Grid(f"memory of {report.subject.part}", ("region", "used B", "size B", "%"), rows)


def budget(counted: Budget) -> Grid:
    """What the budget counts, largest first, then both readings of the sum."""
    shares = sorted(counted.shares, key=lambda share: -share.size)
    sums = (("everything", counted.everything), ("(weights only, as published)", counted.weights_only))
    sizes = (*((share.what, share.size) for share in shares), *sums)
    rows = tuple((what, f"{size:,}", percent(size, counted.limit)) for what, size in sizes)
    title = f"budget {format_bytes(counted.limit)}"
    return Grid(title, ("counted", "bytes", "%"), rows, strong=(len(shares),), weak=(len(shares) + 1,))


def operators(report: RunReport) -> Grid:
    """All applications of each operator, the slowest first."""
    rows = tuple(
        (o.op, o.bound_by, count(o.applications), count(o.macs), count(o.requantizations),
         count(o.flash_bytes), format_seconds(o.time.high))
        for o in report.operators
    )  # fmt: skip
    headings = ("operator", "bound by", "times", "MACs", "requant.", "flash B", "time")
    return Grid("per operator, whole puzzle", headings, rows, left=2)


def cycles(rows: Sequence[CycleRow], every: bool = False) -> Grid:
    """One row an H cycle; the middle of a long run is left out unless ``every`` row is wanted."""
    cells = [
        (str(r.cycle + 1), str(r.step + 1), count(r.macs), count(r.requantizations), f"{r.flash_bytes:,}",
         format_seconds(r.time.high), _cosine(r.fidelity_L), _cosine(r.fidelity_H))
        for r in rows
    ]  # fmt: skip
    weak: tuple[int, ...] = ()
    if len(cells) > CYCLES_SHOWN and not every:
        head, tail = CYCLES_SHOWN * 2 // 3, CYCLES_SHOWN // 3
        gap = ("…", f"+{len(cells) - head - tail}", "", "", "", "", "", "")
        cells, weak = [*cells[:head], gap, *cells[-tail:]], (head,)
    headings = ("cycle", "step", "MACs", "requant.", "flash B", "time", "cos z_L", "cos z_H")
    return Grid("per recursion cycle", headings, tuple(cells), left=0, weak=weak)


def title(report: RunReport) -> str:
    subject = report.subject
    return f"{subject.network} · {formats(report)} · {subject.part}"


def formats(report: RunReport) -> str:
    """Of the program, and of the second one that its stop rule may have."""
    by = rule_of(report).by
    return f"{report.subject.format}, then {by}" if by else report.subject.format


def subtitle(report: RunReport) -> str:
    subject = report.subject
    state = "trained" if subject.trained else "untrained, seeded weights"
    return f"{count(subject.parameters)} parameters, {state}"


def rule_of(report: RunReport) -> StopRule:
    """The stop rule of a run; why a deployment's own gave way stands behind it in its report."""
    return parse_stop(report.subject.stop.partition(" ")[0])


def judged(report: RunReport, result: PuzzleResult) -> tuple[str, str]:
    """The word on an answer, and how it came about or how many of its cells are right.

    Under a stop rule an answer is given only where the rule stopped the run and the task's rules are kept.
    """
    cells = f", {result.cells_right} of {result.cells} cells right"
    if result.right is None:
        word, cells = "n/a", " (the puzzle has no label)"
    else:
        word = "right" if result.right else "wrong"
    rule = rule_of(report)
    if rule.kind == "fixed":
        return word, cells
    way = "settled" if rule.asks_state else "halted"
    tries = len(result.tries)
    if tries > report.subject.retries > 0 and not (result.stopped and result.keeps_rules):
        return "NO ANSWER", f" (refused in {tries} tries, {sum(result.tries)} steps)"
    if not result.stopped:
        return "NO ANSWER", f" (not {way} in {result.steps} steps)"
    done = f"{way} at step {result.steps} of {report.subject.steps}" + f", try {tries}" * (tries > 1)
    if not result.keeps_rules:
        return "NO ANSWER", f" ({done}, and breaks the rules)"
    return word.upper() if result.right is not None else word, f" ({done}){cells}"


def unanswered(report: RunReport) -> str:
    """Why there is no answer to judge, or nothing."""
    if report.puzzle is not None:
        return ""
    if report.subject.trained:
        return "not executed: the plan does not fit"
    executed = report.total.high_water is not None
    done = "kernels executed on seeded tokens" if executed else "shapes counted, kernels not executed"
    return f"accuracy n/a (untrained weights); {done}"


def stopping(report: RunReport) -> Grid | None:
    """How many puzzles took how many steps, with what they cost; None where no rule stops runs early."""
    found = None if report.all_puzzles is None else report.all_puzzles.stopping
    if found is None:
        return None
    most, puzzles = max(found.steps), sum(found.steps)
    rows = tuple(
        (str(n), str(times), percent(times, puzzles), "█" * round(24 * times / most))
        for n, times in enumerate(found.steps) if n and (times or n <= report.subject.steps)
    )  # fmt: skip
    title = f"ACT steps under {found.rule}" + ", all tries" * (len(found.by_try) > 1)
    return Grid(title, ("steps", "puzzles", "%", ""), rows, left=0)


def stopped(report: RunReport) -> tuple[str, ...]:
    """What a stop rule accepted and withheld over all puzzles, and what runs cost; nothing without one."""
    found = None if report.all_puzzles is None else report.all_puzzles.stopping
    if found is None:
        return ()
    puzzles, more = sum(found.steps), len(found.by_try) > 1
    low, high = (100 * end for end in found.accepted_interval)
    wrong = "n/a" if found.wrong_interval is None else (
        f"{100 * found.accepted_wrong / found.accepted:.2f} %, 95 % interval to "
        f"{100 * found.wrong_interval[1]:.2f} %"
    )
    costs = ((f"mean {found.costs.mean.steps:.2f}", found.costs.mean),
             (f"95th percentile {found.costs.percentile_95.steps:.0f}", found.costs.percentile_95),
             (f"worst {found.costs.worst.steps:.0f}", found.costs.worst))  # fmt: skip
    return (
        f"Accepted {found.accepted} of {puzzles} ({100 * found.accepted / puzzles:.1f} %, 95 % interval "
        f"{low:.1f} to {high:.1f} %)" + (f", by try {' + '.join(map(str, found.by_try))}" if more else "")
        + f"; wrong among them {found.accepted_wrong} ({wrong}); withheld {puzzles - found.accepted} "
        f"({100 - high:.1f} to {100 - low:.1f} %), {found.withheld_right} of them right.",
        "Steps a puzzle, estimated: " + "; ".join(f"{what} = {_cost(c)}" for what, c in costs) + ".",
    )  # fmt: skip


def _cost(cost: Cost) -> str:
    time, energy = cost.time, cost.energy
    return (f"{format_times(time.low, time.high)}, {format_joules(energy.low, energy.high)}, "
            f"{count(round(cost.flash_bytes))} B of flash")  # fmt: skip


def accuracy(report: RunReport) -> str:
    """The sentence about all puzzles, or nothing."""
    everyone = report.all_puzzles
    if everyone is None:
        return ""
    exact, cell = everyone.exact_right / everyone.puzzles, everyone.cells_right / everyone.cells
    return (
        f"{100 * exact:.2f} % puzzle-exact ({everyone.exact_right} of {everyone.puzzles}, 95 % interval "
        f"{100 * everyone.exact_low:.1f} to {100 * everyone.exact_high:.1f} %), {100 * cell:.2f} % of cells; "
        f"copying the input scores {100 * everyone.copy_floor_cell:.2f} % of cells. {everyone.origin}."
    )


def verdict(report: RunReport) -> tuple[str, str, str]:
    """(FITS or DOES NOT FIT, by how many bytes and counting what, the published reading)."""
    counted = report.budget
    limit = format_bytes(counted.limit)
    published = "fits" if counted.weights_only <= counted.limit else "does not fit"
    aside = f"Weights only: {published}."
    if report.fits:
        spare = counted.limit - counted.everything
        reason = f"{limit} with {spare:,} bytes to spare (image + arena + program)."
        return "FITS", f"{reason} {memories(report)}", aside
    reasons = [f"{limit}: {counted.missing:,} bytes missing"] if counted.missing else []
    reasons += [report.refusal.rstrip(".")] if report.refusal else []
    reasons += [
        f"{r.region}: {r.missing:,} bytes missing for {', '.join(f'{s.what} {s.size:,}' for s in r.holds)}"
        for r in report.regions
        if r.missing
    ]
    return "DOES NOT FIT", "; ".join(reasons) + f" (image + arena + program). {memories(report)}", aside


def memories(report: RunReport) -> str:
    """Which memories are used, which of them are chips of their own, and whether those are needed."""
    inner = " + ".join(r.region for r in report.regions if not r.external)
    outer = " + ".join(
        f"{r.region} ({r.size_basis}, {format_size(r.size)})" for r in report.regions if r.external
    )
    if not outer:
        return f"Uses internal {inner}; no external memory."
    alone = "would fit too" if report.inside else "does not fit"
    return f"Uses internal {inner} and external {outer}; internal memory alone {alone}."


def _measured(report: RunReport) -> str:
    """What the execution measured beside what the plan says."""
    total = report.total
    if total.high_water is None:
        return "Not executed."
    said = (f"Executed tile by tile (products here: {products()}): {total.high_water:,} B of arena touched, "
            f"{total.row_reads:,} row reads")
    if total.table_reads:
        said += f", {total.table_reads} read of {total.table_bytes:,} B from the table file"
    return said + "."


def error_bar(basis: Basis) -> str:
    """How far time and energy may be off, and what says so."""
    return (
        f"Computing time ±{100 * basis.time_error:.0f} % ({basis.time_basis}), energy a cycle within a "
        f"factor of {basis.energy_factor:.1f} ({basis.energy_basis}); docs/validation.md."
    )


def sentences(report: RunReport) -> tuple[str, ...]:
    """Totals, estimates and what they rest on."""
    subject, total, basis = report.subject, report.total, report.basis
    tries = (subject.steps,) if report.puzzle is None else report.puzzle.tries
    steps = f"{tries[0]} of {subject.steps}" if tries[0] < subject.steps else f"{subject.steps}"
    steps = steps if len(tries) == 1 else f"{' + '.join(map(str, tries))}"
    depth = f"{subject.H_cycles} H x {subject.L_cycles} L cycles, {steps} ACT steps"
    figures = ", ".join(f"{number} {kind}" for kind, number in basis.counted)
    return (
        f"{total.calls} block calls ({depth}): {count(total.macs)} MACs, {count(total.requantizations)} "
        f"requantizations, {total.flash_bytes:,} B read from flash, {total.row_bytes:,} of them embedding "
        "rows.",
        f"Plan {subject.plan} (tiles, see mcusim plan). {_measured(report)}",
        f"Estimated: {format_times(total.time.low, total.time.high)} and "
        f"{format_joules(total.energy.low, total.energy.high)} a puzzle on "
        f"{subject.part_title}; times in the tables are estimates, the slow end. {error_bar(basis)}",
        f"The estimate rests on {figures} figures; one of the weakest: {basis.weakest} ({basis.source}).",
    )
