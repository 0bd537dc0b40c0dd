"""Puzzles as arrays: an ``.npz`` of our own form, and a folder of the official data set builders."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from refimpl.errors import InputError
from workbench.checkpoints.archive import open_zip
from workbench.checkpoints.npz import read_npz
from workbench.files.inputs import opened, read_json

Integers = npt.NDArray[np.integer]

DESCRIPTION = "dataset.json"
_IDS = ("puzzle_ids", "puzzle_identifiers")
_LABELS = "labels"


@dataclass(frozen=True)
class Arrays:
    """``inputs`` (N, ...) and ``labels`` of the same shape (None: unknown), puzzle rows (N,) or None.

    ``ignored`` are the label values that the file itself says do not count; ``vocab_size`` is None where
    the file does not say.
    """

    inputs: Integers
    labels: Integers | None
    puzzle_ids: Integers | None
    ignored: tuple[int, ...] = ()
    vocab_size: int | None = None


def read_arrays(path: Path) -> Arrays:
    """Read ``inputs``, optional ``labels`` and optional ``puzzle_ids`` of an ``.npz``."""
    with open_zip(path) as archive:
        found = read_npz(archive, path)
    if "inputs" not in found:
        raise InputError(f"{path} holds {', '.join(sorted(found)) or 'nothing'}; a file of puzzles holds "
                         "inputs, labels and, if need be, puzzle_ids.")
    for name in ("inputs", _LABELS, *_IDS):
        if name in found and found[name].dtype.kind not in "iu":
            raise InputError(f"{path}: {name} are {found[name].dtype}; token codes are whole numbers.")
    ids = next((found[name] for name in _IDS if name in found), None)
    return Arrays(found["inputs"], found.get(_LABELS), ids)


def folder_of(path: Path, split: str) -> Path | None:
    """Return the folder with ``dataset.json`` that ``path`` means: itself, or its ``split`` folder."""
    for folder in (path, path / split):
        if (folder / DESCRIPTION).is_file():
            return folder
    return None


def read_folder(folder: Path) -> Arrays:
    """Read an official data set folder: ``dataset.json`` and ``SET__inputs.npy``, ``SET__labels.npy``, ...

    Puzzle identifiers come one a puzzle, with ``puzzle_indices`` saying where each puzzle's examples begin.
    """
    described = read_json(folder / DESCRIPTION, "the description").data
    sets = described.get("sets", ["all"])
    if not isinstance(sets, list) or not sets or not all(map(_is_file_stem, sets)):
        raise InputError(f"{folder / DESCRIPTION}: sets is {sets!r}; it must be a list of names.")
    parts = [_set(folder, name) for name in sets]
    ignored = described.get("ignore_label_id")
    vocab = described.get("vocab_size")
    for name, value in (("ignore_label_id", ignored), ("vocab_size", vocab)):
        if value is not None and type(value) is not int:
            raise InputError(f"{folder / DESCRIPTION}: {name} is {value!r}; it must be a whole number.")
    inputs, labels, ids = ([part[k] for part in parts] for k in range(3))
    if len(parts) == 1:  # stays mapped: an official file may hold gigabytes, of which few rows are asked for
        return Arrays(inputs[0], labels[0], ids[0], () if ignored is None else (ignored,), vocab)
    return Arrays(np.concatenate(inputs), np.concatenate(labels), np.concatenate(ids),
                  () if ignored is None else (ignored,), vocab)  # fmt: skip


def _is_file_stem(name: Any) -> bool:
    return isinstance(name, str) and not {"/", "\\", "\0"} & set(name)


def _set(folder: Path, name: str) -> tuple[Integers, Integers, Integers]:
    inputs, labels = (_npy(folder / f"{name}__{part}.npy", 2) for part in ("inputs", _LABELS))
    if inputs.shape != labels.shape:
        raise InputError(f"{folder}: {name}__inputs.npy is {inputs.shape} and {name}__labels.npy "
                         f"{labels.shape}; they must be alike.")
    path = folder / f"{name}__puzzle_identifiers.npy"
    if not path.is_file():
        return inputs, labels, np.zeros(len(inputs), np.int32)
    ids, begins = _npy(path, 1), folder / f"{name}__puzzle_indices.npy"
    if begins.is_file():
        starts = _npy(begins, 1)
        if len(starts) != len(ids) + 1 or starts[0] != 0 or (np.diff(starts) < 0).any():
            raise InputError(f"{begins} must hold {len(ids) + 1} growing numbers from 0, where each puzzle "
                             "begins.")
        ids = np.repeat(ids, np.diff(starts))
    if len(ids) != len(inputs):
        raise InputError(f"{path} names {len(ids)} examples; {name}__inputs.npy has {len(inputs)}.")
    return inputs, labels, ids


def _npy(path: Path, axes: int) -> Integers:
    try:
        with opened(path):  # an ordinary file; NumPy maps it by its name
            found = np.load(path, mmap_mode="r", allow_pickle=False)
    except InputError:
        raise
    except Exception as error:  # NumPy parses the header as a Python literal: damage surfaces in many types
        raise InputError(f"the file {path} is no .npy file of plain numbers; it is damaged.") from error
    if not isinstance(found, np.ndarray) or found.dtype.kind not in "iu" or found.ndim != axes:
        raise InputError(f"the file {path} must hold whole numbers along {axes} axes.")
    return found
