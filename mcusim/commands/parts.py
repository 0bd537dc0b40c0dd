"""``mcusim parts``: every part that can be simulated."""

from __future__ import annotations

import argparse
from pathlib import Path

from mcusim.parts import Part, load_part, part_names
from mcusim.render.grids import Grid
from mcusim.render.sheets import Sheet, add_format, show
from mcusim.units import KIB

SCHEMA = "mcusim-parts/1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, help="folder with more parts")
    add_format(parser)


def _row(part: Part) -> tuple[str, ...]:
    arena = max(
        (r for r in part.regions if "arena" in r.purposes and r.interface is None), key=lambda r: r.bytes
    )
    image = part.region("image")
    clock, rows = f"{part.clock_hz / 1e6:g}", f"{part.region('rows').read / 1e6:g}"
    return (
        part.name,
        part.core.name,
        clock,
        f"{arena.bytes // KIB:,}",
        image.name,
        f"{image.bytes // KIB:,}",
        rows,
    )


def run(args: argparse.Namespace) -> int:
    parts = [load_part(name, args.data) for name in part_names(args.data)]
    headings = ("part", "core", "MHz", "SRAM KiB", "image", "KiB", "rows")
    grid = Grid("parts", headings, tuple(map(_row, parts)), left=2)
    data = {
        "schema": SCHEMA,
        "parts": [
            {
                "name": part.name,
                "title": part.title,
                "core": part.core.name,
                "clock_hz": part.clock_hz,
                "memories": [{"name": r.name, "kind": r.kind, "bytes": r.bytes} for r in part.regions],
            }
            for part in parts
        ],
    }
    sentences = (
        "SRAM: the largest internal region for an arena. Rows: peak MB/s of where embedding rows come from.",
        "'mcusim part NAME' lists every figure with its source.",
    )
    show(Sheet("mcusim parts", (grid,), sentences, data), args.format)
    return 0
