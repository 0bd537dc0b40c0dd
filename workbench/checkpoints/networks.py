"""Trained networks by name (those that ship) or by path (a folder, or a checkpoint beside its config)."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from refimpl.errors import InputError, unknown_name
from refimpl.models.config import ModelConfig
from workbench.checkpoints.elements import Array
from workbench.checkpoints.expected import PUZZLE_ROWS, validate
from workbench.checkpoints.mapping import choose, gather, survey
from workbench.checkpoints.reader import open_checkpoint
from workbench.files import inputs
from workbench.files.outputs import write_file
from workbench.model_config import model_config

CONFIG = "config.json"
WEIGHTS = "weights.npz"
Tensors = dict[str, npt.NDArray[np.float32]]


def list_networks() -> list[str]:
    """Return the names of the networks that ship, sorted."""
    return sorted(entry.name for entry in _shipped().iterdir() if entry.is_dir())


def load_network(name_or_path: str | Path) -> tuple[ModelConfig, Tensors]:
    """Return the configuration and the checked float32 tensors of a network.

    Parameters
    ----------
    name_or_path : str or Path
        A name of :func:`list_networks`, a folder holding ``config.json`` and ``weights.npz``, or a
        checkpoint file of any known form with ``config.json`` beside it.  A shipped name goes first.

    Raises
    ------
    InputError
        For an unknown name (the nearest existing one is suggested), or a checkpoint that does not load.
    """
    if str(name_or_path) in list_networks():
        folder = _shipped() / str(name_or_path)
        with resources.as_file(folder / CONFIG) as config, resources.as_file(folder / WEIGHTS) as weights:
            return _load(weights, config)
    path = Path(name_or_path)
    if not inputs.exists(path) and path.name == str(name_or_path) and not path.suffix:
        raise unknown_name("network", str(name_or_path), list_networks())
    weights = find_weights(path)
    return _load(weights, weights.parent / CONFIG)


def find_weights(path: Path) -> Path:
    """Return the checkpoint file that ``path`` (a file, or a folder with ``weights.npz``) stands for."""
    if not path.is_dir():
        return path
    if (path / WEIGHTS).is_file():
        return path / WEIGHTS
    raise InputError(f"the folder {path} has no {WEIGHTS}; `python -m refimpl import "
                     f"{shlex.quote(str(path))} "
                     "my-network` takes a training folder over.")


def read_config(path: Path) -> ModelConfig:
    """Read a configuration: our JSON form or the official training one, as JSON."""
    return model_config(read_json(path))


def read_json(path: Path) -> dict[str, Any]:
    """Return the JSON object in a file."""
    return dict(inputs.read_json(path, "the model configuration").data)


def write_card(folder: Path, card: Mapping[str, Any]) -> None:
    """Write ``config.json`` with one line per key and one per point of a training curve."""
    def lines(value: Any) -> str:
        if isinstance(value, list) and value and isinstance(value[0], dict):
            return "[\n    " + ",\n    ".join(map(json.dumps, value)) + "\n  ]"
        return json.dumps(value)

    entries = ",\n".join(f"  {json.dumps(key)}: {lines(value)}" for key, value in card.items())
    write_file(folder / CONFIG, f"{{\n{entries}\n}}\n")


def with_puzzle_rows(config: ModelConfig, tensors: dict[str, Array]) -> ModelConfig:
    """Return ``config`` with as many puzzle rows as the checkpoint has (a property of its data set)."""
    if PUZZLE_ROWS not in tensors:
        return config
    return replace(config, num_puzzle_identifiers=len(tensors[PUZZLE_ROWS]))


def _load(weights: Path, config_path: Path) -> tuple[ModelConfig, Tensors]:
    checkpoint = open_checkpoint(weights)
    config = read_config(config_path)
    stored, _ = gather(choose(survey(checkpoint), None, checkpoint), checkpoint, config)
    validate(stored, config)
    return with_puzzle_rows(config, stored), {
        name: np.ascontiguousarray(values, dtype=np.float32) for name, values in stored.items()
    }


def _shipped() -> Any:
    return resources.files("workbench") / "data" / "networks"
