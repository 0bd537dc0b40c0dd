"""Plots for a terminal: bars of two shares, and curves on a character grid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.text import Text

BAR_WIDTH = 36
PLOT_WIDTH, PLOT_HEIGHT = 68, 14
SYMBOLS = "ox+*#@"
STYLES = ("cyan", "magenta", "yellow", "green", "red", "blue")


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
    title: str, series: Mapping[str, Sequence[float]], low: float, high: float, axis: str = "call"
) -> Text:
    """Values against their index; each series in its own symbol, resampled to the width of the grid."""
    grid = [[(" ", "default")] * PLOT_WIDTH for _ in range(PLOT_HEIGHT)]
    span = high - low or 1.0
    for place, values in enumerate(series.values()):
        symbol, style = SYMBOLS[place % len(SYMBOLS)], STYLES[place % len(STYLES)]
        for column in range(PLOT_WIDTH):
            value = values[min(column * len(values) // PLOT_WIDTH, len(values) - 1)]
            share = (min(max(value, low), high) - low) / span
            grid[PLOT_HEIGHT - 1 - round(share * (PLOT_HEIGHT - 1))][column] = (symbol, style)
    text = Text(f"{title}\n", style="bold")
    for i, line in enumerate(grid):
        text.append(f"{high - span * i / (PLOT_HEIGHT - 1):7.3f} │", style="default")
        for symbol, style in line:
            text.append(symbol, style=style)
        text.append("\n")
    last = max(len(values) for values in series.values()) - 1
    text.append("        └" + "─" * PLOT_WIDTH + "\n", style="default")
    text.append(f"         0{axis:^{PLOT_WIDTH - 7}}{last:>6}\n", style="default")
    for place, name in enumerate(series):
        text.append(f"  {SYMBOLS[place % len(SYMBOLS)]} {name}", style=STYLES[place % len(STYLES)])
    text.append("\n")
    return text
