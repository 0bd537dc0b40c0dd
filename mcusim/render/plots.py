"""A scatter plot of characters, both axes logarithmic."""

from __future__ import annotations

from dataclasses import dataclass
from math import log10

COLUMNS, LINES = 60, 14


@dataclass(frozen=True)
class Point:
    """``marked`` is drawn as * instead of o."""

    x: float
    y: float
    marked: bool = False


def _position(value: float, low: float, high: float, steps: int) -> int:
    if high == low:
        return 0
    return round((log10(value) - log10(low)) / (log10(high) - log10(low)) * (steps - 1))


def scatter(points: list[Point], x_label: str, y_label: str) -> str:
    """Points with positive coordinates; the ends of each axis are written beside it."""
    if not points:
        return ""
    xs, ys = [p.x for p in points], [p.y for p in points]
    field = [[" "] * COLUMNS for _ in range(LINES)]
    for point in sorted(points, key=lambda p: p.marked):
        column = _position(point.x, min(xs), max(xs), COLUMNS)
        line = LINES - 1 - _position(point.y, min(ys), max(ys), LINES)
        field[line][column] = "*" if point.marked else "o"
    ends = [f"{value:,.4g}" for value in (max(ys), min(ys))]
    margin = max(map(len, ends))
    left = [ends[0], *[""] * (LINES - 2), ends[1]]
    lines = [
        f"{label:>{margin}} │{''.join(cells)}".rstrip() for label, cells in zip(left, field, strict=True)
    ]
    low, high = f"{min(xs):,.4g}", f"{max(xs):,.4g}"
    axis = f"{'':>{margin}} └{'─' * COLUMNS}"
    scale = f"{'':>{margin}}  {low}{x_label:^{COLUMNS - len(low) - len(high)}}{high}"
    return "\n".join([y_label, *lines, axis, scale])
