"""``python -m refimpl curves``: the training curves on the networks' cards."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from refimpl.errors import InputError
from workbench.checkpoints.networks import CONFIG
from workbench.command_line import examples
from workbench.files.fields import Fields
from workbench.files.inputs import read_json
from workbench.networks import Network, find_network
from workbench.render.grid import Grid
from workbench.render.plot import Lines
from workbench.render.sheet import Sheet, add_format, show

SCHEMA = "refimpl.curves/1"
Points = list[tuple[float, float]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("measure", help="part of a curve's column name, such as 'exact' or '32 givens exact'")
    parser.add_argument("networks", nargs="+", help="shipped networks, or folders")
    add_format(parser)
    examples(parser, "'32 givens exact' sudoku9-pair-mlp sudoku9-pair-att --plots curves")


def run(args: argparse.Namespace) -> int:
    """Draw accuracy against optimizer steps, one curve per network and measure."""
    show(sheet([find_network(name) for name in args.networks], args.measure), args)
    return 0


def sheet(networks: Sequence[Network], measure: str) -> Sheet:
    """The curves whose column name contains ``measure``."""
    series = points_of(networks, measure)
    shares = {name: tuple(zip(*points, strict=True)) for name, points in series.items()}
    plot = Lines(f"{measure}, share of 1", "optimizer step", "",
                 {name: (found[0], found[1]) for name, found in shares.items()})  # fmt: skip
    rows = tuple((name, f"{points[-1][0]:,.0f}", f"{points[-1][1]:.4f}", f"{max(y for _, y in points):.4f}")
                 for name, points in series.items())  # fmt: skip
    grid = Grid(f"{measure}, share of 1", ("curve", "last step", "there", "best"), rows)
    return Sheet("refimpl curves", (grid,), (), {"schema": SCHEMA, "series": series}, (plot,))


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
