"""What a fit found as a sheet: the choice, every configuration ranked, and the commands that use it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mcusim.fitting.candidates import BASELINE, NAIVE
from mcusim.fitting.deploy import Deployed
from mcusim.fitting.front import Bools, Choice, Limits, Pairing, Row, front, paired, score
from mcusim.parts import Part
from mcusim.units import format_seconds
from refimpl.models.halting import FIXED
from workbench.render.grid import Grid, percent
from workbench.render.plot import Bars, Plot, Points
from workbench.render.sheet import Sheet

SCHEMA = "mcusim-fit/1"
KIB, NARROW = 1024, 4
HEADINGS = ("program", "run", "exact %", "-/+", "flash", "SRAM", "time", "mJ", "")
EARLIER = ("left earlier", "exact %", "puzzles", "image KiB", "")
NOTE = (
    "run: ACT steps at most, the t of head+settled, r retries. exact: held-out puzzles solved; -/+: lost and "
    "won against the float network on the same puzzles. flash: image and code, SRAM: arena, statics and "
    "stack, both in KiB; time and mJ a puzzle, upper ends of estimates. * chosen, + runner-up, f on the "
    "front of all five, - does not fit, c exported as C and its self-test passed, ! it failed."
)


@dataclass(frozen=True, eq=False)
class Found:
    """Everything that a fit has to say; ``rows`` have held-out figures, ``left`` only calibration ones."""

    network: str
    part: Part
    limits: Limits
    calibration: str
    held_out: str
    floats: tuple[Bools, Bools]
    rows: Sequence[Row]
    left: Sequence[Row]
    choice: Choice
    deployed: Sequence[Deployed]


def ranked(rows: Sequence[Row]) -> list[Row]:
    """Rows that fit by their score, then the others."""

    def place(row: Row) -> tuple[bool, float, str]:
        return not (row.placed is not None and row.placed.fits), score(row), row.name

    return sorted(rows, key=place)


def sheet(found: Found) -> Sheet:
    """The report; its first sentences are the choice."""
    rows, best, second = ranked(found.rows), found.choice.best, found.choice.second
    on_front = front(found.rows)
    cells = [_cells(row, found, on_front) for row in rows]
    strong = tuple(i for i, row in enumerate(rows) if row is best)
    weak = tuple(i for i, row in enumerate(rows) if row.placed is None or not row.placed.fits)
    title = f"{found.network} on {found.part.title}: {len(rows)} configurations, {found.held_out}"
    table = Grid(title, HEADINGS, tuple(cells), NOTE, left=2, strong=strong, weak=weak, folded=(0,))
    left = sorted(found.left, key=lambda row: (-float(row.calibration.mean()), row.image, row.name))
    early = [(r.name, percent(float(r.calibration.mean())), str(len(r.calibration)), f"{r.image / KIB:.1f}",
              "e" if r.placed is None else "") for r in left]  # fmt: skip
    parts = (_verdict(found), table, Grid(f"out of the race, by {found.calibration}", EARLIER, tuple(early)))
    data = {
        "schema": SCHEMA, "network": found.network, "part": found.part.name,
        "check_tiles": found.part.core.checked, "limits": vars(found.limits),
        "calibration": found.calibration, "held_out": found.held_out,
        "float": {"calibration": float(found.floats[0].mean()), "held_out": float(found.floats[1].mean())},
        "reason": found.choice.reason, "keeps": found.choice.keeps,
        "recommended": None if best is None else best.name,
        "runner_up": None if second is None else second.name,
        "rows": [_data(row, found, on_front) for row in (*rows, *left)],
        "narrow": _narrow_data(found),
        "deployments": [{"file": str(d.file), "c": str(d.c), "compiler": d.compiler, "failed": d.failed}
                        for d in found.deployed],
    }  # fmt: skip
    title = f"mcusim fit · {found.network} · {found.part.name}"
    return Sheet(title, parts, _commands(found), data, _plots(rows, found), _head(found))


def _head(found: Found) -> tuple[str, ...]:
    """The choice in two lines, which stand on top of a page."""
    best = found.choice.best
    if best is None or best.costs is None:
        return ("no recommendation",)
    flash, sram, seconds, joules = best.costs
    costs = f"{_kib(flash)} flash, {_kib(sram)} SRAM, {format_seconds(seconds)} and {_mj(joules)} a puzzle"
    name = best.name if found.choice.keeps else f"nearest: {best.name}"
    return name, f"{_accuracy(best, found)}; {costs}"


def _verdict(found: Found) -> Grid:
    best = found.choice.best
    if best is None:
        return Grid("no recommendation", ("why",), ((f"{found.choice.reason}.",),), folded=(0,))
    lines = [("configuration", best.name), ("because", f"{found.choice.reason}.")]
    lines.append(("accuracy", _accuracy(best, found)))
    if best.placed is not None:
        base = next((row for row in found.rows if row.name == BASELINE and row.placed is not None), None)
        for what, i, written in (("flash", 0, _kib), ("SRAM", 1, _kib), ("time a puzzle", 2, format_seconds),
                                 ("energy a puzzle", 3, _mj)):  # fmt: skip
            assert best.costs is not None
            said = written(best.costs[i])
            if base is not None and base.costs is not None:
                share = best.costs[i] / base.costs[i]
                said += f" ({share:.2f} x {BASELINE}, which needs {written(base.costs[i])})"
            lines.append((what, said))
    if found.choice.second is not None:
        second = found.choice.second
        lines.append(("runner-up", f"{second.name}: {_accuracy(second, found)}"))
    lines += _narrow_lines(found)
    for one, name in zip(found.deployed, ("self-test", "of the runner-up"), strict=False):
        lines.append((name, f"passed, built by {one.compiler} on this computer" if not one.failed
                      else one.failed))  # fmt: skip
    lines += [(f"failed as C: {row.name}", row.failed) for row in found.rows if row.failed]
    title = "recommended" if found.choice.keeps else "nearest: it does not keep what was asked"
    return Grid(f"{title} for {found.part.title}", ("", ""), tuple(lines), left=2, folded=(1,))


def _kib(size: float) -> str:
    return f"{size / KIB:,.1f} KiB"


def _mj(joules: float) -> str:
    return f"{_short(1000 * joules)} mJ"


def _short(value: float) -> str:
    """Three digits, or all before the point."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _pairing(row: Row, found: Found) -> Pairing | None:
    return None if row.held_out is None else paired(found.floats[1][: len(row.held_out)], row.held_out)


