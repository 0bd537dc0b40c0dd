"""``mcusim plan``: the Pareto front of a deployment and the plan its part gets."""

from __future__ import annotations

import argparse

from mcusim.asked import add_check_tiles, add_deployment, asked, chosen_deployment
from mcusim.fit import fit
from mcusim.render.plans import sheet
from workbench.command_line import examples
from workbench.render.sheet import add_format, show


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_deployment(parser)
    add_check_tiles(parser)
    add_format(parser)
    examples(parser, "", "sudoku-mlp-int4 --part stm32h743")


def run(args: argparse.Namespace) -> int:
    deployment = chosen_deployment(asked(args))
    one = fit(deployment, args.catalogue, plan_anyway=True, check_tiles=args.check_tiles)
    show(sheet(one), args)
    return 0 if one.on_part is not None else 1
