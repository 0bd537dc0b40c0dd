"""Plots as data, and as SVG or PDF drawn by matplotlib (extra ``viz``)."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from refimpl.errors import InputError

# Colours stand for CSS variables of a page, so that one drawing serves a light and a dark one.
INK, SOFT = "#101112", "#131415"
SERIES = ("#202122", "#232425", "#262728", "#292a2b", "#2c2d2e", "#2f3031")
PRINTED = {INK: "#1b1f24", SOFT: "#c5cad1", **dict(zip(
    SERIES, ("#0b63ce", "#c4432b", "#1a7f4b", "#8a4fc4", "#b07d00", "#0f8a94"), strict=True))}  # fmt: skip
SIZE = (4.6, 3.1)  # inches; small, so that letters stay readable on a phone

TITLE_WIDTH = 58
_SETTINGS: Any = {
    "svg.fonttype": "none", "svg.hashsalt": "plots", "font.size": 9, "font.family": "sans-serif",
    "text.color": INK, "axes.edgecolor": SOFT, "axes.labelcolor": INK, "xtick.color": INK,
    "ytick.color": INK, "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True,
    "grid.color": SOFT, "grid.linewidth": 0.5, "axes.axisbelow": True, "legend.frameon": False,
    "axes.titlesize": 10, "pdf.fonttype": 42,
}  # fmt: skip


@dataclass(frozen=True)
class Lines:
    """Series (x, y) by name, as lines."""

    title: str
    x: str
    y: str
    series: Mapping[str, tuple[Sequence[float], Sequence[float]]]


@dataclass(frozen=True)
class Points:
    """Labelled points (x, y, label); ``strong`` are the indices of those that are marked."""

    title: str
    x: str
    y: str
    points: Sequence[tuple[float, float, str]]
    strong: tuple[int, ...] = ()
    log_x: bool = False
    log_y: bool = False


@dataclass(frozen=True)
class Bars:
    """A bar a row (label, length), with the two ends of its interval where it has one."""

    title: str
    x: str
    rows: Sequence[tuple[str, float]]
    spans: Sequence[tuple[float, float]] = ()


@dataclass(frozen=True)
class Heat:
    """``values[row][column]`` as shades: ``rows`` and ``columns`` are their names."""

    title: str
    x: str
    rows: Sequence[str]
    columns: Sequence[str]
    values: Sequence[Sequence[float]]


@dataclass(frozen=True)
class Held:
    """A memory map: (name, begin, end, offset, bytes) of each buffer; ``moments``: names in time."""

    title: str
    y: str
    blocks: Sequence[tuple[str, float, float, int, int]]
    moments: Sequence[tuple[float, str]]


Plot = Lines | Points | Bars | Heat | Held


def drawn(plot: Plot, form: str = "svg", printed: bool = True) -> bytes:
    """The plot as a file of ``form`` (svg, pdf or png).

    ``printed``: in the colours of a light page; otherwise in the place holders that a page replaces.

    Raises InputError where matplotlib is not installed.
    """
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError as error:
        raise InputError("plots are drawn by matplotlib, which is not installed: pip install matplotlib, or "
                         "this project with its extra viz.") from error  # fmt: skip
    held = io.BytesIO()
    stamp = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(form)
    with matplotlib.rc_context(_SETTINGS):
        height = SIZE[1]
        if isinstance(plot, Bars | Heat):
            height = max(1.4, 0.8 + 0.24 * len(plot.rows))
        figure = Figure(figsize=(SIZE[0], height), layout="constrained")
        axes = figure.add_subplot()
        _DRAW[type(plot)](axes, plot)
        title = "\n".join(textwrap.wrap(plot.title, TITLE_WIDTH))
        if isinstance(plot, Bars | Heat):  # whose axes begin right of long names
            figure.suptitle(title, x=0.01, ha="left", fontsize=_SETTINGS["axes.titlesize"])
        else:
            axes.set_title(title, loc="left")
        figure.savefig(held, format=form, transparent=True, metadata=stamp)
    content = held.getvalue()
    if form != "svg":
        return content
    text = content.decode()
    text = text[text.index("<svg") :] if not printed else text
    for mark, colour in PRINTED.items() if printed else ():
        text = text.replace(mark, colour)
    return text.encode()


def _lines(axes: Any, plot: Lines) -> None:
    for number, (name, (xs, ys)) in enumerate(plot.series.items()):
        axes.plot(xs, ys, color=SERIES[number % len(SERIES)], linewidth=1.4, label=name,
                  marker="o" if len(xs) < 2 else None, linestyle=("-", "--", ":")[number // len(SERIES) % 3])
    axes.set_xlabel(plot.x)
    axes.set_ylabel(plot.y)
    if plot.series:
        axes.legend(fontsize=6, ncols=1 + len(plot.series) // 4)


def _points(axes: Any, plot: Points) -> None:
    for number, (x, y, label) in enumerate(plot.points):
        strong = number in plot.strong
        axes.scatter([x], [y], s=34 if strong else 16, color=SERIES[1 if strong else 0], gid=f"point{number}")
        if strong or len(plot.points) <= 14:
            axes.annotate(label, (x, y), xytext=(4, 3), textcoords="offset points", fontsize=7)
    axes.set_xlabel(plot.x)
    axes.set_ylabel(plot.y)
    if plot.log_x:
        axes.set_xscale("log")
    if plot.log_y:
        axes.set_yscale("log")


def _bars(axes: Any, plot: Bars) -> None:
    names, values = zip(*plot.rows, strict=True)
    places = range(len(names))
    error = None
    if plot.spans:
        error = [[v - low for v, (low, _) in zip(values, plot.spans, strict=True)],
                 [high - v for v, (_, high) in zip(values, plot.spans, strict=True)]]  # fmt: skip
    axes.barh(places, values, xerr=error, color=SERIES[0], ecolor=INK, height=0.66, capsize=2)
    axes.set_yticks(places, names)
    axes.invert_yaxis()
    axes.set_xlabel(plot.x)
    axes.grid(axis="y", visible=False)


def _heat(axes: Any, plot: Heat) -> None:
    most = max((value for row in plot.values for value in row), default=0.0) or 1.0
    for y, row in enumerate(plot.values):
        for x, value in enumerate(row):
            if value:
                axes.add_patch(_box(x - 0.5, y - 0.5, 1, 1, SERIES[1], 0.15 + 0.85 * value / most))
    axes.set_xlim(-0.5, len(plot.columns) - 0.5)
    axes.set_ylim(len(plot.rows) - 0.5, -0.5)
    axes.set_yticks(range(len(plot.rows)), plot.rows, fontsize=7)
    every = max(1, -(-len(plot.columns) // 12))
    axes.set_xticks(range(0, len(plot.columns), every), plot.columns[::every], fontsize=7)
    axes.set_xlabel(f"{plot.x}; darkest: {most:g}")


def _held(axes: Any, plot: Held) -> None:
    names: dict[str, int] = {}
    for name, begin, end, offset, size in plot.blocks:
        number = names.setdefault(name, len(names))
        colour = SERIES[number % len(SERIES)]
        axes.add_patch(_box(begin, offset / 1024, end - begin, size / 1024, colour, 0.55))
    axes.set_xlim(min(b for _, b, *_ in plot.blocks), max(e for _, _, e, *_ in plot.blocks))
    axes.set_ylim(0, max(o + s for *_, o, s in plot.blocks) / 1024)
    axes.set_ylabel(plot.y)
    places, names_there = zip(*plot.moments, strict=True)
    axes.set_xticks(places, names_there, fontsize=7, rotation=40, ha="right")
    wide = sorted(plot.blocks, key=lambda block: -block[4] * (block[2] - block[1]))[:8]
    for name, begin, end, offset, size in wide:
        axes.text((begin + end) / 2, (offset + size / 2) / 1024, name, fontsize=7, ha="center", va="center",
                  clip_on=True)


def _box(x: float, y: float, width: float, height: float, colour: str, alpha: float) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle((x, y), width, height, facecolor=colour, alpha=alpha, edgecolor=SOFT, linewidth=0.4)


_DRAW: Mapping[type, Any] = {Lines: _lines, Points: _points, Bars: _bars, Heat: _heat, Held: _held}
