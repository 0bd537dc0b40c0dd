"""``mcusim plan``: the Pareto front of a deployment and the plan its part gets."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from mcusim.deployments import CARRY_FORMATS, DEFAULT_DEPLOYMENT, FLOAT32, Deployment, load_deployment
from mcusim.fit import fit
from mcusim.parts import load_part
from mcusim.render.plans import sheet
from refimpl.errors import NotImplementedHere
from refimpl.quantize.weights import parse_format
from workbench.command_line import examples
from workbench.render.sheet import add_format, show


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_deployment(parser)
    add_format(parser)
    examples(parser, "", "sudoku-mlp-int4 --part stm32h743")


def add_deployment(parser: argparse.ArgumentParser) -> None:
    """The deployment, and the flags that stand in place of its own values."""
    named = f"default {DEFAULT_DEPLOYMENT}; 'mcusim deployments' lists them"
    parser.add_argument("deployment", nargs="?", default=DEFAULT_DEPLOYMENT, help=named)
    parser.add_argument("--weights", help="weight format in place of the deployment's")
    parser.add_argument("--carry", choices=CARRY_FORMATS[:2], help="carry in place of the deployment's")
    parser.add_argument("--part", help="device in place of the deployment's")
    parser.add_argument("--catalogue", type=Path, metavar="FOLDER", help="folder with more parts and "
                                                                         "deployments")


def chosen_deployment(args: argparse.Namespace) -> Deployment:
    """The named deployment with the flags in place of its own values."""
    deployment = load_deployment(args.deployment, args.catalogue)
    if args.weights is not None:
        parse_format(args.weights)
        deployment = replace(deployment, weights=args.weights)
    if args.carry is not None:
        deployment = replace(deployment, carry=args.carry)
    if args.part is not None:
        deployment = replace(deployment, part=load_part(args.part, args.catalogue).name)
    if deployment.weights == FLOAT32:
        raise NotImplementedHere(
            f"deployment {deployment.name} is float32; only integer schedules are planned."
        )
    return deployment


def run(args: argparse.Namespace) -> int:
    one = fit(chosen_deployment(args), args.catalogue, plan_anyway=True)
    show(sheet(one), args)
    return 0 if one.on_part is not None else 1
