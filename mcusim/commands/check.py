"""``mcusim check``: all deployments against both budgets; exit code 1 if an expectation fails."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track

from mcusim.charge import charge
from mcusim.deployments import deployment_names, load_deployment
from mcusim.fit import Fit, fit
from mcusim.units import KIB, MIB
from refimpl.errors import unknown_name
from workbench.command_line import examples
from workbench.render.grid import Grid
from workbench.render.sheet import Sheet, add_format, show

SCHEMA = "mcusim-check/1"
FITS = {True: "fits", False: "no"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", nargs="*", metavar="DEPLOYMENT", help="deployments to check (default: all)")
    parser.add_argument("--catalogue", type=Path, metavar="FOLDER", help="folder with more parts and "
                                                                         "deployments")
    add_format(parser)
    examples(parser, "", "arc-att-int4 maze-att-int4 --format md")


def kib(count: int) -> str:
    """KiB with one decimal."""
    return f"{count / KIB:,.1f}"


def _verdicts(one: Fit) -> tuple[str, ...]:
    verdicts = one.verdicts.values()
    cells = [*(FITS[v.weights_only] for v in verdicts), *(FITS[v.everything] for v in verdicts)]
    on_part = "inside" if one.inside is not None else "external" if one.on_part is not None else "no"
    return one.deployment.name, *cells, on_part, "yes" if one.as_expected else "NOT"


def _sizes(one: Fit) -> tuple[str, ...]:
    arena = "-" if one.arena is None else kib(one.arena)
    everything = f"{'> ' if one.found is None else ''}{kib(one.least)}"
    weights, image = kib(one.footprint.weights_only), kib(one.footprint.image)
    return one.deployment.name, weights, image, arena, kib(one.program.bytes), everything


def data_of(one: Fit) -> dict[str, Any]:
    """One deployment's row as plain data."""
    return {
        "deployment": one.deployment.name,
        "part": one.part.name,
        "weights_only": one.footprint.weights_only,
        "image": one.footprint.image,
        "rows_outside": one.footprint.rows,
        "code": one.program.code.count,
        "statics": one.program.statics.count,
        "stack": one.program.stack.count,
        "arena": one.arena,
        "everything": one.least,
        "everything_is_lower_bound": one.found is None,
        "part_holds_it": one.on_part is not None,
        "internal_memory_holds_it": one.inside is not None,
        "budgets": [
            {
                "bytes": budget,
                "weights_only": verdict.weights_only,
                "everything": verdict.everything,
                "expected_weights_only": one.deployment.expect[budget].weights_only,
                "expected_everything": one.deployment.expect[budget].everything,
            }
            for budget, verdict in one.verdicts.items()
        ],
        "as_expected": one.as_expected,
    }


def _failures(fits: list[Fit]) -> list[str]:
    sentences = []
    for one in fits:
        for budget, verdict in one.verdicts.items():
            stated = one.deployment.expect[budget]
            for reading in ("weights_only", "everything"):
                if getattr(verdict, reading) != getattr(stated, reading):
                    said = "fit" if getattr(stated, reading) else "not fit"
                    sentences.append(
                        f"{one.deployment.path}: expected to {said} {budget // MIB} MiB "
                        f"({reading.replace('_', ' ')}), but it does the opposite."
                    )
    return sentences


def sheet(fits: list[Fit]) -> Sheet:
    """The matrix."""
    wrong = tuple(i for i, one in enumerate(fits) if not one.as_expected)
    verdicts = Grid("does it fit 4 and 8 MiB: weights only, everything; the part",
                    ("deployment", "w 4M", "w 8M", "all 4M", "all 8M", "part", "stated"),
                    tuple(map(_verdicts, fits)), strong=wrong)  # fmt: skip
    sizes = Grid("KiB; all = image + smallest arena + program (code, statics, stack)",
                 ("deployment", "weights", "image", "arena", "program", "all"),
                 tuple(map(_sizes, fits)))  # fmt: skip
    good = sum(one.as_expected for one in fits)
    sentences = [
        f"{good} of {len(fits)} deployments are as their files state.",
        "Arena: the smallest plan of the front; '-': none is needed, the image alone outgrows both budgets.",
        "Part: its regions, each a limit of its own, hold image, program and the arena of some plan; "
        "'inside': its internal memories alone do.",
        *_failures(fits),
    ]
    data = {"schema": SCHEMA, "deployments": [data_of(one) for one in fits], "as_expected": good == len(fits)}
    return Sheet("mcusim check", (verdicts, sizes), tuple(sentences), data)


def run(args: argparse.Namespace) -> int:
    known = deployment_names(args.catalogue)
    for name in args.names:
        if name not in known:
            raise unknown_name("deployment", name, known)
    chosen = [load_deployment(name, args.catalogue) for name in args.names or known]
    console = Console(stderr=True)
    each = track(chosen, "planning", console=console, transient=True)
    fits = [fit(charge(one, catalogue=args.catalogue)) for one in each]
    show(sheet(fits), args)
    return 0 if all(one.as_expected for one in fits) else 1
