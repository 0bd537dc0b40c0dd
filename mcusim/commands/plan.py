"""``mcusim plan``: the Pareto front of a deployment and the plan its part gets."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from mcusim.deployments import DEFAULT_DEPLOYMENT, Deployment, load_deployment
from mcusim.fit import fit
from mcusim.parts import load_part
from mcusim.render.plans import sheet
from refimpl.errors import NotImplementedHere
from refimpl.formats import FLOAT32
from workbench.command_line import examples
from workbench.format_flags import add_format_flags, stated_format
from workbench.render.sheet import add_format, show


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_deployment(parser)
    add_format(parser)
    examples(parser, "", "sudoku-mlp-int4 --part stm32h743")


def add_deployment(parser: argparse.ArgumentParser) -> None:
    """The deployment, and the flags that stand in place of its own values."""
    named = f"default {DEFAULT_DEPLOYMENT}; 'mcusim deployments' lists them"
    parser.add_argument("deployment", nargs="?", default=DEFAULT_DEPLOYMENT, help=named)
    add_format_flags(parser)
    parser.add_argument("--part", help="device in place of the deployment's")
    parser.add_argument("--catalogue", type=Path, metavar="FOLDER", help="folder with more parts and "
                                                                         "deployments")


def chosen_deployment(args: argparse.Namespace) -> Deployment:
    """The named deployment with the flags in place of its own values."""
    deployment = load_deployment(args.deployment, args.catalogue)
    deployment = replace(deployment, format=stated_format(args, deployment.format))
    if args.part is not None:
        deployment = replace(deployment, part=load_part(args.part, args.catalogue).name)
    if deployment.format == FLOAT32:
        raise NotImplementedHere(
            f"deployment {deployment.name} is float32; only integer schedules are planned."
        )
    return deployment


def run(args: argparse.Namespace) -> int:
    one = fit(chosen_deployment(args), args.catalogue, plan_anyway=True)
    show(sheet(one), args)
    return 0 if one.on_part is not None else 1
