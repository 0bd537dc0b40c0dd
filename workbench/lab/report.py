"""Sweep results as a sheet: two tables a network and depth, and plots of those with several variants."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from workbench.files.fields import Fields
from workbench.files.inputs import read_json
from workbench.lab.cell import Result
from workbench.lab.comparison import Row, compare
from workbench.render.grid import Grid
from workbench.render.plot import Bars, Heat, Lines, Plot, Points
from workbench.render.sheet import Sheet

KIB, MIB, GIGA = 1024, 1024**2, 10**9
SCHEMA, DIAGNOSIS_SCHEMA, STOPPING_SCHEMA = "refimpl.report/1", "refimpl.diagnose/1", "refimpl.stopping/2"
MOST_CURVES = 12
PARTED = ("first operator", "call", "puzzles")
KINDS = {"float": "float", "integer": "int", "emulated": "emu"}
ACCURACY = ("formats", "kind", "exact %", "95 %", "Δ pp", "-/+", "p", "cell %")
FIDELITY = ("formats", "fid (i)", "fid (ii)", "control", "noise", "stored KiB", "traffic MiB", "GMAC")
STOPPING = ("formats", "mean steps", "95 % within", "accepted %", "wrong accepted", "right withheld")
LEGEND = (
    "formats: weights, activations, carry, rounding where single. int: integer-exact program; emu: "
    "float arithmetic on rounded weights and linear inputs. 95 %: Wilson interval. Δ, lost (-) and won (+) "
    "puzzles, p: against the float run on the same puzzles (exact McNemar). fid (i): cosine per position "
    "after the first ACT step; fid (ii): flattened cosine after the last; control: cosine of the last two "
    "carries; noise: weight noise (in standard deviations of a tensor) with the same fid (i). stored: "
    "the flash image, of an emulated row that of its weights; traffic and MACs a puzzle."
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
        f"{costs.stored_bytes / KIB:.1f}", f"{costs.traffic_bytes / MIB:.1f}", f"{costs.macs / GIGA:.2f}",
    )  # fmt: skip


def stopping_cells(row: Row) -> tuple[str, ...]:
    """The texts of one line, in the order of STOPPING."""
    found = row.stopping
    assert found is not None
    return (row.formats, f"{found.mean_steps:.2f}", f"{found.within(0.95)}",
            f"{100 * found.accepted / row.result.puzzles:.2f}", f"{found.accepted_wrong}",
            f"{found.withheld_right}")  # fmt: skip


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


def data_of(row: Row) -> dict[str, Any]:
    """A row as plain data: shares as numbers, without the per-puzzle marks."""
    return {
        "title": title_of(row), "variant": row.result.variant.to_dict(), "kind": row.kind, "exact": row.exact,
        "low": row.interval.low, "high": row.interval.high, "cell": row.cell, "change": row.change,
        "p_value": row.paired.p_value if row.paired else None, "one_step": row.result.one_step,
        "all_steps": row.result.all_steps, "consecutive": row.result.consecutive,
        "equivalent_noise": row.noise,
        "stored_bytes": row.result.costs.stored_bytes, "traffic_bytes": row.result.costs.traffic_bytes,
        "macs": row.result.costs.macs, "puzzles": row.result.puzzles,
        "stopping": None if row.stopping is None else vars(row.stopping),
    }  # fmt: skip


def _plots(rows: list[Row]) -> list[Plot]:
    """Accuracy against bytes, accuracy with intervals, fidelity after every step; of several variants."""
    if len(rows) < 2:
        return []
    first = rows[0].result.variant
    of = f"{Path(first.network).name} {rows[0].depth}"
    points = [(row.result.costs.stored_bytes / KIB, 100 * row.exact, row.formats) for row in rows]
    front = tuple(i for i, (x, y, _) in enumerate(points) if all(x < a or y > b or (x, y) == (a, b)
                                                                 for a, b, _ in points))  # fmt: skip
    spans = [(100 * row.interval.low, 100 * row.interval.high) for row in rows]
    found: list[Plot] = [
        Points(f"{of}: accuracy against bytes", "stored KiB", "puzzles exact %", points, front, log_x=True),
        Bars(f"{of}: puzzles exact, 95 % interval", "%", [(row.formats, 100 * row.exact) for row in rows],
             spans),
    ]  # fmt: skip
    steps = {row.formats: row.result.by_step for row in rows if row.result.by_step}
    if steps:
        series = {name: (range(1, len(ys) + 1), ys) for name, ys in list(steps.items())[:MOST_CURVES]}
        found.append(Lines(f"{of}: fidelity (ii)", "ACT step", "cosine to float", series))
    return found


def first_divergence(tables: Sequence[Grid]) -> list[Plot]:
    """A heat map for each table of where states first differ: operators by calls."""
    found: list[Plot] = []
    for table in (table for table in tables if table.headings == PARTED):
        counts = {(name, int(call)): float(count) for name, call, count in table.rows if int(call) >= 0}
        names = list(dict.fromkeys(name for name, _ in counts))
        calls = range(max((call for _, call in counts), default=-1) + 1)
        values = [[counts.get((name, call), 0.0) for call in calls] for name in names]
        if names:
            found.append(Heat("where states first differ: puzzles", "call", names, list(map(str, calls)),
                              values))  # fmt: skip
    return found


def read_tables(path: Path) -> list[Grid]:
    """The tables in a file of ``diagnose --format json`` or ``stopping --format json``."""
    diagnosis = read_json(path, "the diagnosis")
    diagnosis.choice("schema", (DIAGNOSIS_SCHEMA, STOPPING_SCHEMA))
    return [_table(table) for table in diagnosis.tables("tables")]


def _table(fields: Fields) -> Grid:
    headings = tuple(fields.listed("headings", str, "texts"))
    rows = [tuple(row) for row in fields.listed("rows", list, "rows")]
    for row in rows:
        if len(row) != len(headings) or not all(isinstance(cell, str) for cell in row):
            raise fields.error(f"{fields.label('rows')} must have {len(headings)} texts in each row.")
    drawn = fields.table("series")
    series = {name: tuple(map(float, drawn.listed(name, (int, float), "numbers"))) for name in drawn.data}
    return Grid(fields.text("title"), headings, tuple(rows), str(fields.get("note", str, "a text")), series)


def sheet(results: list[Result], tables: Sequence[Grid] = ()) -> Sheet:
    """Tables and plots of each network and depth; then ``tables`` of diagnoses."""
    rows = compare(results)
    parts: list[Grid] = []
    plots: list[Plot] = []
    for title, group in grouped(rows):
        parts += [Grid(title, ACCURACY, tuple(map(accuracy_cells, group)), left=2),
                  Grid("fidelity and costs", FIDELITY, tuple(map(fidelity_cells, group)))]
        if stopped := [row for row in group if row.stopping is not None]:
            parts.append(Grid("runs that a rule ends", STOPPING, tuple(map(stopping_cells, stopped))))
        plots += _plots(group)
    data = {"schema": SCHEMA, "rows": [data_of(row) for row in rows], "tables": [t.data for t in tables]}
    return Sheet("refimpl report", (*parts, *tables), (LEGEND,) if rows else (), data,
                 (*plots, *first_divergence(tables)))
