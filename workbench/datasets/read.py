"""One way to puzzles of a user's own: a file or folder of any known form, fitted to a network."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from refimpl.errors import InputError
from refimpl.models.config import ModelConfig
from workbench.datasets.arrays import DESCRIPTION, Arrays, Integers, folder_of, read_arrays, read_folder
from workbench.files.inputs import opened
from workbench.tasks.codes import IGNORED
from workbench.tasks.sets import PuzzleSet, at_least_one
from workbench.tasks.task import TASKS, Task, task_of

Tokens = npt.NDArray[np.int32]
Split = Literal["test", "train"]
_ZIP = b"PK"


def add_data(parser: argparse.ArgumentParser) -> None:
    """Declare ``--data``, the same on every command that runs puzzles."""
    parser.add_argument("--data", metavar="FILE[:ROW]", help="puzzles of your own, or one of them counted "
                        "from 0: npz (inputs, labels, puzzle_ids), an official data set folder, csv, ARC json"
                        )  # fmt: skip


def read_data(
    name: str | Path,
    config: ModelConfig,
    count: int | None = None,
    split: Split = "test",
    tasks: Mapping[str, Task] = TASKS,
) -> PuzzleSet:
    """Return the puzzles that ``name`` means to a network of this configuration.

    Parameters
    ----------
    name : path of a file or folder, or ``PATH:ROW`` for one puzzle, counted from 0.
    count : the first so many; None for all.
    split : which folder of an official data set, where ``name`` is the one above it.
    tasks : how text files of a task are read, and which of its labels do not count.

    Raises
    ------
    InputError
        If the file is missing, damaged or of no known form, or its shapes, tokens or puzzle rows are not
        the network's.
    """
    path, row = _path_and_row(str(name))
    if count is not None:
        at_least_one(count)
    stop = count if row is None else row + 1
    task = task_of(config, tasks)
    arrays = _read(path, config, task, stop, split)
    puzzles = _fitted(arrays, config, task, path, stop)
    found = len(puzzles.inputs)
    if row is not None:
        if row >= found:
            raise InputError(f"{path} has {found} puzzles; there is no number {row} (they count from 0).")
        return puzzles.rows(row, 1, f"{path}, puzzle {row}")
    if not found:
        raise InputError(f"{path} holds no puzzles.")
    if count is not None and count > found:
        raise InputError(f"{path} has {found} puzzles; {count} were asked for.")
    return puzzles.rows(0, found, f"{path}, {'all' if count is None else 'first'} {found} puzzles")


def _path_and_row(name: str) -> tuple[Path, int | None]:
    if _exists(name):
        return Path(name), None
    path, _, row = name.rpartition(":")
    if path and row.isascii() and row.isdigit() and len(row) < 10 and _exists(path):
        return Path(path), int(row)
    raise InputError(f"there is no file or folder {path if path and row.isdigit() else name}.")


def _exists(name: str) -> bool:
    try:
        return Path(name).exists()
    except (OSError, ValueError):  # too long for a name, or a zero byte in it
        return False


def _read(path: Path, config: ModelConfig, task: Task, stop: int | None, split: Split) -> Arrays:
    if path.is_dir():
        folder = folder_of(path, split)
        if folder is not None:
            return read_folder(folder)
        if task.name != "arc":
            raise InputError(f"the folder {path} has no {DESCRIPTION}, and neither has its folder {split!r}; "
                             "an official data set has one beside its arrays.")
    elif _begins_with(path, _ZIP):
        return read_arrays(path)
    return Arrays(*task.read(path, config, stop), puzzle_ids=None)


def _begins_with(path: Path, magic: bytes) -> bool:
    with opened(path) as file:
        return file.read(len(magic)) == magic


def _fitted(arrays: Arrays, config: ModelConfig, task: Task, path: Path, stop: int | None) -> PuzzleSet:
    """Check shapes and ranges, flatten grids, mark what does not count."""
    if arrays.vocab_size not in (None, config.vocab_size):
        raise InputError(f"{path} has a vocabulary of {arrays.vocab_size} tokens; the network has "
                         f"{config.vocab_size}.")
    inputs = _tokens(arrays.inputs[:stop], "inputs", config, path)
    total = len(arrays.inputs)
    if arrays.labels is None:
        labels = np.full(inputs.shape, IGNORED, np.int32)
    else:
        if len(arrays.labels) != total:
            raise InputError(f"{path} has {total} inputs and {len(arrays.labels)} labels; they must be as "
                             "many.")
        ignored = (IGNORED, *arrays.ignored, *task.ignored)
        labels = _tokens(arrays.labels[:stop], "labels", config, path, ignored)
    return PuzzleSet(inputs, labels, str(path), puzzle_ids=_ids(arrays, config, path, stop))


def _ids(arrays: Arrays, config: ModelConfig, path: Path, stop: int | None) -> Tokens | None:
    ids, total = arrays.puzzle_ids, len(arrays.inputs)
    if ids is None:
        return None
    if ids.shape != (total,):
        raise InputError(f"{path}: puzzle_ids have shape {ids.shape}; there must be one for each of the "
                         f"{total} inputs.")
    cut: Tokens = ids[:stop].astype(np.int32)
    rows = config.num_puzzle_identifiers if config.puzzle_emb_len else 0
    wrong = np.flatnonzero((cut < 0) | (cut >= max(rows, 1)))
    if len(wrong):
        raise InputError(f"{path}: puzzle {int(wrong[0])} has the id {int(cut[wrong[0]])}; the network "
                         f"has {rows} puzzle rows.")
    return cut if cut.any() else None


def _tokens(
    found: Integers, name: str, config: ModelConfig, path: Path, ignored: tuple[int, ...] = ()
) -> Tokens:
    """Return (N, seq_len) int32 with ``ignored`` values as IGNORED, all others within the vocabulary."""
    cells = int(np.prod(found.shape[1:])) if found.ndim > 1 else 0
    if cells != config.seq_len:
        shape = "x".join(map(str, found.shape[1:])) or "no"
        raise InputError(f"{path}: {name} have {shape} positions a puzzle; the network has {config.seq_len}.")
    flat = found.reshape(len(found), cells).astype(np.int64)
    out = np.isin(flat, ignored)
    wrong = np.argwhere(~out & ((flat < 0) | (flat >= config.vocab_size)))
    if len(wrong):
        row, position = map(int, wrong[0])
        raise InputError(f"{path}: {name} have {int(flat[row, position])} in puzzle {row}, position "
                         f"{position}; the network's tokens are 0 to {config.vocab_size - 1}.")
    return np.where(out, IGNORED, flat).astype(np.int32)
