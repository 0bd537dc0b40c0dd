"""``python -m refimpl curves``: the training curves on the networks' cards."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np

from refimpl.errors import InputError
from workbench.checkpoints.networks import CONFIG
from workbench.command_line import examples
from workbench.files.fields import Fields
from workbench.files.inputs import read_json
from workbench.networks import Network, find_network
from workbench.render.plots import COLUMNS, curves
from workbench.render.sheet import Sheet, add_format, show

SCHEMA = "refimpl.curves/1"
Points = list[tuple[float, float]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("measure", help="part of a curve's column name, such as 'exact' or '32 givens exact'")
    parser.add_argument("networks", nargs="+", help="shipped networks, or folders")
    add_format(parser)
    examples(parser, "'32 givens exact' sudoku9-pair-mlp sudoku9-pair-att --format svg --out curves.svg")


def run(args: argparse.Namespace) -> int:
    """Draw accuracy against optimizer steps, one curve per network and measure."""
    show(sheet([find_network(name) for name in args.networks], args.measure), args)
    return 0


def sheet(networks: Sequence[Network], measure: str) -> Sheet:
    """The curves whose column name contains ``measure``."""
    series = points_of(networks, measure)
    last = max(step for points in series.values() for step, _ in points)
    plot = curves(f"{measure}, share of 1, against optimizer steps",
                  {name: _sampled(points, last) for name, points in series.items()}, 0.0, 1.0,
                  "optimizer step", last=round(last))  # fmt: skip
    return Sheet("refimpl curves", (plot,), (), {"schema": SCHEMA, "series": series})


def points_of(networks: Sequence[Network], measure: str) -> dict[str, Points]:
    """(optimizer step, share) of each curve whose column name contains ``measure``."""
    series: dict[str, Points] = {}
    for network in networks:
        card = Fields("", {}) if network.folder is None else read_json(network.folder / CONFIG, "the card")
        for point in card.tables("curve") if card.data.get("curve") else []:
            for column in (c for c in point.data if measure in c and c.endswith(("exact", "cell"))):
                pair = (point.number("step"), point.number(column))
                series.setdefault(f"{network.name}, {column}", []).append(pair)
    if not series:
        raise InputError(f"no card of {', '.join(n.name for n in networks)} has a curve of {measure!r}.")
    return series


def _sampled(points: Points, last: float) -> list[float | None]:
    """Values at COLUMNS steps from 0 to ``last``, None where the curve has none."""
    steps, values = (np.array(column, float) for column in zip(*points, strict=True))
    at = np.linspace(0, last, COLUMNS)
    inside = (at >= steps.min()) & (at <= steps.max())
    return [float(v) if ok else None for v, ok in zip(np.interp(at, steps, values), inside, strict=True)]
