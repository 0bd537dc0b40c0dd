"""``mcusim deployments``: every deployment, and what its file expects."""

from __future__ import annotations

import argparse
from pathlib import Path

from mcusim.deployments import Deployment, deployment_names, load_deployment
from workbench.command_line import examples
from workbench.render.grid import Grid
from workbench.render.sheet import Sheet, add_format, show

SCHEMA = "mcusim-deployments/1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--catalogue", type=Path, metavar="FOLDER", help="folder with more deployments")
    add_format(parser)
    examples(parser, "", "--catalogue my-folder")


def _row(one: Deployment) -> tuple[str, ...]:
    return one.name, one.model, str(one.format), f"{one.H_cycles}x{one.steps}", one.part


def run(args: argparse.Namespace) -> int:
    found = [load_deployment(name, args.catalogue) for name in deployment_names(args.catalogue)]
    headings = ("deployment", "model", "format", "depth", "part")
    grid = Grid("deployments", headings, tuple(map(_row, found)), left=5, folded=(4,))
    data = {
        "schema": SCHEMA,
        "deployments": [
            {
                "name": one.name,
                "title": one.title,
                "model": one.model,
                "format": str(one.format),
                "puzzle_rows": one.puzzle_rows,
                "H_cycles": one.H_cycles,
                "steps": one.steps,
                "part": one.part,
                "source": one.source,
            }
            for one in found
        ],
    }
    sentences = (
        "Depth: H cycles x ACT steps. "
        "`python -m mcusim check` compares what each file expects with what comes out.",
    )
    show(Sheet("mcusim deployments", (grid,), sentences, data), args)
    return 0
