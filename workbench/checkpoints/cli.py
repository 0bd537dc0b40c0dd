"""``python -m refimpl import RUN NAME``: a network of other code, its names and shapes solved and checked."""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from workbench.checkpoints.importing import Import, read_run, summary, write_network
from workbench.checkpoints.npz import STORED_DTYPES
from workbench.checkpoints.settings import parse_overrides
from workbench.checkpoints.verify import agreement, checked, differs, explanations, read_reference
from workbench.command_line import examples
from workbench.networks import Network


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
    parser.add_argument("--check", type=Path, metavar="REF.npz", help="inputs and logits or answers of the "
                        "original: the import is compared, and the setting that explains a difference named"
                        )  # fmt: skip
    parser.add_argument("--dtype", choices=STORED_DTYPES, default="float32", help="type to store")
    examples(parser, "checkpoints/my-run my-network", "model.safetensors my-network --config config.json",
             "step_1000 my-network --state ema --set num_heads=8 --set task=sudoku")  # fmt: skip


def _checked(found: Import, path: Path) -> str:
    """The sentence that a reference confirms the import; an :class:`InputError` where it does not."""
    reference = read_reference(path, found.config)
    near = agreement(found.config, found.tensors, reference)
    if near.close:
        return checked(near, found.config, path)
    console = Console(stderr=True)
    with Progress(transient=True, console=console, disable=not console.is_terminal) as progress:
        bar = progress.add_task("looking for the setting that explains it", total=None)
        reasons = [(change, one) for _, change, one in explanations(
            found.config, found.tensors, reference, lambda: progress.advance(bar))]  # fmt: skip
    raise differs(near, reasons, path)


def run(args: argparse.Namespace) -> int:
    """Import and say what was done; errors rise as :class:`InputError` before anything is written."""
    found = read_run(args.run, args.config, args.data, args.state, parse_overrides(args.overrides))
    unverified = ", ".join(found.unverified)
    verdict = f"unverified, since no shape depends on them: {unverified}; --check REF.npz would."
    if args.check is not None:
        verdict = _checked(found, args.check)
    write_network(found, args.name, args.dtype)
    for line in summary(found):
        print(line)
    print(f"- {verdict}")
    next_step = Network(args.name.name, found.config, {}, True, args.name).remedy()
    print(f"Written to {args.name} as {args.dtype}. Next: {next_step}")
    return 0
