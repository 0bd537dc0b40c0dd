"""``python -m refimpl convert IN OUT``: any checkpoint to our npz, checked on the way."""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from refimpl.errors import InputError
from refimpl.models.config import ModelConfig
from workbench.checkpoints.elements import Array
from workbench.checkpoints.expected import validate, validate_values
from workbench.checkpoints.networks import CONFIG, WEIGHTS, find_weights, read_json, with_puzzle_rows
from workbench.checkpoints.npz import STORED_DTYPES, write_npz
from workbench.checkpoints.reader import read
from workbench.command_line import examples
from workbench.files.outputs import replacing


@dataclass(frozen=True)
class Conversion:
    """What :func:`convert` wrote; ``shapes_checked`` is False where no configuration was at hand."""

    weights: Path
    shapes_checked: bool
    tensors: int
    values: int


def convert(
    source: Path, target: Path, config: Path | None = None, state: str | None = None, dtype: str = "float32"
) -> Conversion:
    """Read a checkpoint, check it, and write it in our form.

    Parameters
    ----------
    source : Path
        Checkpoint file, or a folder with ``weights.npz``.
    target : Path
        A folder to hold ``weights.npz`` and ``config.json``, or, with the ending ``.npz``, the file
        itself; ``config.json`` beside that is written only if none is there.
    config : Path or None
        Model configuration; default ``config.json`` beside ``source`` if it exists.  Without any, types
        and values are checked but shapes cannot be.
    state, dtype
        See :func:`workbench.checkpoints.read` and :func:`workbench.checkpoints.write_npz`.

    Raises
    ------
    InputError
        Before anything is written, if the checkpoint does not load or does not fit its configuration.
    """
    source = find_weights(source)
    if config is None and (source.parent / CONFIG).is_file():
        config = source.parent / CONFIG
    tensors = read(source, state)
    description = None if config is None else _checked(read_json(config), tensors)
    if description is None:
        validate_values(tensors)
    to_file = target.suffix == ".npz"
    weights = target if to_file else target / WEIGHTS
    beside = weights.parent / CONFIG
    try:
        weights.parent.mkdir(parents=True, exist_ok=True)
        write_npz(weights, tensors, dtype)
        # A config that lies beside a single file may belong to other checkpoints there.
        if description is not None and not (to_file and beside.exists()):
            with replacing(beside) as file:
                file.write(json.dumps(description, indent=2).encode() + b"\n")
    except OSError as error:
        raise InputError(f"{target} cannot be written: {error.strerror}.") from error
    return Conversion(weights, description is not None, len(tensors), sum(v.size for v in tensors.values()))


def _checked(description: dict[str, Any], tensors: dict[str, Array]) -> dict[str, Any]:
    """Validate ``tensors`` and return ``description`` with the checkpoint's number of puzzle rows."""
    config = ModelConfig.from_dict(description)
    validate(tensors, config)
    rows = with_puzzle_rows(config, tensors).num_puzzle_identifiers
    return {**description, "num_puzzle_identifiers": rows}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``convert``."""
    parser.add_argument("input", metavar="IN", type=Path, help="torch zip, safetensors or npz checkpoint")
    parser.add_argument("output", metavar="OUT", type=Path, help="folder to write, or a file ending in .npz")
    parser.add_argument("--config", type=Path, help=f"model configuration (default: {CONFIG} beside IN)")
    parser.add_argument("--state", help="which mapping to take if the file holds several, such as 'model'")
    parser.add_argument("--dtype", choices=STORED_DTYPES, default="float32", help="type to store")
    examples(parser, "step_1000 my-network --config config.json")


def run(args: argparse.Namespace) -> int:
    """Convert and say what was written; errors rise as :class:`InputError`."""
    done = convert(args.input, args.output, args.config, args.state, args.dtype)
    doubt = "" if done.shapes_checked else f" not, for want of --config or a {CONFIG} beside IN"
    print(f"{done.weights}: {done.tensors} tensors, {done.values:,} values as {args.dtype}.")
    print(f"Types and values checked, shapes{doubt or ' too'}.")
    return 0
