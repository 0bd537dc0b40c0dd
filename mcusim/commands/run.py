"""``mcusim run``: one deployment, one puzzle, one verdict."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from mcusim.accuracy import all_puzzles, judge, measured
from mcusim.alternatives import alternatives
from mcusim.asked import Asked, add_deployment, asked, words_of
from mcusim.build import basis, budget, cycle_rows, kernel_times, operator_rows, regions, total
from mcusim.laid import Laid, lay
from mcusim.planner.notation import describe
from mcusim.planner.plan import Plan
from mcusim.planner.wanted import HELP
from mcusim.render import markdown, terminal
from mcusim.render.run_page import write_run
from mcusim.render.screen import Screen
from mcusim.report import AllPuzzles, RunReport, Subject, to_json
from mcusim.simulate import execute_warranted
from refimpl.errors import InputError
from refimpl.formats import Format, parse_weights
from workbench.accuracies import program_of
from workbench.command_line import examples, number
from workbench.datasets.read import add_data
from workbench.networks import Network, seeded_tokens
from workbench.render.sheet import add_format, as_json, publish
from workbench.sizes import parameters
from workbench.tasks.games import Puzzle
from workbench.tasks.naming import find_puzzle, puzzle_of
from workbench.tasks.sets import evaluation_set

TITLE = "mcusim run"
SCREEN_WIDTH = 80
WRITTEN: dict[str, Callable[[RunReport], str]] = {
    "json": lambda report: as_json(to_json(report)),
    "md": markdown.render,
}
NARROWER = {"w8c": "w4c", "w8t": "w4t"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_deployment(parser)
    parser.add_argument("--puzzle", default="0", help="number in --data or the evaluation set, FILE:ROW, "
                                                      "string")
    parser.add_argument("--table", type=Path, help="puzzle table file to stream a row from")
    parser.add_argument("--row", type=number, help="its row (default: the puzzle's)")
    parser.add_argument("--execute", action="store_true", help="execute untrained weights as well")
    parser.add_argument("--all", action="store_true", help="accuracy over all of --data, or the evaluation "
                                                           "set")
    parser.add_argument("--no-fidelity", action="store_true", help="leave out the float path")
    parser.add_argument("--plan", help=HELP)
    parser.add_argument("--elf", type=Path, help="your linked program, charged as it is")
    parser.add_argument("--full", action="store_true", help="tables of everything, in place of one screen")
    add_data(parser)
    add_format(parser)
    examples(parser, "--budget 4MB",
             "--part stm32h743 --model sudoku9-att --weights w8c",
             "sudoku-mlp-int4 --format json")  # fmt: skip


def _remedies(
    report: RunReport, network: Network, format: Format, offered: Plan | None
) -> tuple[str, ...]:
    """What is biggest, and each computed change that shrinks it; ``offered`` is another plan that fits."""
    if report.fits:
        return ()
    if offered is not None:
        arena = f"{offered.high_water:,} bytes of arena"
        return (f"--plan '{describe(offered.choices)}' fits: {arena} in place of {report.total.arena:,}.",)
    largest = max(report.budget.shares, key=lambda share: share.size)
    found = [f"biggest: {largest.what}, {largest.size:,} bytes."]
    narrower = NARROWER.get(format.weights.name)
    if narrower is not None:
        image = sum(s.size for region in report.regions for s in region.holds if s.what == "flash image")
        saved = image - len(network.image(replace(format, weights=parse_weights(narrower))))
        left = report.budget.missing - saved
        effect = "it fits" if left <= 0 else f"{left:,} bytes are still missing"
        found.append(f"--weights {narrower} saves {saved:,} bytes: {effect}.")
    found.append(f"--budget {-(-report.budget.everything // 1024)}KB is the smallest that holds everything.")
    return tuple(found)


def puzzle_asked(laid: Laid, name: str) -> Puzzle | None:
    """The puzzle called ``name``; None for a network that answers none."""
    if laid.puzzles is not None:
        return puzzle_of(laid.puzzles, name)
    return find_puzzle(name, laid.config) if laid.network.trained else None


def _everyone(laid: Laid, anew: bool, progress: Progress) -> AllPuzzles | None:
    """Accuracy over a set as it is kept; ``anew``: over the evaluation set or the user's own, measured."""
    config, whole = laid.config, laid.whole
    if not anew:
        program = program_of(laid.content, config, len(laid.again))
        found = None if laid.puzzles is not None else laid.known.get(program)
        return None if found is None else all_puzzles(found, laid.known, whole, laid.costs, "kept")
    puzzles = laid.puzzles or evaluation_set(config)
    task = progress.add_task("all puzzles", total=len(puzzles.inputs))
    ran = measured(laid.whole_images, laid.deployment.format, config, puzzles, laid.again,
                   lambda n: progress.advance(task, n))  # fmt: skip
    return all_puzzles(ran, laid.known, whole, laid.costs, "measured")


