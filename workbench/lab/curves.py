"""``python -m refimpl curves``: the training curves on the networks' cards as one SVG file."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from html import escape
from pathlib import Path

from refimpl.errors import InputError
from workbench.checkpoints import read_json
from workbench.checkpoints.networks import CONFIG
from workbench.command_line import examples
from workbench.files.outputs import write_file
from workbench.networks import Network, find_network

COLOURS = ("#4269d0", "#efb118", "#ff725c", "#6cc5b0", "#3ca951", "#ff8ab7", "#a463f2", "#97bbf5")
WIDTH, HEIGHT, LEFT, TOP = 640, 300, 40, 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("svg", type=Path, help="file to write")
    parser.add_argument("measure", help="part of a curve's column name, such as 'exact' or '32 givens exact'")
    parser.add_argument("networks", nargs="+", help="shipped networks, or folders")
    examples(parser, "curves.svg '32 givens exact' sudoku9-pair-mlp sudoku9-pair-att")


def run(args: argparse.Namespace) -> int:
    """Draw accuracy against optimizer steps, one line per network and measure."""
    networks = [find_network(name) for name in args.networks]
    write_file(args.svg, curves_svg(networks, args.measure).encode())
    return 0


def curves_svg(networks: Sequence[Network], measure: str) -> str:
    """Return the curves whose column name contains ``measure``."""
    series: dict[str, list[tuple[float, float]]] = {}
    for network in networks:
        curve = read_json(network.folder / CONFIG).get("curve", []) if network.folder else []
        for point in curve:
            for column in (c for c in point if measure in c and c.endswith(("exact", "cell"))):
                series.setdefault(f"{network.name}, {column}", []).append((point["step"], point[column]))
    if not series:
        raise InputError(f"no card of {', '.join(n.name for n in networks)} has a curve of {measure!r}.")
    last = max(step for points in series.values() for step, _ in points)
    bottom = TOP + HEIGHT
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH + LEFT + 20}" font-family="sans-serif" '
             f'font-size="11" height="{bottom + 30 + 15 * len(series)}">']
    for k in range(6):
        y, x = bottom - HEIGHT * k / 5, LEFT + WIDTH * k / 5
        parts.append(f'<path d="M{LEFT} {y}h{WIDTH}" stroke="#ccc"/>'
                     f'<text x="5" y="{y + 4}">{k / 5:.1f}</text>'
                     f'<text x="{x}" y="{bottom + 15}" text-anchor="middle">{last * k / 5:.0f}</text>')
    for k, (name, points) in enumerate(series.items()):
        colour = COLOURS[k % len(COLOURS)]
        line = " ".join(f"{LEFT + WIDTH * step / last:.1f},{bottom - HEIGHT * share:.1f}"
                        for step, share in points)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>'
                     f'<text x="{LEFT}" y="{bottom + 35 + 15 * k}" fill="{colour}">{escape(name)}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"
