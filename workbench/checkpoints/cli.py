"""``python -m refimpl import RUN NAME``: a network of other code, its names and shapes solved and checked."""

from __future__ import annotations

import argparse
from pathlib import Path

from workbench.checkpoints.importing import read_run, summary, write_network
from workbench.checkpoints.npz import STORED_DTYPES
from workbench.checkpoints.settings import parse_overrides
from workbench.command_line import examples


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``import``."""
    parser.add_argument("run", metavar="RUN", type=Path, help="folder of a training run (step_N and "
                        "all_config.yaml, or as Hugging Face lays it out), or a checkpoint file")  # fmt: skip
    parser.add_argument("name", metavar="NAME", type=Path, help="folder to write; it is the network's name")
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings of the model, JSON or YAML "
                        "(default: what lies beside the checkpoint)")  # fmt: skip
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="the data set's folder, for its "
                                                                    "dataset.json")
    parser.add_argument("--state", metavar="PREFIX", help="which weights to take where a file holds several")
    parser.add_argument("--set", metavar="KEY=VALUE", action="append", default=[], dest="overrides",
                        help="a setting that stands above all files; may be repeated")  # fmt: skip
    parser.add_argument("--dtype", choices=STORED_DTYPES, default="float32", help="type to store")
    examples(parser, "checkpoints/my-run my-network", "model.safetensors my-network --config config.json",
             "step_1000 my-network --state ema --set num_heads=8 --set task=sudoku")  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Import and say what was done; errors rise as :class:`InputError` before anything is written."""
    found = read_run(args.run, args.config, args.data, args.state, parse_overrides(args.overrides))
    write_network(found, args.name, args.dtype)
    for line in summary(found):
        print(line)
    print(f"- unverified, since no shape depends on them: {', '.join(found.unverified)}.")
    print(f"Written to {args.name} as {args.dtype}. Next: python -m refimpl calibrate {args.name} --data "
          "FILE")
    return 0
