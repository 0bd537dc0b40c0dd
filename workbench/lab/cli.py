"""The commands ``sweep`` and ``report``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from refimpl.errors import InputError
from workbench.command_line import examples, number
from workbench.datasets.read import add_data
from workbench.executors import add_executor, asked_executor
from workbench.lab.cell import Cell, Choice, Result
from workbench.lab.plan import DEFAULTS, NETWORKS, grid_cells, read_plan, unique
from workbench.lab.report import read_tables, sheet
from workbench.lab.results import read_results
from workbench.lab.sweep import batches, missing, sweep
from workbench.networks import DEFAULT_NETWORK
from workbench.render.sheet import add_format, add_html, show, write_page

DEFAULT_OUT = Path("sweep.jsonl")


def add_sweep(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("plan", nargs="?", type=Path, help="TOML plan; without one, the flags are one grid")
    parser.add_argument("--networks", default=DEFAULT_NETWORK, help="comma separated, as all lists here")
    parser.add_argument("--weights", default="w8c,w4c", help="weight formats (default w8c,w4c)")
    parser.add_argument("--activations", default="a8", help="a8, a8p16, a16, a4, a8d, amx, af (default a8)")
    parser.add_argument("--carry", default="c16", help="c16, c8, or cf: emulation in float (default c16)")
    parser.add_argument("--rounding", default="double", help="double or single (default double)")
    parser.add_argument("--depths", default="own", help="H_cycles x steps: 2x16,1x8 (default own)")
    parser.add_argument("--stop", default="fixed", help="stop rules, by semicolons, such as "
                        "'fixed;head+settled' (default fixed)")  # fmt: skip
    parser.add_argument("--puzzles", type=number, default=0, help="first N puzzles (default: the whole set)")
    parser.add_argument(
        "--givens", type=number, default=0, help="Sudokus with so many givens (default: own set)"
    )
    add_data(parser)
    parser.add_argument("--out", type=Path, default=DEFAULT_OUT, help="results, a line a cell; continued")
    add_executor(parser)
    add_html(parser)
    examples(parser, "--networks sudoku9-mlp --weights w8c,w4c --depths own,1x8",
             "plan.toml --out plan.jsonl")  # fmt: skip


def _cells(args: argparse.Namespace) -> list[Cell]:
    if args.plan is not None:
        return read_plan(args.plan)
    grid = {key: getattr(args, key).split(";" if key == "stop" else ",") for key in (NETWORKS, *DEFAULTS)}
    return unique(grid_cells(grid, Choice(args.puzzles, args.givens, args.data or ""), "the flags"))


def run_sweep(args: argparse.Namespace) -> int:
    """Run every cell that the results file does not hold yet."""
    cells = _cells(args)
    left = missing(cells, args.out)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
               TimeRemainingColumn())  # fmt: skip
    with asked_executor(args) as executor, Progress(*columns, console=Console(stderr=True)) as progress:
        cell_bar = progress.add_task("cells", total=len(cells), completed=len(cells) - len(left))
        batch_bar = progress.add_task("batches", total=sum(map(batches, left)))

        def on_result(result: Result) -> None:
            progress.advance(cell_bar)
            share = 100 * result.exact.count("1") / result.puzzles
            progress.console.print(f"{result.variant.key}: exact {share:.2f} %, {result.seconds:.0f} s")

        ran = sweep(cells, args.out, executor, lambda key: progress.advance(batch_bar), on_result)
    print(f"{args.out}: {ran} cells run, {len(cells) - ran} were there already.", file=sys.stderr)
    write_page(sheet(read_results([args.out])), args)
    return 0


def add_report(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("results", nargs="*", type=Path, default=[DEFAULT_OUT],
                        help="files of sweep (.jsonl) and of diagnose (.json)")  # fmt: skip
    add_format(parser)
    examples(parser, "plan.jsonl", "plan.jsonl --format svg --out report.svg")


def run_report(args: argparse.Namespace) -> int:
    """Render the tables and plots of files of sweep and of diagnose together."""
    diagnoses = [path for path in args.results if path.suffix == ".json"]
    found = read_results([path for path in args.results if path not in diagnoses])
    tables = [table for path in diagnoses for table in read_tables(path)]
    if not found and not tables:
        raise InputError(f"{', '.join(map(str, args.results))}: no finished cell yet.")
    show(sheet(found, tables), args)
    return 0
