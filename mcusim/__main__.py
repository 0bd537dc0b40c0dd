"""``python -m mcusim COMMAND``: exit code 0 fits, 1 does not fit, 2 bad input (one sentence)."""

from __future__ import annotations

import os

# One small puzzle at a time: BLAS threads cost more than they bring.  Set before NumPy loads, and only
# if the user has not chosen.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import sys
from importlib import import_module

from refimpl.exit_codes import guarded

# command -> help; each is a module of mcusim.commands, loaded when asked for.
COMMANDS = {
    "run": "execute a puzzle on a simulated part and say whether the deployment fits",
    "check": "all deployments against 4 MiB and 8 MiB, in both readings; a gate for CI",
    "plan": "the Pareto front of SRAM, weight traffic and time, and the plan a part gets",
    "compare": "two JSON reports, fact by fact",
    "parts": "every part that can be simulated",
    "part": "one part's figures and their sources, or its TOML file to copy",
    "deployments": "every deployment",
    "explain": "where each figure of a deployment's estimate comes from",
}


def main(argv: list[str] | None = None) -> int:
    """Parse, dispatch, and turn errors of our own into one sentence."""
    arguments = sys.argv[1:] if argv is None else argv
    parser = argparse.ArgumentParser(prog="python -m mcusim", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, text in COMMANDS.items():
        sub = commands.add_parser(name, help=text, description=text)
        if name in arguments[:1]:
            import_module(f"mcusim.commands.{name}").add_arguments(sub)
    args = parser.parse_args(arguments)
    return guarded(lambda: int(import_module(f"mcusim.commands.{args.command}").run(args)))


if __name__ == "__main__":
    sys.exit(main())