def simulate(args: Asked, progress: Progress) -> RunReport:
    """Do what is asked; errors rise as sentences."""
    return report_of(args, lay(args), progress)


def report_of(args: Asked, laid: Laid, progress: Progress) -> RunReport:
    """Execute what was laid out, and say everything that is known of it."""
    deployment, part, network, config = laid.deployment, laid.part, laid.network, laid.config
    size, target, plan, fits = laid.size, laid.target, laid.plan, laid.fits
    puzzle = puzzle_asked(laid, args.puzzle)
    if args.row is not None and args.table is None:
        raise InputError("--row names a row of a table file; add --table FILE.")
    if args.table is not None and not config.puzzle_emb_len:
        raise InputError(f"--table: {network.name} has no puzzle embedding.")
    row = args.row if args.row is not None else 0 if puzzle is None else puzzle.puzzle_id
    execution, result = None, None
    if fits and (network.trained or args.execute or args.table):
        task = progress.add_task("ACT steps", total=config.halt_max_steps)
        execution = execute_warranted(
            laid.image, plan, target, seeded_tokens(config) if puzzle is None else puzzle.question,
            None if args.no_fidelity else network.float_model,
            (args.table, row) if args.table else None, laid.again if network.trained else (),
            lambda done: progress.update(task, completed=done), *laid.images[1:],
        )  # fmt: skip
        if puzzle is not None and network.trained:
            result = judge(execution, puzzle, config)
    costs = laid.costs
    everyone = _everyone(laid, args.all, progress) if network.trained else None
    report = RunReport(
        subject=Subject(
            deployment.name, network.name, network.trained, parameters(config).total, str(deployment.format),
            config.H_cycles, config.L_cycles, config.halt_max_steps,
            laid.stop, len(laid.again), part.name, part.title, describe(plan.choices),
        ),
        budget=budget(laid.limit, laid.images, plan, target, size),
        regions=regions(laid.images, plan, target, size),
        puzzle=result,
        all_puzzles=everyone,
        cycles=cycle_rows(costs, execution),
        operators=operator_rows(costs, execution),
        total=total(costs, execution),
        kernels=kernel_times(costs, execution, args.catalogue),
        basis=basis(part, target.program),
        inside=laid.inside,
        refusal=laid.refusal,
        remedies=(),
    )  # fmt: skip
    other = laid.found.chosen
    offered = other if not fits and other is not None and other.choices != plan.choices else None
    return replace(report, remedies=_remedies(report, network, deployment.format, offered))


def run(args: argparse.Namespace) -> int:
    console, request = Console(stderr=True), asked(args)
    with Progress(transient=True, console=console, disable=not console.is_terminal) as progress:
        laid = lay(request)
        report = report_of(request, laid, progress)
        screen = (args.format not in WRITTEN and not args.full) or args.html is not None
        others = alternatives(request, laid) if screen else ()
    shown = Screen(report, others, words_of(request))
    if args.format in WRITTEN:
        publish(WRITTEN[args.format](report), args, TITLE)
    elif args.full:
        publish(terminal.render(report), args, TITLE, terminal.WIDTH)
    else:
        publish(shown, args, TITLE, SCREEN_WIDTH)
    write_run(laid.plan, laid.target, shown, args)
    return 0 if report.fits else 1
