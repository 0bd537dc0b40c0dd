"""Lines of a fixed width: the longest wording that has room, columns that give way whole, bars, sparklines.

Nothing here cuts a word or a number: what finds no room is left out or goes on in the next line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from rich.cells import cell_len
from rich.text import Text

BLOCKS = "▁▂▃▄▅▆▇█"
FULL, EMPTY = "█", "░"
_WORD = re.compile(r"\S+(?: (?:%|B|KiB|MiB|h|min|s|ms|us|kJ|J|mJ|uJ)(?!\w))*")


def fitted(width: int, *wordings: Text, indent: int = 0) -> list[Text]:
    """The first wording that fits into one line of ``width``; if none does, the last in several lines."""
    for wording in wordings:
        if wording.cell_len <= width:
            return [wording]
    return wrapped(wordings[-1], width, indent)


def wrapped(text: Text, width: int, indent: int = 0) -> list[Text]:
    """``text`` in lines broken between words; later lines begin with ``indent`` spaces."""
    lines: list[Text] = []
    start = 0
    for word_start, word_end in _words(text.plain):
        room = width - (indent if lines else 0)
        if cell_len(text.plain[start:word_end]) > room and word_start > start:
            lines.append(text[start:word_start])
            start = word_start
    lines.append(text[start:])
    lines = [Text(" " * indent * (i > 0)).append_text(line) for i, line in enumerate(lines)]
    for line in lines:
        line.rstrip()
    return lines


def _words(plain: str) -> Iterable[tuple[int, int]]:
    """Where each word begins and ends; a number and its unit are one."""
    return (match.span() for match in _WORD.finditer(plain))


@dataclass(frozen=True)
class Column:
    """``cells`` under a ``heading``; of columns without room the one with the largest ``rank`` goes first."""

    heading: str
    cells: Sequence[str]
    right: bool = True
    rank: int = 0

    @property
    def width(self) -> int:
        return max(map(cell_len, (self.heading, *self.cells)))


def columns(width: int, found: Sequence[Column], gap: int = 2, styles: Sequence[str] = ()) -> list[Text]:
    """A heading and a line a row, without the columns of highest rank that have no room."""
    shown = list(found)
    while sum(c.width for c in shown) + gap * (len(shown) - 1) > width and any(c.rank for c in shown):
        shown.remove(max(shown, key=lambda c: c.rank))
    lines = []
    for row in range(-1, len(found[0].cells)):
        cells = [c.heading if row < 0 else c.cells[row] for c in shown]
        blanks = [" " * (c.width - cell_len(cell)) for c, cell in zip(shown, cells, strict=True)]
        padded = [
            blank + cell if c.right else cell + blank
            for c, cell, blank in zip(shown, cells, blanks, strict=True)
        ]
        style = "dim" if row < 0 else styles[row] if styles else ""
        lines.append(Text((" " * gap).join(padded).rstrip(), style))
    return lines


def bar(share: float, width: int) -> str:
    """A share of 1; more than 1 is a full bar."""
    filled = min(width, round(share * width))
    return FULL * filled + EMPTY * (width - filled)


def sparkline(values: Sequence[float], width: int) -> str:
    """One block a value between the least of them and the largest; more values than ``width``: the least of
    each group of neighbours."""
    count = min(width, len(values))
    edges = [len(values) * i // count for i in range(count + 1)]
    least = [min(values[a:b]) for a, b in pairwise(edges)]
    low, span = min(values), max(values) - min(values) or 1.0
    return "".join(BLOCKS[round((v - low) / span * (len(BLOCKS) - 1))] for v in least)
