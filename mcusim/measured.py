"""Figures of others and measurements of ours that stand beside a plan, from ``data/beside.toml``."""

from __future__ import annotations

from dataclasses import dataclass

from mcusim.catalogue import SHIPPED
from mcusim.toml_checks import read_table

PATH = SHIPPED / "beside.toml"


@dataclass(frozen=True)
class Compiled:
    """What another tool needs for one ACT step of the same network."""

    model: str
    tool: str
    sram_bytes: int
    seconds: float
    source: str


@dataclass(frozen=True)
class CarryCost:
    """Accuracy of one trained network under both carries, on the same puzzles."""

    network: str
    weights: str
    puzzles: int
    int16_exact: int
    int8_exact: int
    int16_cells: int
    int8_cells: int
    cells: int
    source: str


def compiled(model: str) -> tuple[Compiled, ...]:
    """What is known of other tools for ``model``."""
    rows = []
    for row in read_table(PATH).tables("compiled"):
        seconds = float(row.get("seconds", (int, float), "a number"))
        size = row.whole("sram_bytes")
        rows.append(Compiled(row.text("model"), row.text("tool"), size, seconds, row.text("source")))
        row.finish()
    return tuple(row for row in rows if row.model == model)


def carry_costs() -> tuple[CarryCost, ...]:
    """Every measured pair of carries."""
    rows = []
    for row in read_table(PATH).tables("carry"):
        rows.append(CarryCost(
            network=row.text("network"),
            weights=row.text("weights"),
            puzzles=row.whole("puzzles", 1),
            int16_exact=row.whole("int16_exact"),
            int8_exact=row.whole("int8_exact"),
            int16_cells=row.whole("int16_cells"),
            int8_cells=row.whole("int8_cells"),
            cells=row.whole("cells", 1),
            source=row.text("source"),
        ))  # fmt: skip
        row.finish()
    return tuple(rows)
