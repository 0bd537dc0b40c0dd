"""The command ``stopping``: stop rules over many puzzles, beside runs of fixed length."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import Progress

from refimpl import fast
from refimpl.errors import InputError
from refimpl.formats import as_format
from refimpl.models.halting import FIXED
from workbench.checkpoints import list_networks
from workbench.command_line import examples
from workbench.datasets.read import add_data, read_data
from workbench.fidelity import Reading
from workbench.lab.stopping import logged, summary, table
from workbench.lab.stopping import run as run_rules
from workbench.networks import Network, find_network
from workbench.render.grid import Grid, percent
from workbench.render.sheet import Sheet, add_format, show
from workbench.retry import relabellings, warranted
from workbench.tasks.metrics import puzzle_exact
from workbench.tasks.sets import PuzzleSet, evaluation_set, spread_givens
from workbench.tasks.significance import wilson_interval

SCHEMA = "refimpl.stopping/1"
SEED = 14_000_000
RULES = "head;settled;head+settled"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("networks", nargs="*", help="networks to run; none: what --log holds")
    parser.add_argument("--formats", default="w8c", help="weight formats, comma separated (default w8c)")
    parser.add_argument("--rules", default=RULES, help=f"stop rules, by semicolons (default {RULES}); "
                        "one without t takes the calibrated one")  # fmt: skip
    parser.add_argument("--puzzles", type=int, default=256, help="generated puzzles (default 256)")
    parser.add_argument("--givens", help="Sudokus with so many givens, as 30 or 27-32")
    parser.add_argument("--seed", type=int, default=SEED, help=f"of generated puzzles (default {SEED})")
    add_data(parser)
    parser.add_argument("--no-fixed", action="store_true", help="leave runs of fixed length away: each rule "
                        "ends its own, and puzzles that stopped cost nothing more")  # fmt: skip
    parser.add_argument("--steps", type=int, help="ACT steps at most (default: the network's own)")
    parser.add_argument("--log", type=Path, default=Path("stopping.jsonl"),
                        help="finished batches, continued")  # fmt: skip
    parser.add_argument("--retries", type=int, metavar="N", help="instead: accept or refuse by the rule "
                        "head+settled and the task's own, and try the refused again under up to N "
                        "relabellings")  # fmt: skip
    add_format(parser)
    examples(parser, "sudoku9-pair-mlp --formats w8c,w4c --puzzles 1000 --givens 27-32",
             "maze10-att --rules head+settled,t=60")  # fmt: skip


def _puzzles(args: argparse.Namespace, network: Network) -> PuzzleSet:
    if args.data is not None:
        return read_data(args.data, network.config, args.puzzles)
    if args.givens is None:
        return evaluation_set(network.config, args.puzzles, seed=args.seed)
    low, high = parse_givens(args.givens)
    if network.config.task != "sudoku":
        raise InputError(f"--givens {args.givens}: {network.name} solves no Sudokus.")
    return spread_givens(network.config, args.puzzles, low, high, args.seed)


def parse_givens(text: str) -> tuple[int, int]:
    """Fewest and most givens of ``27-32`` or ``30``."""
    ends = re.fullmatch(r"(\d{1,3})(?:-(\d{1,3}))?", text)
    if ends is None:
        raise InputError(f"--givens {text}: a number or a range such as 27-32.")
    return int(ends[1]), int(ends[2] or ends[1])


def _logged(args: argparse.Namespace) -> int:
    """Everything in the log, under the names of shipped networks where the weights are theirs."""
    names = {find_network(name).digest: name for name in list_networks()}
    rows = []
    for key, found in logged(args.log):
        digest, fmt, steps = json.loads(key)
        fixed, program = found.get(str(FIXED)), f"{names.get(digest, digest[:12])} {fmt}, at most {steps}"
        rows += [summary(program, name, one, fixed, steps) for name, one in found.items()]
    show(Sheet("refimpl stopping", (table(rows, str(args.log)),), (), {"schema": SCHEMA, "rows": rows}), args)
    return 0


def run(args: argparse.Namespace) -> int:
    """Watch fixed runs of every program, apply every rule, and say what each one costs and gains."""
    if not args.networks:
        return _logged(args)
    if args.retries is not None:
        return _retries(args)
    rows, origins = [], []
    with Progress() as progress:
        for network in map(find_network, args.networks):
            puzzles = _puzzles(args, network)
            origins.append(puzzles.origin)
            for fmt in (str(as_format(name)) for name in args.formats.split(",")):
                rules = [network.stop_rule(text, fmt) for text in args.rules.split(";")]
                rules = rules if args.no_fixed else [FIXED, *rules]
                program = Reading(fast, network.integer_model(fmt).with_depth(steps=args.steps))
                steps = program.model.config.halt_max_steps
                key = json.dumps([network.digest, fmt, steps])
                task = progress.add_task(f"{network.name} {fmt}", total=len(puzzles.inputs))
                found = run_rules(program, key, puzzles, rules, args.log,
                                  lambda n, task=task: progress.advance(task, n))  # type: ignore[misc]
                fixed = found.get(str(FIXED))
                program_name = f"{network.name} {fmt}"
                rows += [summary(program_name, name, one, fixed, steps) for name, one in found.items()]
    origin = "; ".join(dict.fromkeys(origins))
    data = {"schema": SCHEMA, "puzzles": origin, "rows": rows}
    show(Sheet("refimpl stopping", (table(rows, origin),), (), data), args)
    return 0


def _retries(args: argparse.Namespace) -> int:
    """Answers with a warrant: how many are given after each try, how many are wrong, and what tries cost."""
    rows = []
    with Progress() as progress:
        for network in map(find_network, args.networks):
            puzzles = _puzzles(args, network)
            for fmt in (str(as_format(name)) for name in args.formats.split(",")):
                rule = network.stop_rule("head+settled", fmt)
                model = network.integer_model(fmt).with_depth(steps=args.steps).with_stop(rule)
                task = progress.add_task(f"{network.name} {fmt}", total=len(puzzles.inputs))
                names = relabellings(model.config, args.retries, args.seed)
                found = warranted(Reading(fast, model), puzzles.inputs, names, None,
                                  lambda n, task=task: progress.advance(task, n))  # type: ignore[misc]
                right = puzzle_exact(found.answers, puzzles.labels)
                given = found.tried > 0
                rows.append({
                    "program": f"{network.name} {fmt}", "rule": str(rule), "puzzles": len(given),
                    "origin": puzzles.origin, "accepted_by_try": np.bincount(
                        found.tried, minlength=args.retries + 2)[1:].tolist(),
                    "right": int((given & right).sum()), "accepted_wrong": int((given & ~right).sum()),
                    "mean_steps": float(found.steps.sum(axis=1).mean()),
                })  # fmt: skip
    data = {"schema": SCHEMA, "rows": rows}
    show(Sheet("refimpl stopping --retries", (_retry_table(rows),), (), data), args)
    return 0


def _retry_table(rows: Sequence[dict[str, Any]]) -> Grid:
    cells = []
    for row in rows:
        shares = np.cumsum(row["accepted_by_try"]) / row["puzzles"]
        low_high = wilson_interval(row["right"], row["puzzles"])
        cells.append((
            row["program"], row["origin"], " / ".join(f"{100 * share:.1f}" for share in shares),
            f"{percent(row['right'] / row['puzzles'])} [{percent(low_high.low)}, {percent(low_high.high)}]",
            str(row["accepted_wrong"]), f"{row['mean_steps']:.2f}",
        ))  # fmt: skip
    headings = ("program", "puzzles", "accepted %, tries 1 / 2 / ...", "right and accepted %",
                "wrong accepted", "mean steps, all tries")  # fmt: skip
    note = "accepted: stopped by head+settled with an answer that keeps the task's rules; [ ]: 95 % interval"
    return Grid("answers with a warrant", headings, tuple(cells), note, left=2)
