"""The command ``stopping``: stop rules over many puzzles, beside runs of fixed length."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

from rich.progress import Progress

from refimpl import fast
from refimpl.errors import InputError
from refimpl.formats import as_format
from refimpl.models.halting import FIXED
from workbench.checkpoints import list_networks
from workbench.command_line import examples, number
from workbench.content import data_digest
from workbench.datasets.read import add_data, read_data
from workbench.fidelity import Reading
from workbench.lab import retries
from workbench.lab.report import STOPPING_SCHEMA
from workbench.lab.stopping import cut_rows, cut_table, logged, summary, table
from workbench.lab.stopping import run as run_rules
from workbench.networks import Network, find_network
from workbench.render.grid import Grid
from workbench.render.sheet import Sheet, add_format, show
from workbench.retry import relabellings, warranted
from workbench.tasks.sets import PuzzleSet, evaluation_set, spread_givens

SEED = 14_000_000
RULES, RETRIED = "head;settled;head+settled", "head+settled"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("networks", nargs="*", help="networks to run; none: what --log holds")
    parser.add_argument("--formats", default="w8c", help="weight formats, comma separated (default w8c)")
    parser.add_argument("--rules", help=f"stop rules, by semicolons (default {RULES}, with --retries "
                        f"{RETRIED}); one without t takes the calibrated one")  # fmt: skip
    parser.add_argument("--puzzles", type=int, default=256, help="generated puzzles (default 256)")
    parser.add_argument("--givens", help="Sudokus with so many givens, as 30 or 27-32")
    parser.add_argument("--seed", type=int, default=SEED, help=f"of generated puzzles (default {SEED})")
    add_data(parser)
    parser.add_argument("--no-fixed", action="store_true", help="leave runs of fixed length away: each rule "
                        "ends its own, and puzzles that stopped cost nothing more")  # fmt: skip
    parser.add_argument("--steps", type=int, help="ACT steps at most (default: the network's own)")
    parser.add_argument("--log", type=Path, default=Path("stopping.jsonl"),
                        help="finished batches, continued")  # fmt: skip
    parser.add_argument("--limits", type=_limits, help="of the log: what lower maxima of steps, comma "
                        "separated, and giving up do where more than half are taken")  # fmt: skip
    parser.add_argument("--retries", type=int, metavar="N", help="instead: accept or refuse by each rule "
                        "and the task's own, and try what is refused again under N relabellings")  # fmt: skip
    add_format(parser)
    examples(parser, "sudoku9-pair-mlp --formats w8c,w4c --puzzles 1000 --givens 27-32",
             "maze10-att --rules head+settled,t=60")  # fmt: skip


def _limits(text: str) -> tuple[int, ...]:
    return tuple(map(number, text.split(",")))


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


def _program_of(key: str, log: Path) -> tuple[str, str, int]:
    """(digest of the weights, format, most steps) of a log's key."""
    try:
        digest, _, fmt, steps = json.loads(key)
    except (TypeError, ValueError) as error:
        raise InputError(f"{log}: the key {key!r} is none of this version's; measure anew.") from error
    return str(digest), str(fmt), int(steps)


def _logged(args: argparse.Namespace) -> int:
    """Everything in the log, under the names of shipped networks where the weights are theirs."""
    names = {find_network(name).digest: name for name in list_networks()}
    rows, limits = [], []
    for key, found in logged(args.log):
        digest, fmt, steps = _program_of(key, args.log)
        fixed, program = found.get(str(FIXED)), f"{names.get(digest, digest[:12])} {fmt}, at most {steps}"
        rows += [summary(program, name, one, fixed, steps) for name, one in found.items()]
        if args.limits and fixed is not None:
            both = [name for name in found if "+settled" in name]
            best = max(both, key=lambda name: (found[name].stopped & found[name].right).sum(), default="")
            if best and 2 * found[best].steps.mean() > steps:
                limits += cut_rows(program, best, found, args.limits)
    grids = [table(rows, args.log.name)] * bool(rows) + [cut_table(limits)] * bool(limits)
    tried = [replace(row, program=f"{names.get(row.weights, row.weights[:12])} {row.program}")
             for row in retries.logged(args.log)]  # fmt: skip
    _show("refimpl stopping", [*grids, *[retries.table(tried)] * bool(tried)], rows, args)
    return 0


def _show(title: str, grids: Sequence[Grid], rows: Sequence[Any], args: argparse.Namespace) -> None:
    data = {"schema": STOPPING_SCHEMA, "rows": rows, "tables": [grid.data for grid in grids]}
    show(Sheet(title, tuple(grids), (), data), args)


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
                rules = [network.stop_rule(text, fmt) for text in (args.rules or RULES).split(";")]
                rules = rules if args.no_fixed else [FIXED, *rules]
                program = Reading(fast, network.integer_model(fmt).with_depth(steps=args.steps))
                steps = program.model.config.halt_max_steps
                finishes = {r.by: one for r in rules if (one := network.finish(r, fmt)) is not None}
                data = data_digest(network, fmt, *sorted(finishes))
                key = json.dumps([network.digest, data, fmt, steps])
                task = progress.add_task(f"{network.name} {fmt}", total=len(puzzles.inputs))
                found = run_rules(program, key, puzzles, rules, args.log,
                                  lambda n, task=task: progress.advance(task, n),  # type: ignore[misc]
                                  finishes)
                fixed = found.get(str(FIXED))
                program_name = f"{network.name} {fmt}"
                rows += [summary(program_name, name, one, fixed, steps) for name, one in found.items()]
    _show("refimpl stopping", [table(rows, "; ".join(dict.fromkeys(origins)))], rows, args)
    return 0


def _retries(args: argparse.Namespace) -> int:
    """Answers with a warrant: how many are given after each try, how many are wrong, and what tries cost."""
    known, rows = {row.asked: row for row in retries.logged(args.log)}, []
    with Progress() as progress:
        for network in map(find_network, args.networks):
            puzzles = _puzzles(args, network)
            wanted = product(args.formats.split(","), (args.rules or RETRIED).split(";"))
            for fmt, text in ((str(as_format(name)), text) for name, text in wanted):
                rule = network.stop_rule(text, fmt)
                model = network.integer_model(fmt).with_depth(steps=args.steps).with_stop(rule)
                names = relabellings(model.config, args.retries, args.seed)
                data = data_digest(network, fmt, *[rule.by] * bool(rule.by))
                asked = network.digest, data, fmt, str(rule), model.config.halt_max_steps
                row = known.get((*asked, puzzles.origin, args.retries + 1))
                if row is None:
                    task = progress.add_task(f"{network.name} {fmt}", total=len(puzzles.inputs))
                    program = Reading(fast, model, network.finish(rule, fmt))
                    found = warranted(program, puzzles.inputs, names, None,
                                      lambda n, task=task: progress.advance(task, n))  # type: ignore[misc]
                    row = retries.counted(asked, found, puzzles)
                    retries.keep(args.log, row)
                rows.append(replace(row, program=f"{network.name} {fmt}"))
    _show("refimpl stopping --retries", [retries.table(rows)], [vars(row) for row in rows], args)
    return 0
