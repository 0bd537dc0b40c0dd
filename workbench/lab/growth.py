"""Does the deviation compound or settle (question C1)?

The float run of a puzzle *settles* when its carry stops moving: its residual, the relative change of z_H
over the last ACT step, falls below SETTLED.  A deviation that compounds keeps growing where the float
run has settled; a shifted fixed point grows at first and then stays.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from refimpl.fixedpoint import STATE_FRAC_BITS
from refimpl.models.operators import Array
from workbench.fidelity import Float64s, Reading, lockstep
from workbench.lab.cell import Choice, puzzle_set
from workbench.lab.steps import over_batches
from workbench.lab.variant import Variant, network, reading
from workbench.render.grid import Grid, percent

SETTLED = 0.01


@dataclass(frozen=True)
class Growth:
    """Per H call and puzzle: relative deviation from the float state, and the float run's own residual.

    Both (H calls, puzzles); the residual of call k is the relative change of z_H since call k - 1 (1 at
    the first).
    """

    deviation: Float64s
    residual: Float64s
    index: tuple[int, ...]


def relative(a: Array, b: Array) -> Float64s:
    """``|a - b| / |b|`` of flattened states (B, T, D) -> (B,)."""
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    return np.asarray(np.sqrt(((a - b) ** 2).sum(axis=(1, 2)) / (b**2).sum(axis=(1, 2))))


def growth(reference: Reading, other: Reading, tokens: Array) -> Growth:
    """Deviation of ``other`` (integer states in Q.10, or float ones) at every H call."""

    def work(batch: Array) -> Growth:
        deviation, residual, index = [], [], []
        previous: Array | None = None
        for call, expected, state in lockstep(reference, other, batch):
            if call.level != "H":
                continue
            unit = 2.0**-STATE_FRAC_BITS if np.issubdtype(state.dtype, np.integer) else 1.0
            deviation.append(relative(state * unit, expected))
            residual.append(np.ones(len(batch)) if previous is None else relative(previous, expected))
            index.append(call.index)
            previous = expected
        return Growth(np.stack(deviation), np.stack(residual), tuple(index))

    parts = over_batches(tokens, work)
    return Growth(
        np.concatenate([p.deviation for p in parts], axis=1),
        np.concatenate([p.residual for p in parts], axis=1),
        parts[0].index,
    )


def growth_tables(variants: list[Variant], choice: Choice) -> list[Grid]:
    """Median deviation by call, for puzzles whose float run settles and for those that do not."""
    tables = []
    for variant in variants:
        chosen = puzzle_set(variant.network, choice)
        measured = growth(reading(variant.reference()), reading(variant), chosen.inputs)
        cycles = network(variant.network).config.H_cycles
        settled = measured.residual[-1] < SETTLED
        rows = []
        for k in _shown(len(measured.index)):
            rows.append((
                str(measured.index[k]), str(k // cycles + 1), f"{_median(measured.residual[k], settled)}",
                f"{_median(measured.deviation[k], settled)}", f"{_median(measured.residual[k], ~settled)}",
                f"{_median(measured.deviation[k], ~settled)}",
                percent(float((measured.deviation[k][settled] > 0.5).mean())) if settled.any() else "",
            ))  # fmt: skip
        tables.append(Grid(
            f"{variant.network}, {variant.format}: deviation of z_H, "
            f"{chosen.origin}; the float run settles on {int(settled.sum())} of {len(settled)}",
            ("call", "step", "residual, settled", "deviation, settled", "residual, other", "deviation, other",
             "settled, off by > 0.5 (%)"),
            tuple(rows),
            "Medians over puzzles of |quantized - float| / |float| (deviation) and of the float run's own "
            f"relative change since the H call before (residual). Settled: last residual below {SETTLED}.",
        ))  # fmt: skip
    return tables


def _shown(calls: int) -> list[int]:
    """The first four H calls, then about a dozen spread evenly, the last included."""
    spread = np.linspace(4, calls - 1, 10).round().astype(int).tolist()
    return sorted({0, 1, 2, 3, *spread} & set(range(calls)))


def _median(values: Float64s, chosen: Array) -> str:
    return f"{float(np.median(values[chosen])):.4f}" if chosen.any() else ""
