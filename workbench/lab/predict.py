"""Does fidelity predict accuracy (question C6)?  Rank correlation, and a threshold on unseen networks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from refimpl.errors import InputError
from workbench.lab.cell import Result
from workbench.lab.comparison import Row, compare
from workbench.render.grid import Grid, percent

Floats = npt.NDArray[np.float64]
COLLAPSE = 0.05  # a variant is bad when it loses more than 5 percentage points of puzzle-exact accuracy
RESAMPLES = 2000
SEED = 7


@dataclass(frozen=True)
class Point:
    """A variant: its network, fidelity in both readings, the control, and exact accuracy lost to float."""

    network: str
    one_step: float
    all_steps: float
    consecutive: float
    loss: float


def points(results: list[Result]) -> list[Point]:
    """Every variant of ``results`` that has a float run to be compared with."""
    rows: list[Row] = compare(results)
    return [
        Point(
            r.result.variant.network, r.result.one_step, r.result.all_steps, r.result.consecutive, -r.change
        )
        for r in rows
        if r.change is not None
    ]


def ranks(values: Floats) -> Floats:
    """Ranks from 0; ties share their mean rank."""
    order = np.argsort(values, kind="stable")
    result = np.empty(len(values))
    result[order] = np.arange(len(values))
    for value in np.unique(values):
        result[values == value] = result[values == value].mean()
    return result


def spearman(a: Floats, b: Floats) -> float:
    """Rank correlation; nan where one side is constant."""
    first, second = ranks(a), ranks(b)
    first, second = first - first.mean(), second - second.mean()
    norm = np.sqrt((first**2).sum() * (second**2).sum())
    return float((first * second).sum() / norm) if norm > 0 else float("nan")


def interval(a: Floats, b: Floats) -> tuple[float, float]:
    """95 % percentile bootstrap of :func:`spearman` over variants."""
    draw = np.random.default_rng(SEED)
    picks = draw.integers(0, len(a), (RESAMPLES, len(a)))
    values = np.array([spearman(a[p], b[p]) for p in picks])
    values = values[~np.isnan(values)]
    if not len(values):
        return float("nan"), float("nan")
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)


def best_threshold(fidelity: Floats, bad: npt.NDArray[np.bool_]) -> float:
    """Threshold below which a variant is called bad, with the fewest mistakes; ties go to the lowest."""
    edges = np.unique(fidelity)
    candidates = np.concatenate([[edges[0]], (edges[1:] + edges[:-1]) / 2, [edges[-1] + 1e-9]])
    mistakes = [int(((fidelity < t) != bad).sum()) for t in candidates]
    return float(candidates[int(np.argmin(mistakes))])


def predict_tables(results: list[Result]) -> list[Grid]:
    """Rank correlation of each reading, and leave-one-network-out thresholds."""
    found = points(results)
    networks = list(dict.fromkeys(p.network for p in found))
    if len(found) < 5:
        raise InputError(f"{len(found)} variants have a float run to compare with; ranking needs at least 5.")
    loss = np.array([p.loss for p in found])
    names = {"one_step": "(i) one step", "all_steps": "(ii) all steps", "consecutive": "control"}
    correlation, thresholds = [], []
    for field, label in names.items():
        value = np.array([getattr(p, field) for p in found])
        for scope in ("all networks", *networks):
            inside = np.array([scope in ("all networks", p.network) for p in found])
            if inside.sum() < 5:
                continue
            pair = value[inside], -loss[inside]
            low, high = interval(*pair)
            correlation.append((label, scope, str(int(inside.sum())), f"{spearman(*pair):+.3f}",
                                f"{low:+.2f} .. {high:+.2f}"))  # fmt: skip
        for left_out in networks if len(networks) > 1 else []:
            test = np.array([p.network == left_out for p in found])
            threshold = best_threshold(value[~test], loss[~test] > COLLAPSE)
            called, bad = value[test] < threshold, loss[test] > COLLAPSE
            found_bad = f"{int((called & bad).sum())}/{int(bad.sum())}"
            alarms = f"{int((called & ~bad).sum())}/{int((~bad).sum())}"
            right = percent(float((called == bad).mean()))
            thresholds.append((label, left_out, f"{threshold:.4f}", found_bad, alarms, right))
    by_rank = Grid(
        "rank correlation of fidelity with puzzle-exact accuracy kept",
        ("fidelity", "variants of", "n", "Spearman", "95 %"),
        tuple(correlation),
        "Bootstrap over variants, which share networks and puzzles: the interval is optimistic.",
    )
    by_threshold = Grid(
        f"threshold learnt on the other networks: loses more than {100 * COLLAPSE:.0f} pp?",
        ("fidelity", "left out", "threshold", "bad ones found", "false alarms", "right %"),
        tuple(thresholds),
    )
    return [by_rank, by_threshold]
