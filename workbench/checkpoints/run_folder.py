"""What lies in a training folder: the checkpoint, the settings, the description of the data set."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from refimpl.errors import InputError

_SETTINGS = ("all_config.yaml", "all_config.yml", "config.json", "config.yaml", "config.yml")
_WEIGHTS = ("weights.npz", "model.safetensors.index.json", "model.safetensors",
            "pytorch_model.bin.index.json", "pytorch_model.bin", "state-0.pt")  # fmt: skip
_ENDINGS = (".safetensors", ".pt", ".pth", ".ckpt", ".bin", ".npz")
_STEP = re.compile(r"step[_-]?(\d+)(\.pt|\.pth|\.ckpt|\.safetensors)?")
_DATASET = "dataset.json"


@dataclass(frozen=True)
class Found:
    """Paths of a run; ``settings`` None where there are none, ``remarks`` what was chosen among several."""

    checkpoint: Path
    settings: Path | None
    remarks: tuple[str, ...] = ()


def find_run(source: Path, settings: Path | None) -> Found:
    """Return what ``source``, a checkpoint file or the folder of a run, holds.

    Of several ``step_N`` the last is taken, and that is a remark.

    Raises
    ------
    InputError
        If there is no checkpoint in the folder, or several without an order.
    """
    if not source.exists():
        raise InputError(f"there is no file or folder {source}.")
    if not source.is_dir():
        return Found(source, settings or _settings_in(source.parent))
    checkpoint, remarks = _checkpoint_in(source)
    return Found(checkpoint, settings or _settings_in(source), remarks)


def find_dataset(source: Path, settings: Mapping[str, Any], named: Path | None) -> Path | None:
    """Return the ``dataset.json`` of a run: in the folder named, beside the run, or where its paths lead."""
    if named is not None:
        for folder in (named, named / "test", named / "train"):
            if (folder / _DATASET).is_file():
                return folder / _DATASET
        raise InputError(f"{named} has no {_DATASET}, and neither have its folders test and train.")
    run = source if source.is_dir() else source.parent
    places = [run, *_data_paths(settings, run)]
    return next((path for place in places for folder in (place, place / "test", place / "train")
                 if (path := folder / _DATASET).is_file()), None)  # fmt: skip


def _settings_in(folder: Path) -> Path | None:
    return next((folder / name for name in _SETTINGS if (folder / name).is_file()), None)


def _checkpoint_in(folder: Path) -> tuple[Path, tuple[str, ...]]:
    for name in _WEIGHTS:
        if (folder / name).is_file():
            return folder / name, ()
    files = sorted(path for path in folder.iterdir() if path.is_file())
    steps = {int(match[1]): path for path in files if (match := _STEP.fullmatch(path.name))}
    if steps:
        last = max(steps)
        others = f"{steps[last].name} is the last of {len(steps)} checkpoints; name another file to import it"
        return steps[last], (others,) if len(steps) > 1 else ()
    named = [path for path in files if path.suffix in _ENDINGS]
    if len(named) == 1:
        return named[0], ()
    if named:
        raise InputError(f"{folder} holds {', '.join(path.name for path in named[:6])}; name the one to "
                         "import.")
    raise InputError(f"{folder} holds no checkpoint: no step_N, {', '.join(_WEIGHTS[:3])} or file ending in "
                     f"{', '.join(_ENDINGS[:4])}.")


def _data_paths(settings: Mapping[str, Any], run: Path) -> Iterator[Path]:
    """Paths that the settings name, from the run upwards: scripts write them relative to where they ran."""
    stated = settings.get("data_paths", settings.get("data_path"))
    for path in [stated] if isinstance(stated, str) else stated if isinstance(stated, list) else []:
        if isinstance(path, str) and "\0" not in path and len(path) < 1000:
            for base in (run, *list(run.resolve().parents)[:4], Path()):
                yield base / path
