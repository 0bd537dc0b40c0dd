"""``mcusim part NAME``: one part's figures with their origin, or its file to copy."""

from __future__ import annotations

import argparse
from pathlib import Path

from mcusim.figures import Figure, Span
from mcusim.parts import Part, load_part
from mcusim.render.grids import Grid
from mcusim.render.sheets import Sheet, add_format, show

SCHEMA = "mcusim-part/1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", help="a part; 'mcusim parts' lists them")
    parser.add_argument("--print", action="store_true", help="print its TOML file, to copy and change")
    parser.add_argument("--data", type=Path, help="folder with more parts")
    add_format(parser)


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


def run(args: argparse.Namespace) -> int:
    part = load_part(args.name, args.data)
    if args.print:
        print(part.path.read_text(encoding="utf-8"), end="")
        return 0
    data = {
        "schema": SCHEMA,
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
    show(Sheet(f"mcusim part · {part.name}", (figures_grid(part),), sentences, data), args.format)
    return 0
