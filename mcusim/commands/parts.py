"""``mcusim parts [NAME]``: every part that can be simulated, or one part's figures with their origin."""

from __future__ import annotations

import argparse
from pathlib import Path

from mcusim.figures import Figure, Span
from mcusim.parts import Part, load_part, part_names
from mcusim.units import KIB
from refimpl.errors import InputError
from workbench.command_line import examples
from workbench.render.grid import Grid
from workbench.render.sheet import Sheet, add_format, show

SCHEMA, PART_SCHEMA = "mcusim-parts/1", "mcusim-part/1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", metavar="PART", help="one part, with the source of every figure")
    parser.add_argument("--print", action="store_true", help="print its TOML file, to copy and change")
    parser.add_argument("--catalogue", type=Path, metavar="FOLDER", help="folder with more parts")
    add_format(parser)
    examples(parser, "", "rp2350", "rp2350 --print")


def value(figure: Figure | Span) -> str:
    """A figure's number, or both ends."""
    if isinstance(figure, Span):
        return f"{figure.low:g} .. {figure.high:g}"
    return f"{figure.value:,.0f}" if figure.value == round(figure.value) else f"{figure.value:g}"


def figures_grid(part: Part) -> Grid:
    """Every figure behind an estimate: value in SI units, basis, source."""
    rows = tuple((name, value(f), f.basis, f.source) for name, f in part.named_figures())
    return Grid("figures (bytes, hertz, bytes a second, instructions, cycles)",
                ("figure", "value", "basis", "source"), rows, left=4, folded=(0, 3))  # fmt: skip


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


def _one(part: Part) -> Sheet:
    data = {
        "schema": PART_SCHEMA,
        "name": part.name,
        "title": part.title,
        "core": part.core.name,
        "figures": [
            {"name": name, "value": value(f), "basis": f.basis, "source": f.source}
            for name, f in part.named_figures()
        ],
    }
    memories = tuple(f"{r.name}: {r.kind}, holds {', '.join(r.purposes)}" for r in part.regions)
    sentences = (f"{part.title}; {part.core.title}. Memories: {'; '.join(memories)}.",)
    return Sheet(f"mcusim parts · {part.name}", (figures_grid(part),), sentences, data)


def _all(folder: Path | None) -> Sheet:
    parts = [load_part(name, folder) for name in part_names(folder)]
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
        "`python -m mcusim parts NAME` lists every figure with its source.",
    )
    return Sheet("mcusim parts", (grid,), sentences, data)


def run(args: argparse.Namespace) -> int:
    if args.print and args.name is None:
        raise InputError("--print needs the name of a part.")
    if args.name is None:
        show(_all(args.catalogue), args)
        return 0
    part = load_part(args.name, args.catalogue)
    if args.print:
        print(part.path.read_text(encoding="utf-8"), end="")
    else:
        show(_one(part), args)
    return 0