def _accuracy(row: Row, found: Found) -> str:
    pairing, interval = _pairing(row, found), row.interval
    if pairing is None or interval is None or row.held_out is None:
        return "n/a"
    return (
        f"{percent(float(row.held_out.mean()))} % [{percent(interval.low)}, {percent(interval.high)}] of "
        f"{len(row.held_out)} held-out puzzles; float {percent(float(found.floats[1].mean()))} %, difference "
        f"{100 * pairing.change:+.2f} points [{100 * pairing.interval.low:+.2f}, "
        f"{100 * pairing.interval.high:+.2f}]; {row.steps:.1f} steps on average"
    )


def _cells(row: Row, found: Found, on_front: Sequence[Row]) -> tuple[str, ...]:
    pairing = _pairing(row, found)
    assert pairing is not None
    assert row.held_out is not None
    marks = "*" * (row is found.choice.best) + "+" * (row is found.choice.second) + "f" * (row in on_front)
    assert row.placed is not None
    p = row.placed
    marks += "-" * (not p.fits) + ("c" if row.failed == "" else "!" * (row.failed is not None))
    costs = (f"{p.flash / KIB:.1f}", f"{p.sram / KIB:.1f}", format_seconds(p.seconds.high),
             _short(1000 * p.joules.high))  # fmt: skip
    lost_won = f"{pairing.test.only_first}/{pairing.test.only_second}"
    return row.candidate.recipe.name, _run(row), percent(float(row.held_out.mean())), lost_won, *costs, marks


def _run(row: Row) -> str:
    """Depth, threshold and retries; the rule of a fit is ``head+settled`` or none."""
    marks = [str(row.depth), *[f"t{row.rule.t}"] * (row.rule != FIXED)]
    return " ".join([*marks, *[f"r{row.taken.retries}"] * bool(row.taken.retries)])


