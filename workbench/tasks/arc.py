"""ARC tasks: the official 30x30 token encoding, and the crop that scoring undoes it with.

Tokens: PAD 0, EOS 1, colours 0..9 -> 2..11.  The grid stands in the upper left corner of a 30x30
canvas; a column of EOS closes it on the right and a row of EOS below, where the canvas has room
(their corner stays PAD); the rest is PAD.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from refimpl.errors import InputError
from workbench.tasks.codes import IGNORED

Grid = NDArray[np.uint8]

CANVAS = 30
PAD, EOS, FIRST_COLOUR, COLOURS = 0, 1, 2, 10


class ArcPair(NamedTuple):
    """One example: two uint8 grids (rows, columns) of colours 0..9; their shapes may differ."""

    input: Grid
    output: Grid


@dataclass(frozen=True)
class ArcTask:
    """One task: its name, the demonstrations and the tests."""

    name: str
    train: tuple[ArcPair, ...]
    test: tuple[ArcPair, ...]


def encode_grid(grid: Grid, side: int = CANVAS) -> NDArray[np.int32]:
    """Return the ``side * side`` tokens of a grid of at most ``side`` x ``side`` colours."""
    rows, columns = grid.shape
    if max(rows, columns) > side:
        raise InputError(f"a grid of {rows}x{columns} cells does not fit the canvas of {side}x{side}.")
    canvas = np.full((side, side), PAD, dtype=np.int32)
    canvas[:rows, :columns] = grid.astype(np.int32) + FIRST_COLOUR
    if rows < side:
        canvas[rows, :columns] = EOS
    if columns < side:
        canvas[:rows, columns] = EOS
    return canvas.reshape(-1)


def encode_pairs(
    pairs: Iterable[ArcPair], side: int = CANVAS
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return the (inputs, labels) of some pairs, two int32 arrays (N, side * side).

    PAD does not count in labels; neither does any position of an output without cells (an unknown one).
    """
    chosen = list(pairs)
    inputs = np.array([encode_grid(pair.input, side) for pair in chosen], dtype=np.int32)
    labels = np.full((len(chosen), side * side), IGNORED, dtype=np.int32)
    for row, pair in zip(labels, chosen, strict=True):
        if pair.output.size:
            tokens = encode_grid(pair.output, side)
            row[:] = np.where(tokens == PAD, IGNORED, tokens)
    return inputs.reshape(-1, side * side), labels


def crop(tokens: NDArray[np.integer]) -> Grid:
    """Return the colours of the largest rectangle at the upper left that holds colours alone.

    For tokens made by :func:`encode_grid` this is the grid.  A prediction may have ragged borders:
    of equal areas the one with fewer rows wins, and a canvas without a colour in its corner gives a
    grid of 0 x 0 cells.  (The official scoring does the same.)
    """
    side = math.isqrt(np.size(tokens))
    canvas = np.asarray(tokens).reshape(side, side)
    coloured = (canvas >= FIRST_COLOUR) & (canvas < FIRST_COLOUR + COLOURS)
    widths = np.minimum.accumulate(np.where(coloured.all(axis=1), side, coloured.argmin(axis=1)))
    areas = widths * np.arange(1, side + 1)
    rows = int(areas.argmax()) + 1
    columns = int(widths[rows - 1])
    if columns == 0:
        rows = 0
    return (canvas[:rows, :columns] - FIRST_COLOUR).astype(np.uint8)
