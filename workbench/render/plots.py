"""Plots of characters: bars of two shares, curves against their index, points on logarithmic axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log10

from rich.text import Text

COLUMNS, LINES = 60, 14
BAR_WIDTH = 36
SYMBOLS = "ox+*#@"
STYLES = ("cyan", "magenta", "yellow", "green", "red", "blue")


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


def scatter(points: list[Point], x_label: str, y_label: str) -> Text:
    """Points with positive coordinates; the ends of each axis are written beside it."""
    if not points:
        return Text()
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
    return Text("\n".join([y_label, *lines, axis, scale]))


def bars(title: str, rows: Sequence[tuple[str, float, float]]) -> Text:
    """Per row: label, exact share (full block) and cell share (light block), both 0..1."""
    width = max(len(label) for label, _, _ in rows)
    text = Text(f"{title}   █ exact  ░ cell\n", style="bold")
    for label, exact, cell in rows:
        solid = round(BAR_WIDTH * exact)
        light = max(round(BAR_WIDTH * cell) - solid, 0)
        text.append(f"{label:<{width}} ", style="default")
        text.append("█" * solid, style="cyan")
        text.append("░" * light, style="blue")
        text.append(f" {100 * exact:.1f} / {100 * cell:.1f}\n", style="default")
    return text


def curves(
    title: str, series: Mapping[str, Sequence[float | None]], low: float, high: float, axis: str = "call",
    last: int | None = None,
) -> Text:
    """Values against their index; each series in its own symbol, resampled to the width of the grid.

    None is a place without a value; ``last`` is what the axis says at its end instead of the last index.
    """
    grid = [[(" ", "default")] * COLUMNS for _ in range(LINES)]
    span = high - low or 1.0
    for place, values in enumerate(series.values()):
        symbol, style = SYMBOLS[place % len(SYMBOLS)], STYLES[place % len(STYLES)]
        for column in range(COLUMNS):
            value = values[min(column * len(values) // COLUMNS, len(values) - 1)]
            if value is None:
                continue
            share = (min(max(value, low), high) - low) / span
            grid[LINES - 1 - round(share * (LINES - 1))][column] = (symbol, style)
    text = Text(f"{title}\n", style="bold")
    for i, line in enumerate(grid):
        text.append(f"{high - span * i / (LINES - 1):7.3f} │", style="default")
        for symbol, style in line:
            text.append(symbol, style=style)
        text.append("\n")
    end = max(len(values) for values in series.values()) - 1 if last is None else last
    text.append("        └" + "─" * COLUMNS + "\n", style="default")
    text.append(f"         0{axis:^{COLUMNS - 7}}{end:>6}\n", style="default")
    for place, name in enumerate(series):
        text.append(f"  {SYMBOLS[place % len(SYMBOLS)]} {name}", style=STYLES[place % len(STYLES)])
    text.append("\n")
    return text
