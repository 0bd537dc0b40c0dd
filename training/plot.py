"""Training curves as SVG: accuracy against optimizer steps, one line per network and measure."""

from __future__ import annotations

import json
from pathlib import Path

COLOURS = ("#4269d0", "#efb118", "#ff725c", "#6cc5b0", "#3ca951", "#ff8ab7", "#a463f2", "#97bbf5")
WIDTH, HEIGHT, LEFT, TOP = 640, 300, 40, 10


def curves_svg(networks: list[Path], measure: str) -> str:
    """Return the curves whose column contains ``measure`` (such as ``exact``), from the networks' cards."""
    series: dict[str, list[tuple[float, float]]] = {}
    for network in networks:
        for point in json.loads((network / "config.json").read_text())["curve"]:
            for column in (c for c in point if measure in c):
                series.setdefault(f"{network.name}, {column}", []).append((point["step"], point[column]))
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
                     f'<text x="{LEFT}" y="{bottom + 35 + 15 * k}" fill="{colour}">{name}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"
