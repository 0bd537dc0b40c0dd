"""What to sweep: grids of formats and depths, from a TOML file or from flags.

    puzzles = 256                       # 0 or absent: the whole default set
    givens = 36                         # Sudokus with so many givens; 0 or absent: the default set
    data = "mine.csv"                   # puzzles of your own in their place; absent: the default set
    [[grid]]
    networks = ["sudoku9-mlp"]
    weights = ["w8c", "w4c"]
    activations = ["a8"]
    carry = ["c16"]
    rounding = ["double"]
    depths = ["2x16", "1x8"]            # H_cycles x ACT steps; absent: the network's own
    stop = ["head+settled"]             # stop rules; absent: fixed, every step runs

A grid means every combination; cells that occur twice run once.  The float run of every network and
depth is always a cell: it is what the others are compared with.
"""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path
from typing import Any

from refimpl.errors import InputError, unknown_name
from refimpl.formats import EXACT, Format, parse_activations, parse_carry, parse_rounding, parse_weights
from workbench.files.inputs import read_toml
from workbench.lab.cell import Cell, Choice
from workbench.lab.variant import Variant

DEFAULTS: dict[str, list[str]] = {
    "weights": ["fp32"], "activations": ["a8"], "carry": ["c16"], "rounding": ["double"], "depths": ["own"],
    "stop": ["fixed"],
}  # fmt: skip
NETWORKS = "networks"


def parse_depth(text: str) -> tuple[int, int]:
    """``2x16`` -> (2, 16); ``own`` -> (0, 0)."""
    if text == "own":
        return 0, 0
    match = re.fullmatch(r"([1-9]\d{0,4})x([1-9]\d{0,4})", text)
    if match is None:
        raise InputError(f"the depth {text!r} is not H_cycles x steps, as in 2x16.")
    return int(match[1]), int(match[2])


def grid_cells(grid: dict[str, Any], choice: Choice, where: str) -> list[Cell]:
    """Every combination of one grid, float references first."""
    for key, values in grid.items():
        if key not in (NETWORKS, *DEFAULTS):
            raise unknown_name("grid key", key, (NETWORKS, *DEFAULTS))
        if not isinstance(values, list) or not values or not all(isinstance(v, str) for v in values):
            raise InputError(f"{where}: {key} must be a list of names in quotes.")
    if NETWORKS not in grid:
        raise InputError(f"{where}: no networks are named.")
    axes = {key: grid.get(key, default) for key, default in DEFAULTS.items()}
    references, variants = [], []
    for name in grid[NETWORKS]:
        for depth in map(parse_depth, axes["depths"]):
            references.append(Variant(name, H_cycles=depth[0], steps=depth[1]))
            formats = product(axes["weights"], axes["activations"], axes["carry"], axes["rounding"])
            for (weights, activations, carry, rounding), rule in product(formats, axes["stop"]):
                if weights != EXACT:
                    form = _format(weights, activations, carry, rounding)
                    variants.append(Variant(name, form, *depth, stop=rule))
    return [Cell(v.resolved(), choice) for v in (*references, *variants)]


def _format(weights: str, activations: str, carry: str, rounding: str) -> Format:
    parts = parse_activations(activations), parse_carry(carry), parse_rounding(rounding)
    return Format(parse_weights(weights), *parts)


def unique(cells: list[Cell]) -> list[Cell]:
    """Cells in order, repeated ones dropped."""
    return list({cell.key: cell for cell in cells}.values())


def read_plan(path: Path) -> list[Cell]:
    """The cells of a TOML plan."""
    raw = dict(read_toml(path, "the plan").data)
    for key in raw:
        if key not in ("puzzles", "givens", "data", "grid"):
            raise unknown_name("plan key", key, ("puzzles", "givens", "data", "grid"))
    grids, puzzles, givens = raw.get("grid", []), raw.get("puzzles", 0), raw.get("givens", 0)
    data = raw.get("data", "")
    if not isinstance(data, str):
        raise InputError(f"{path}: data is {data!r}; it must be the name of a file in quotes.")
    for name, value in (("puzzles", puzzles), ("givens", givens)):
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise InputError(f"{path}: {name} is {value!r}; it must be a count, or 0 for the default set.")
    if not isinstance(grids, list) or not grids or not all(isinstance(grid, dict) for grid in grids):
        raise InputError(f"{path}: there is no [[grid]].")
    choice = Choice(puzzles, givens, data)
    found = [grid_cells(grid, choice, f"{path}, grid {i}") for i, grid in enumerate(grids, 1)]
    return unique([cell for cells in found for cell in cells])
