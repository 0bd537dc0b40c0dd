"""A report as one HTML file: tables that sort, plots as inline SVG, light and dark; it asks no network."""

from __future__ import annotations

import html
from collections.abc import Sequence
from importlib import resources

from workbench.render.grid import Grid
from workbench.render.plot import INK, SERIES, SOFT, Lines, Plot, drawn

_VARIABLES = {INK: "var(--ink)", SOFT: "var(--soft)", **{c: f"var(--c{i})" for i, c in enumerate(SERIES)}}


def page(
    title: str, head: Sequence[str], plots: Sequence[Plot], grids: Sequence[Grid],
    sentences: Sequence[str], made_by: str, screen: str = "",
) -> str:
    """The file.  ``head``: what stands on top, largest first; ``made_by``: the command that made it."""
    figures = "".join(map(_figure, all_plots(plots, grids)))
    body = [f"<h1>{html.escape(title)}</h1>", *(f"<p class=head>{html.escape(line)}</p>" for line in head)]
    if screen:
        body.append(f"<pre>{html.escape(screen)}</pre>")
    body += [f"<div class=plots>{figures}</div>" if figures else "", *map(_table, grids)]
    body += [f"<p>{html.escape(sentence)}</p>" for sentence in sentences]
    body.append(f"<p class=made>Made by <code>{html.escape(made_by)}</code></p>")
    style, script = (resources.files("workbench.render").joinpath(f"page.{kind}").read_text("utf-8")
                     for kind in ("css", "js"))  # fmt: skip
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<link rel="icon" href="data:,">'
        f"<title>{html.escape(title)}</title>\n<style>{style}</style></head>\n<body><main>"
        + "\n".join(body) + f"</main>\n<script>{script}</script></body></html>\n"
    )  # fmt: skip


def all_plots(plots: Sequence[Plot], grids: Sequence[Grid]) -> list[Plot]:
    """``plots``, then the curves of the tables."""
    curves = (
        Lines(grid.title, "call", "", {name: (range(len(ys)), ys) for name, ys in grid.series.items()})
        for grid in grids if grid.series
    )  # fmt: skip
    return [*plots, *curves]


def _figure(plot: Plot) -> str:
    svg = drawn(plot, "svg", printed=False).decode()
    for mark, variable in _VARIABLES.items():
        svg = svg.replace(mark, variable)
    said = html.escape(plot.title, quote=True)
    return f'<figure role="img" aria-label="{said}">{svg}</figure>'


def _table(grid: Grid) -> str:
    def cells(row: Sequence[str], tag: str) -> str:
        return "".join(
            f"<{tag}{'' if i < grid.left or i in grid.folded else ' class=n'}>"
            f"{html.escape(cell)}</{tag}>" for i, cell in enumerate(row)
        )  # fmt: skip

    def row_class(number: int) -> str:
        return " class=strong" if number in grid.strong else " class=weak" if number in grid.weak else ""

    rows = "".join(f"<tr{row_class(i)}>{cells(row, 'td')}</tr>" for i, row in enumerate(grid.rows))
    note = f"<p class=note>{html.escape(grid.note)}</p>" if grid.note else ""
    head = f"<thead><tr>{cells(grid.headings, 'th')}</tr></thead>"
    return (f"<section><h2>{html.escape(grid.title)}</h2><div class=wide><table>{head}"
            f"<tbody>{rows}</tbody></table></div>{note}</section>")  # fmt: skip
