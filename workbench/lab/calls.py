"""Fidelity of z_H and z_L at every call, as a table and as curves."""

from __future__ import annotations

import numpy as np

from workbench.fidelity import CallFidelity, call_fidelity
from workbench.lab.cell import Choice, puzzle_set
from workbench.lab.steps import over_batches
from workbench.lab.variant import Variant, reading
from workbench.render.grid import Grid

MOST_ROWS = 16


def mean_calls(variant: Variant, choice: Choice) -> tuple[CallFidelity, ...]:
    """Every call of ``variant`` against its float run, averaged over all puzzles."""
    chosen = puzzle_set(variant.network, choice)
    pair = reading(variant.reference()), reading(variant)
    parts = over_batches(chosen.inputs, lambda batch: (len(batch), call_fidelity(*pair, batch)))
    sizes = [size for size, _ in parts]

    def mean(rows: tuple[CallFidelity, ...], name: str) -> float:
        return float(np.average([getattr(row, name) for row in rows], weights=sizes))

    together = zip(*(calls for _, calls in parts), strict=True)
    return tuple(
        CallFidelity(
            rows[0].index, rows[0].step, rows[0].cycle, rows[0].level,
            mean(rows, "cosine"), mean(rows, "flattened"), mean(rows, "consecutive"),
        )
        for rows in together
    )  # fmt: skip


def calls_table(variants: list[Variant], choice: Choice) -> Grid:
    """One row a call (a selection of them), one column a variant and reading; curves over all calls."""
    name = variants[0].network
    found = {str(v.format): mean_calls(v, choice) for v in variants}
    calls = len(next(iter(found.values())))
    shown = sorted(set(np.linspace(0, calls - 1, min(calls, MOST_ROWS)).round().astype(int).tolist()))
    headings = ["call", "step", "state"]
    for label in found:
        headings += [f"{label}: position", "flattened", "control"]
    rows = []
    for k in shown:
        first = next(iter(found.values()))[k]
        numbers = [
            f"{value:.4f}"
            for c in found.values()
            for value in (c[k].cosine, c[k].flattened, c[k].consecutive)
        ]
        rows.append((str(first.index), str(first.step + 1), f"z_{first.level}", *numbers))
    series = {
        f"{label} z_{level}": tuple(c.flattened for c in cs if c.level == level)
        for label, cs in found.items() for level in "LH"
    }  # fmt: skip
    return Grid(
        f"{name}: fidelity at every call, {puzzle_set(name, choice).origin}", tuple(headings), tuple(rows),
        "position: cosine over channels, mean over positions; flattened: cosine of a puzzle's whole state; "
        "control: cosine with the same state one call of its level before.", series,
    )  # fmt: skip
