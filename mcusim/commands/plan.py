"""``mcusim plan``: the Pareto front of a deployment and the plan its part gets."""

from __future__ import annotations

import argparse

from mcusim.asked import add_deployment, asked
from mcusim.charge import requested
from mcusim.fit import fit
from mcusim.render.plans import sheet
from workbench.command_line import examples
from workbench.render.sheet import add_format, show


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_deployment(parser)
    add_format(parser)
    examples(parser, "", "sudoku-mlp-int4 --part stm32h743", "--retries 2")


def run(args: argparse.Namespace) -> int:
    one = fit(requested(asked(args)), plan_anyway=True)
    show(sheet(one), args)
    return 0 if one.on_part is not None else 1
