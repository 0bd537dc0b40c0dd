"""A run on one screen: verdict, accuracy and time first, then what they rest on, and what to do next.

At most LINES lines of any width from NARROW on; a column or an aside without room is left out whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from mcusim.account import Share
from mcusim.alternatives import Alternative
from mcusim.render import grids
from mcusim.report import AllPuzzles, RunReport, Span, StoppedPuzzles
from mcusim.units import KIB, format_joules, format_times
from workbench.render.lines import Column, bar, columns, fitted, sparkline, wrapped

LINES, NARROW, WIDE = 24, 60, 120
REGIONS, OTHERS = 4, 4
BAR_WIDTH, MARGIN, HISTOGRAM = 10, 7, 32
GOOD, BAD, WEAK = "bold green", "bold red", "dim"


@dataclass(frozen=True)
class Screen:
    """``others`` are what the chip could run instead, ``words`` the arguments that ask for this run."""

    report: RunReport
    others: Sequence[Alternative]
    words: str

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield from self.lines(min(max(options.max_width, NARROW), WIDE))

    def lines(self, width: int) -> list[Text]:
        """All lines; an empty one goes between sections as long as there is room."""
        sections = [list(section(self, width)) for section in _SECTIONS]
        sections = [section for section in sections if section]
        spare = LINES - sum(map(len, sections))
        found: list[Text] = []
        for number, section in enumerate(sections):
            found += [Text()] * (0 < number <= spare) + section
        return found


def _head(screen: Screen, width: int) -> Iterator[Text]:
    """What was run; does it fit, and in which memories; how right and how long."""
    yield from _title(screen, width)
    yield from _verdict(screen, width)
    yield from _headline(screen, width)


def _title(screen: Screen, width: int) -> Iterator[Text]:
    subject = screen.report.subject
    depth = f"{subject.H_cycles}x{subject.steps} steps"
    on = f"on {subject.part}"
    head = f"{subject.network}  {subject.format}  {depth}"
    both = f"{subject.network}  {grids.formats(screen.report)}  {depth}"
    again = f" and {subject.retries} retries" if subject.retries else ""
    rest = f"  {subject.stop}{again}  {on}"
    ways = [(head, rest), (both, f"  {on}"), (both, ""), (head, f"  {on}"), (head, "")]
    yield from fitted(width, *(Text.assemble((start, "bold"), (tail, WEAK)) for start, tail in ways))


def _verdict(screen: Screen, width: int) -> Iterator[Text]:
    report = screen.report
    used = f"{report.budget.everything:,} of {report.budget.limit:,} B"
    inner = " + ".join(r.region for r in report.regions if not r.external)
    outer = " + ".join(r.region for r in report.regions if r.external)
    where = f"internal {inner}" + (f", external {outer}" if outer else "")
    plain = f"{inner} + external {outer}" if outer else inner
    if report.fits:
        word = Text("FITS ", GOOD)
        alone = "" if not outer else f" (internal alone {'too' if report.inside else 'does not'})"
        yield from fitted(width, *(Text.assemble(word, tail) for tail in (
            f" {where}{alone}   {used}", f" {where}   {used}", f" {where}, {used}",
            f" {plain}, {used}")))  # fmt: skip
        return
    lacking = [("the budget", report.budget.missing), *((r.region, r.missing) for r in report.regions)]
    lacking = [(where, missing) for where, missing in lacking if missing]
    short = [f"{where} {missing:,}" for where, missing in lacking]
    reasons = [f"{missing:,} B missing in {where}" for where, missing in lacking]
    if report.refusal:
        reasons, short = [*reasons, "no C for its plan"], [*short, "no C"]
    yield from fitted(width, *(Text.assemble(("DOES NOT FIT", BAD), f"  {said}") for said in (
        "; ".join(reasons), "missing B: " + ", ".join(short), reasons[0])))  # fmt: skip


def _headline(screen: Screen, width: int) -> Iterator[Text]:
    """Accuracy and time, the two figures that everybody asks for."""
    report, kernel = screen.report, screen.report.kernels[0].kernel
    stopping = None if report.all_puzzles is None else report.all_puzzles.stopping
    worst = _time(report.total.worst)
    mean = "" if stopping is None else f"{_time(stopping.costs.mean.time)} mean"
    times = [f"{mean}, {worst} at most", mean] if mean else [f"{worst} a puzzle", worst]
    exact = _exact(report)
    yield from fitted(width, *(
        Text.assemble((exact, "bold"), gap, (time, "bold"), (f"{gap}{with_}{kernel}", WEAK))
        for time in times for gap, with_ in (("   ", "kernel "), ("   ", ""), ("  ", ""))
    ))  # fmt: skip


def _exact(report: RunReport) -> str:
    found = report.all_puzzles
    if found is None:
        return "accuracy n/a (not measured)" if report.subject.trained else "accuracy n/a (untrained)"
    share = 100 * found.exact_right / found.puzzles
    return f"{share:.1f} % exact [{100 * found.exact_low:.1f}, {100 * found.exact_high:.1f}]"


def _memory(screen: Screen, width: int) -> Iterator[Text]:
    report = screen.report
    shown = sorted(report.regions, key=lambda r: -r.used / r.size)[:REGIONS]
    shown = [region for region in report.regions if region in shown]
    budget = report.budget
    rows = [(r.region, r.used, r.size, _held(r.holds)) for r in shown]
    rows.append(("budget", budget.everything, budget.limit, "image + arena + program"))
    yield from columns(width, (
        Column("memory", [name for name, *_ in rows], right=False),
        Column("used B", [f"{used:,}" for _, used, *_ in rows]),
        Column("size B", [f"{size:,}" for _, _, size, _ in rows]),
        Column("%", [f"{100 * used / size:.0f}" for _, used, size, _ in rows]),
        Column("", [bar(used / size, BAR_WIDTH) for _, used, size, _ in rows], right=False, rank=1),
        Column("most of it", [most for *_, most in rows], right=False, rank=2),
    ), styles=[BAD if used > size else "" for _, used, size, _ in rows])  # fmt: skip


def _held(holds: Sequence[Share]) -> str:
    largest = max(holds, key=lambda share: share.size)
    return f"{largest.what} {largest.size:,}"


def _right(screen: Screen, width: int) -> Iterator[Text]:
    report = screen.report
    result, found = report.puzzle, report.all_puzzles
    if result is None:
        said = grids.unanswered(report)
        yield from _labelled("puzzle", width, Text(said, "yellow"), Text(said.rpartition("; ")[2], "yellow"))
    else:
        word, cells = grids.judged(report, result)
        style = GOOD if result.right else BAD if result.right is not None else "yellow"
        yield from _labelled("puzzle", width, Text.assemble((word, style), cells))
    if found is None:
        return
    label = "now" if found.source == "measured" else "stored"
    yield from _labelled(label, width, *_set(found))
    if found.stopping is not None:
        yield from _labelled("stop", width, *_stopping(found, found.stopping))
        if found.source == "measured":
            yield from _labelled("steps", width, *_steps(found.stopping))


def _set(found: AllPuzzles) -> Iterator[Text]:
    """Which puzzles, and how the float network does on them."""
    paired, split = found.paired, ""
    if paired is not None:
        share = 100 * paired.exact_right / found.puzzles
        split = f"; float {share:.1f} %: {paired.lost} lost, {paired.won} won, p {paired.p_value:.2g}"
    of = f"{found.puzzles}"
    origin = found.origin if found.origin.startswith(of) else f"{of}, {found.origin}"
    for named in (origin, origin.partition(",")[0], of):
        yield Text(f"{found.exact_right} of {named}{split}")


def _stopping(found: AllPuzzles, stopping: StoppedPuzzles) -> Iterator[Text]:
    low, high = (100 * end for end in stopping.accepted_interval)
    share = 100 * stopping.accepted / found.puzzles
    wrong = f"{stopping.accepted_wrong} wrong"
    if stopping.wrong_interval is not None:
        most = f" (at most {100 * stopping.wrong_interval[1]:.1f} %)"
    else:
        most = ""
    withheld = f"{stopping.withheld_right} right withheld"
    mean = f"{stopping.costs.mean.steps:.1f} steps on average"
    accepted = f"accepted {share:.1f} %"
    yield Text(f"{accepted} [{low:.1f}, {high:.1f}], {wrong} among them{most}; {withheld}; {mean}")
    yield Text(f"{accepted} [{low:.1f}, {high:.1f}], {wrong}{most}; {withheld}")
    yield Text(f"{accepted}, {wrong}{most}; {withheld}")
    yield Text(f"{accepted}, {wrong}; {withheld}")


def _steps(stopping: StoppedPuzzles) -> Iterator[Text]:
    """How many puzzles took how many ACT steps, in all their tries."""
    last, puzzles = len(stopping.steps) - 1, sum(stopping.steps)
    size = -(-last // HISTOGRAM)
    bars = [sum(stopping.steps[n : n + size]) for n in range(1, last + 1, size)]
    reached = [*accumulate(stopping.steps)]
    half, most = (next(n for n, ended in enumerate(reached) if ended >= share * puzzles)
                  for share in (0.5, 0.95))  # fmt: skip
    drawn = Text.assemble("1 ", (sparkline([0, *bars], HISTOGRAM + 1)[1:], "cyan"), f" {last}")
    for tail in (f" steps a puzzle: half within {half}, 95 % within {most}", f"; 95 % within {most}", ""):
        yield drawn + tail


def _long(screen: Screen, width: int) -> Iterator[Text]:
    """Time with each set of kernels, where it goes, and what it rests on."""
    report = screen.report
    whole = sum(o.time.high for o in report.operators) or 1.0
    most = [f"{o.op} {100 * o.time.high / whole:.0f} %" for o in report.operators[:3]]
    early = report.puzzle is not None and report.puzzle.tries != (report.subject.steps,)
    what = "this puzzle" if early else "a puzzle"
    for number, one in enumerate(report.kernels):
        said = f"{_time(one.time)} {what} with {one.kernel}"
        of = f" of {one.core}"
        tails = [*(f"{of}; " + ", ".join(most[:n]) for n in (3, 2, 1))] if number == 0 else []
        label = "time" if number == 0 else ""
        yield from _labelled(label, width, *(Text(said + tail) for tail in (*tails, of, "")))
    energy = report.total.energy
    joules = format_joules(energy.low, energy.high)
    like = f"; time within {100 * report.basis.time_error:.0f} %"
    weakest = f"; weakest figure: {report.basis.weakest}"
    yield from _labelled("energy", width, *(Text(joules + tail) for tail in (
        f"{like}{weakest} ({report.basis.source})", like + weakest, weakest)))  # fmt: skip


def _state(screen: Screen, width: int) -> Iterator[Text]:
    cosines = [row.fidelity_H for row in screen.report.cycles if row.fidelity_H is not None]
    if not cosines:
        return
    least = min(range(len(cosines)), key=cosines.__getitem__)
    start, end = f"{cosines[0]:.3f}", f"{cosines[-1]:.3f}"
    low, at = f"least {cosines[least]:.3f}", least + 1
    tails = [f"  cosine of z_H to float by H cycle, {low} at {at} of {len(cosines)}",
             f"  cosine to float, {low} at cycle {at}", f"  {low}"]  # fmt: skip
    yield from _labelled("z_H", width, *(
        Text.assemble(f"{start} ", (sparkline(cosines, room), "cyan"), f" {end}{tail}")
        for room in (32, 16, 12) for tail in tails))  # fmt: skip


def _others(screen: Screen, width: int) -> Iterator[Text]:
    """What else the chip could run; where the run does not fit, what would make it."""
    report = screen.report
    if report.refusal:
        yield from wrapped(Text(f"- {report.refusal}"), width, 2)
    for remedy in report.remedies:
        yield from wrapped(Text(f"- {remedy}"), width, 2)
    shown = _nearest(screen.others)
    if len(shown) < 2:
        return
    common = _common([o.format for o in shown])
    names = [f"{'> ' if o.chosen else '  '}{o.format.removesuffix(common)} {_depth(o)}" for o in shown]
    times = [_time(o.time) if o.fits else "no room" for o in shown]
    chosen = next(o for o in shown if o.chosen)
    yield from columns(width, (
        Column("on this chip", names, right=False),
        Column("flash KiB", [f"{o.flash / KIB:,.0f}" for o in shown], rank=1),
        Column("SRAM KiB", [f"{o.sram / KIB:,.0f}" for o in shown], rank=2),
        Column("time", times),
        Column("exact %", [_share(o) for o in shown]),
        Column("", ["better" if _better(o, chosen) else "" for o in shown], right=False, rank=3),
    ), styles=["bold" if o.chosen else "" for o in shown])  # fmt: skip


def _common(formats: Sequence[str]) -> str:
    """The parts that all formats end with."""
    endings = {format.partition("-")[1] + format.partition("-")[2] for format in formats}
    return endings.pop() if len(endings) == 1 else ""


def _depth(other: Alternative) -> str:
    """H cycles x ACT steps, as in 2x16; 2x1-16 where a stop rule ends a run after one of the first 16."""
    return f"{other.H_cycles}x{'' if other.stop.startswith('fixed') else '1-'}{other.steps}"


def _better(other: Alternative, chosen: Alternative) -> bool:
    """More exact and no slower, whatever its bytes."""
    if other.exact is None or chosen.exact is None or not other.fits:
        return False
    return other.exact[0] > chosen.exact[0] and other.time.high <= chosen.time.high


def _nearest(others: Sequence[Alternative]) -> list[Alternative]:
    """The chosen one and so many others as have room, those first whose accuracy is known."""
    ranked = sorted(others, key=lambda o: (not o.chosen, o.exact is None))[:OTHERS]
    return [other for other in others if other in ranked]


def _share(other: Alternative) -> str:
    if other.exact is None:
        return "n/a"
    share, low, high = (100 * end for end in other.exact)
    return f"{share:.1f} [{low:.1f}, {high:.1f}]"


def _next(screen: Screen, width: int) -> Iterator[Text]:
    words = f" {screen.words}" if screen.words else ""
    steps = [("run", f"{words} --full", "tables: operators, cycles, budget, sources"),
             ("run", f"{words} --html r.html", "plots and tables in one file to send")]  # fmt: skip
    if screen.report.fits:
        steps.insert(0, ("export", f" OUT{words}", "a folder of C with image and self-test"))
    if screen.report.subject.trained and screen.report.all_puzzles is None:
        steps[1:1] = [("run", f"{words} --all", "accuracy over the evaluation set")]
    commands = [f"mcusim {name}{rest}" for name, rest, _ in steps]
    longest = max(map(len, commands))
    for number, (command, (_, _, what)) in enumerate(zip(commands, steps, strict=True)):
        label = "next" if number == 0 else ""
        said = Text.assemble((f"{command:<{longest}}", "bold"), (f"  {what}", WEAK))
        yield from _labelled(label, width, said, Text(command, "bold"))


def _labelled(label: str, width: int, *wordings: Text) -> Iterator[Text]:
    lines = fitted(width - MARGIN, *wordings)
    for number, line in enumerate(lines):
        yield Text.assemble((f"{label if number == 0 else '':<{MARGIN}}", WEAK), line)


def _time(span: Span) -> str:
    return format_times(span.low, span.high)


_SECTIONS = (_head, _memory, _right, _long, _state, _others, _next)
