"""The command ``diagnose``: one subject of docs/findings.md at a time."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from refimpl.errors import InputError
from refimpl.fixedpoint import ROUNDINGS
from refimpl.formats import parse_format
from workbench.command_line import examples, number
from workbench.datasets.read import add_data
from workbench.lab.calibrations import calibrations_tables
from workbench.lab.calls import calls_table
from workbench.lab.cell import Choice, puzzle_set
from workbench.lab.depth import DEPTHS, depth_table, schedule_table
from workbench.lab.families import families_table
from workbench.lab.growth import growth_tables
from workbench.lab.mx import mx_table
from workbench.lab.parting import parting_tables
from workbench.lab.predict import predict_tables
from workbench.lab.report import DIAGNOSIS_SCHEMA, first_divergence
from workbench.lab.results import read_results
from workbench.lab.sensitivity import activation_sites, spared_site, weight_sites
from workbench.lab.steadiness import steadiness_table
from workbench.lab.variant import Variant
from workbench.networks import DEFAULT_NETWORK
from workbench.render.grid import Grid
from workbench.render.sheet import Sheet, add_format, show

SCHEDULE_LASTS = (1, 2, 4, 8)


def _variants(args: argparse.Namespace) -> list[Variant]:
    return [Variant(args.network, parse_format(text)).resolved() for text in args.formats.split(",")]


def _growth(args: argparse.Namespace) -> list[Grid]:
    return growth_tables([v for v in _variants(args) if v != v.reference()], args.choice)


def _calls(args: argparse.Namespace) -> list[Grid]:
    return [calls_table([v for v in _variants(args) if v != v.reference()], args.choice)]


def _parting(args: argparse.Namespace) -> list[Grid]:
    double, single = (Variant(args.network, parse_format(f"{args.weights}-{r}")) for r in ROUNDINGS)
    return parting_tables(double.resolved(), single.resolved(), args.choice)


def _sites(args: argparse.Namespace) -> list[Grid]:
    if args.spare:
        return [spared_site(args.network, args.weights, args.spare, args.choice)]
    return [weight_sites(args.network, args.weights, "w8c", args.choice),
            activation_sites(args.network, args.choice)]  # fmt: skip


def _numbers(text: str) -> tuple[int, ...]:
    found = tuple(map(number, text.split(",")))
    if min(found) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: each is at least 1")
    return found


def _mx(args: argparse.Namespace) -> list[Grid]:
    return [mx_table(args.network, args.choice)]


def _depth(args: argparse.Namespace) -> list[Grid]:
    return [depth_table(_variants(args), args.choice, args.depths)]


def _schedule(args: argparse.Namespace) -> list[Grid]:
    return [schedule_table(args.network, args.weights, "w8c", args.choice, SCHEDULE_LASTS)]


def _calibration(args: argparse.Namespace) -> list[Grid]:
    return calibrations_tables(args.network, args.weights.split(","), args.choice)


def _steadiness(args: argparse.Namespace) -> list[Grid]:
    return [steadiness_table(args.network, args.weights, args.choice)]


def _families(args: argparse.Namespace) -> list[Grid]:
    return [families_table(args.network, args.choice)]


def _predict(args: argparse.Namespace) -> list[Grid]:
    if not args.results:
        raise InputError("predict needs --results: the files of finished sweeps.")
    return predict_tables(read_results(args.results))


SUBJECTS: dict[str, tuple[Callable[[argparse.Namespace], list[Grid]], str]] = {
    "growth": (_growth, "does the deviation compound or settle"),
    "calls": (_calls, "fidelity of z_H and z_L at every call"),
    "parting": (_parting, "where double and single rounding part"),
    "sites": (_sites, "which linear and which activation site costs what"),
    "mx": (_mx, "where MXInt4 weights and activations lose"),
    "depth": (_depth, "accuracy against depth and precision"),
    "schedule": (_schedule, "low-precision loops finished by w8c loops"),
    "calibration": (_calibration, "absmax against clip search and error feedback"),
    "steadiness": (_steadiness, "how much accuracy moves under changes that mean nothing"),
    "families": (_families, "pruning, linear attention, truncated context"),
    "predict": (_predict, "does fidelity predict accuracy"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    subjects = "; ".join(f"{name}: {text}" for name, (_, text) in SUBJECTS.items())
    parser.add_argument("subject", choices=SUBJECTS, metavar="SUBJECT", help=subjects)
    parser.add_argument("--network", default=DEFAULT_NETWORK)
    parser.add_argument("--formats", default="fp32,w8c,w4t", help="as in w8c-a8d-c8 (calls, growth, depth)")
    parser.add_argument("--depths", type=_numbers, default=DEPTHS, help="(depth) H cycles over all steps, "
                        f"comma separated (default {','.join(map(str, DEPTHS))})")  # fmt: skip
    parser.add_argument("--weights", default="w4t", help="(parting, sites, schedule, calibration)")
    parser.add_argument(
        "--spare", metavar="LINEAR=FORMAT", help="sites: all in --weights but this one linear"
    )
    parser.add_argument("--puzzles", type=number, default=0, help="first N puzzles (default: the whole set)")
    add_data(parser)
    parser.add_argument("--results", nargs="*", type=Path, help="files of finished sweeps (predict)")
    add_format(parser)
    examples(parser, "sites --weights w4t --puzzles 64",
             "predict --results plan.jsonl --format json --out predict.json")  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Measure and print."""
    args.choice = Choice(args.puzzles, data=args.data or "")
    if args.data and puzzle_set(args.network, args.choice).puzzle_ids is not None:
        raise InputError(f"{args.data} names puzzle rows; 'sweep' and 'evaluate' use them, diagnose does "
                         "not.")
    tables = SUBJECTS[args.subject][0](args)
    data = {"schema": DIAGNOSIS_SCHEMA, "tables": [table.data for table in tables]}
    show(Sheet(f"refimpl diagnose {args.subject}", tuple(tables), (), data,
               tuple(first_divergence(tables))), args)
    return 0
