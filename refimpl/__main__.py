"""``python -m refimpl COMMAND``: exit code 0 done, 1 an honest no, 2 bad input (one sentence)."""

from __future__ import annotations

import os

# Puzzles run side by side in threads; BLAS threads inside each would only fight over the same cores.
# Set before NumPy loads, and only if the user has not chosen.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import sys
from importlib import import_module

from refimpl.exit_codes import guarded

# command -> (module, function that declares arguments, function that runs, help).  Modules load when
# their command is asked for, so that 'quantize --help' does not pay for the laboratory.
COMMANDS = {
    "models": ("workbench.models_report.cli", "add_arguments", "run", "every preset: sizes, MACs, FLOPs"),
    "evaluate": ("workbench.evaluate_cli", "add_arguments", "run", "accuracy of shipped networks"),
    "quantize": ("workbench.commands", "add_quantize", "run_quantize", "lower a network to a flash image"),
    "calibrate": ("workbench.commands", "add_calibrate", "run_calibrate", "take activation scales"),
    "show": ("workbench.tasks.cli", "add_arguments", "run", "print a Sudoku, maze or ARC task"),
    "embeddings": ("workbench.embeddings.cli", "add_arguments", "run", "puzzle tables on disk"),
    "convert": ("workbench.checkpoints.cli", "add_arguments", "run", "read a checkpoint, write our npz"),
    "sweep": ("workbench.lab.cli", "add_sweep", "run_sweep", "measure formats x depths, resumable"),
    "report": ("workbench.lab.cli", "add_report", "run_report", "tables and plots of a sweep"),
    "diagnose": ("workbench.lab.diagnose", "add_arguments", "run", "where and why accuracy is lost"),
    "curves": ("workbench.lab.curves", "add_arguments", "run", "training curves of networks as SVG"),
    "vectors": ("workbench.vectors.cli", "add_arguments", "run", "generate, check or export golden vectors"),
}


def main(argv: list[str] | None = None) -> int:
    """Parse, dispatch, and turn errors of our own into one sentence."""
    arguments = sys.argv[1:] if argv is None else argv
    parser = argparse.ArgumentParser(prog="python -m refimpl", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (module, declare, _, text) in COMMANDS.items():
        sub = commands.add_parser(name, help=text, description=text)
        if name in arguments[:1]:
            getattr(import_module(module), declare)(sub)
    args = parser.parse_args(arguments)
    module, _, run, _ = COMMANDS[args.command]
    return guarded(lambda: int(getattr(import_module(module), run)(args)))


if __name__ == "__main__":
    sys.exit(main())
