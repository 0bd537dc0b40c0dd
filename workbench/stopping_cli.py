"""The command ``stopping``: stop rules over many puzzles, beside runs of fixed length."""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path

from rich.progress import Progress

from refimpl import fast
from refimpl.errors import InputError
from refimpl.formats import as_format
from refimpl.models.halting import FIXED
from workbench.command_line import examples
from workbench.datasets.read import add_data, read_data
from workbench.fidelity import Reading
from workbench.lab.stopping import run as run_rules
from workbench.lab.stopping import summary, table
from workbench.networks import Network, find_network
from workbench.render.sheet import Sheet, add_format, show
from workbench.tasks.sets import PuzzleSet, evaluation_set, spread_givens

SCHEMA = "refimpl.stopping/1"
SEED = 14_000_000
RULES = "head;settled;head+settled"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("networks", nargs="+", help="networks to run")
    parser.add_argument("--formats", default="w8c", help="weight formats, comma separated (default w8c)")
    parser.add_argument("--rules", default=RULES, help=f"stop rules, by semicolons (default {RULES}); "
                        "one without t takes the calibrated one")  # fmt: skip
    parser.add_argument("--puzzles", type=int, default=256, help="generated puzzles (default 256)")
    parser.add_argument("--givens", help="Sudokus with so many givens, as 30 or 27-32")
    parser.add_argument("--seed", type=int, default=SEED, help=f"of generated puzzles (default {SEED})")
    add_data(parser)
    parser.add_argument("--steps", type=int, help="ACT steps at most (default: the network's own)")
    parser.add_argument("--log", type=Path, default=Path("stopping.jsonl"),
                        help="finished batches, continued")  # fmt: skip
    add_format(parser)
    examples(parser, "sudoku9-pair-mlp --formats w8c,w4c --puzzles 1000 --givens 27-32",
             "maze10-att --rules head+settled,t=60")  # fmt: skip


def _puzzles(args: argparse.Namespace, network: Network) -> PuzzleSet:
    if args.data is not None:
        return read_data(args.data, network.config, args.puzzles)
    if args.givens is None:
        return evaluation_set(network.config, args.puzzles, seed=args.seed)
    ends = re.fullmatch(r"(\d{1,3})(?:-(\d{1,3}))?", args.givens)
    if ends is None or network.config.task != "sudoku":
        raise InputError(f"--givens {args.givens}: a number or a range such as 27-32, for Sudoku networks.")
    return spread_givens(network.config, args.puzzles, int(ends[1]), int(ends[2] or ends[1]), args.seed)


def run(args: argparse.Namespace) -> int:
    """Watch fixed runs of every program, apply every rule, and say what each one costs and gains."""
    rows, origins = [], []
    with Progress() as progress:
        for network in map(find_network, args.networks):
            puzzles = _puzzles(args, network)
            origins.append(puzzles.origin)
            for fmt in (str(as_format(name)) for name in args.formats.split(",")):
                rules = [FIXED, *(network.stop_rule(text, fmt) for text in args.rules.split(";"))]
                program = Reading(fast, network.integer_model(fmt).with_depth(steps=args.steps))
                steps = program.model.config.halt_max_steps
                key = json.dumps([network.digest, fmt, steps])
                task = progress.add_task(f"{network.name} {fmt}", total=len(puzzles.inputs))
                found = run_rules(program, key, puzzles, rules, args.log,
                                  lambda n, task=task: progress.advance(task, n))  # type: ignore[misc]
                fixed = found[str(FIXED)]
                rows += [summary(f"{network.name} {fmt}", name, one, fixed) for name, one in found.items()]
    origin = "; ".join(dict.fromkeys(origins))
    data = {"schema": SCHEMA, "puzzles": origin, "rows": rows}
    show(Sheet("refimpl stopping", (table(rows, origin),), (), data), args)
    return 0


