"""``python -m mcusim COMMAND``: exit code 0 fits, 1 does not fit, 2 bad input (one sentence)."""

from __future__ import annotations

import os

# One small puzzle at a time: BLAS threads cost more than they bring.  Set before NumPy loads, and only
# if the user has not chosen.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import sys

from workbench.command_line import Command, command_line

PROG = "python -m mcusim"
# command -> help; each is a module of mcusim.commands, loaded when asked for.
_HELP = {
    "run": "execute a puzzle on a simulated part and say whether the deployment fits",
    "fit": "which configuration of a network to flash: accuracy against bytes, time and energy",
    "check": "all deployments against 4 MiB and 8 MiB, in both readings; a gate for CI",
    "plan": "the Pareto front of SRAM, weight traffic and time, and the plan a part gets",
    "export": "a deployment as a folder of C that builds without this project, with a self-test",
    "compare": "two JSON reports, fact by fact",
    "parts": "every part that can be simulated; one part's figures and their sources",
    "deployments": "every deployment",
    "explain": "where each figure of a deployment's estimate comes from",
}
COMMANDS = {name: Command(f"mcusim.commands.{name}", text) for name, text in _HELP.items()}


def main(argv: list[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    return command_line(PROG, __doc__, COMMANDS, argv)


if __name__ == "__main__":
    sys.exit(main())