def _data(row: Row, found: Found, on_front: Sequence[Row]) -> dict[str, Any]:
    pairing, interval, placed = _pairing(row, found), row.interval, row.placed
    recipe = row.candidate.recipe
    return {
        "name": row.name, "format": str(recipe.format), "codes": recipe.rounding, "ranges": recipe.ranges,
        "H_cycles": row.candidate.network.config.H_cycles, "steps": row.depth, "stop": str(row.rule),
        "retries": row.taken.retries,
        "image_bytes": row.image, "mean_steps": row.steps,
        "calibration": {"puzzles": len(row.calibration), "exact": int(row.calibration.sum())},
        "held_out": None if row.held_out is None or interval is None or pairing is None else {
            "puzzles": len(row.held_out), "exact": int(row.held_out.sum()),
            "interval_95": [interval.low, interval.high], "change": pairing.change,
            "change_95": [pairing.interval.low, pairing.interval.high],
            "lost": pairing.test.only_first, "won": pairing.test.only_second, "p": pairing.test.p_value,
        },
        "placed": None if placed is None else {
            "fits": placed.fits, "flash_bytes": placed.flash, "sram_bytes": placed.sram,
            "seconds": [placed.seconds.low, placed.seconds.high],
            "joules": [placed.joules.low, placed.joules.high], "plan": placed.plan,
        },
        "front": row in on_front, "on_stop": row.rule != FIXED, "failed_as_c": row.failed,
    }  # fmt: skip


def _commands(found: Found) -> tuple[str, ...]:
    if not found.deployed:
        return ()
    file = found.deployed[0].file
    flag = " --check-tiles" if found.part.core.checked else ""
    return (f"python -m mcusim run {file}{flag}", f"python -m mcusim export OUT {file}{flag}   "
            f"(as made in {found.deployed[0].c})")  # fmt: skip


def narrow(rows: Sequence[Row]) -> tuple[Row | None, Row | None]:
    """Of rows with NARROW bits a weight at most: the most exact on calibration puzzles, whose held-out figure
    is then that of one row and not of the best of many; and naive INT4 at full length."""
    few = [row for row in rows if _widest(row) <= NARROW and row.name != NAIVE]
    best = max(few, key=lambda row: (int(row.calibration.sum()), -row.image, row.name), default=None)
    return best, next((row for row in rows if row.name == NAIVE), None)


def _widest(row: Row) -> float:
    fmt = row.candidate.recipe.format
    return max(weights.bits for weights in (fmt.weights, *(of for _, of in fmt.overrides)))


def _kept(row: Row, found: Found) -> float:
    """Held-out puzzles solved over those that the float network solves."""
    assert row.held_out is not None
    return float(row.held_out.sum() / max(1, found.floats[1].sum()))


def _narrow_lines(found: Found) -> list[tuple[str, str]]:
    best, naive = narrow(found.rows)
    if best is None or naive is None:
        return []
    said = (f"{best.name} keeps {percent(_kept(best, found))} % of what the float network solves (the most "
            f"exact one on calibration puzzles); naive {naive.name} keeps {percent(_kept(naive, found))} %")
    return [(f"{NARROW} bits or fewer", said)]


def _narrow_data(found: Found) -> dict[str, Any]:
    best, naive = narrow(found.rows)
    return {
        "bits": NARROW, "best": None if best is None else best.name,
        "kept": None if best is None else _kept(best, found),
        "naive_kept": None if naive is None else _kept(naive, found),
    }  # fmt: skip


def _plots(rows: Sequence[Row], found: Found) -> tuple[Plot, ...]:
    """Accuracy against each cost, and with its interval by configuration; the choice is marked."""
    shown = [row for row in rows if row.costs is not None and row.interval is not None]
    if not shown:
        return ()
    shares = [100 * float(row.held_out.mean()) for row in shown if row.held_out is not None]
    marked = tuple(i for i, row in enumerate(shown) if row is found.choice.best)
    plots: list[Plot] = []
    for i, (what, unit, scale) in enumerate((("flash", "KiB", KIB), ("SRAM", "KiB", KIB),
                                             ("time", "ms a puzzle", 1e-3), ("energy", "mJ a puzzle", 1e-3))):
        points = [((row.costs or (0.0,) * 4)[i] / scale, share, row.name)
                  for row, share in zip(shown, shares, strict=True)]  # fmt: skip
        plots.append(Points(f"accuracy against {what}", f"{what}, {unit}", "held-out puzzles solved, %",
                            points, marked))  # fmt: skip
    spans = [(100 * row.interval.low, 100 * row.interval.high) for row in shown if row.interval is not None]
    bars = [(row.name, share) for row, share in zip(shown, shares, strict=True)]
    plots.append(Bars("held-out puzzles solved", "%, with 95 % intervals", bars, spans))
    return tuple(plots)
