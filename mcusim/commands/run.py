"""``mcusim run``: one deployment, one puzzle, one verdict."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from mcusim.asked import Asked, add_deployment, asked, chosen_deployment
from mcusim.build import Costs, basis, budget, cycle_rows, operator_rows, regions, stopping_costs, total
from mcusim.deployments import Deployment
from mcusim.elf import read_elf
from mcusim.emit.program import emit
from mcusim.export.layout import banks_of
from mcusim.fit import plan_inside
from mcusim.footprint import Footprint, footprint
from mcusim.linked import charged, check_arena
from mcusim.parts import Part, load_part
from mcusim.planner.notation import describe
from mcusim.planner.plan import Plan, refuse_untiled
from mcusim.planner.search import Search, search
from mcusim.planner.target import Target, target_of
from mcusim.planner.wanted import CHOSEN, HELP, wanted
from mcusim.program import kernels_of, program_of
from mcusim.render import markdown, terminal
from mcusim.report import AllPuzzles, PuzzleResult, RunReport, StoppedPuzzles, Subject, to_json
from mcusim.simulate import Execution, execute
from mcusim.units import parse_bytes
from refimpl import fast
from refimpl.errors import InputError, NotImplementedHere
from refimpl.formats import Format, parse_weights
from refimpl.image import Image
from refimpl.model_image import from_image
from refimpl.models.config import ModelConfig
from refimpl.models.halting import FIXED, StopRule
from workbench.command_line import examples, number
from workbench.datasets.read import add_data, read_data
from workbench.evaluate import Stopping, measure
from workbench.fidelity import Reading
from workbench.networks import Network, find_network, seeded_tokens
from workbench.render.sheet import add_format, as_json, publish
from workbench.sizes import parameters
from workbench.tasks.games import Puzzle
from workbench.tasks.metrics import copy_floor, score
from workbench.tasks.naming import find_puzzle, puzzle_of
from workbench.tasks.sets import PuzzleSet, evaluation_set
from workbench.tasks.significance import wilson_interval
from workbench.tasks.task import keeps_rules

TITLE = "mcusim run"
WRITTEN: dict[str, Callable[[RunReport], str]] = {
    "json": lambda report: as_json(to_json(report)),
    "md": markdown.render,
}
SMALL_PART, LARGE_PART = "generic-4mb", "generic-8mb"
SMALL_BUDGET, LARGE_BUDGET = "4MB", "8MB"
NARROWER = {"w8c": "w4c", "w8t": "w4t"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_deployment(parser)
    parser.add_argument("--budget", help="memory for everything (default: 4MB, 8MB on generic-8mb)")
    parser.add_argument("--stop", help="stop rule: fixed, head, halt, settled or both, as in "
                                       "head+settled,t=90")
    parser.add_argument("--puzzle", default="0", help="number in --data or the evaluation set, FILE:ROW, "
                                                      "string")
    parser.add_argument("--table", type=Path, help="puzzle table file to stream a row from")
    parser.add_argument("--row", type=number, help="its row (default 0)")
    parser.add_argument("--execute", action="store_true", help="execute untrained weights as well")
    parser.add_argument("--all", action="store_true", help="accuracy over all of --data, or the evaluation "
                                                           "set")
    parser.add_argument("--no-fidelity", action="store_true", help="leave out the float path")
    parser.add_argument("--plan", default=CHOSEN, help=HELP)
    parser.add_argument("--elf", type=Path, help="your linked program, charged as it is")
    add_data(parser)
    add_format(parser)
    examples(parser, "--budget 4MB",
             "--part stm32h743 --model sudoku9-att --weights w8c",
             "sudoku-mlp-int4 --format json")  # fmt: skip


def _deployment(args: Asked) -> tuple[Deployment, int]:
    """The named deployment with the flags in place of its own values, and the budget in bytes."""
    chosen = chosen_deployment(args)
    default = LARGE_BUDGET if chosen.part == LARGE_PART else SMALL_BUDGET
    limit = parse_bytes(default if args.budget is None else args.budget, "--budget")
    if args.deployment is None and args.part is None:
        chosen = replace(chosen, part=SMALL_PART if limit <= parse_bytes(SMALL_BUDGET) else LARGE_PART)
    refuse_untiled(chosen.format)
    return chosen, limit


def _rule(network: Network, deployment: Deployment, args: Asked) -> tuple[StopRule, str]:
    """The stop rule, and how the report names it.

    A rule of a deployment (one that was not asked for) gives way where no t is kept for the formats.
    """
    program = str(deployment.format)
    try:
        rule = network.stop_rule(deployment.stop, program)
    except InputError:
        if args.stop is not None:
            raise
        return FIXED, f"{FIXED} (no t is kept for {program})"
    return rule, str(rule)


def _judge(execution: Execution, puzzle: Puzzle, config: ModelConfig) -> PuzzleResult:
    assert execution.answer is not None
    assert execution.q is not None
    right = score(execution.answer[None], puzzle.answer[None])
    asked, wanted, given = (
        tuple(int(v) for v in t) for t in (puzzle.question, puzzle.answer, execution.answer)
    )
    solved = right.exact_right == 1 if right.cells else None
    keeps = bool(keeps_rules(config, puzzle.question[None], execution.answer[None])[0])
    halt, go_on = execution.q
    return PuzzleResult(puzzle.origin, config.task, asked, wanted, given, solved, right.cells_right,
                        right.cells, halt, go_on, execution.steps, execution.stopped, keeps)  # fmt: skip


def _all(image: Image, costs: Costs, puzzles: PuzzleSet, progress: Progress) -> AllPuzzles:
    if not puzzles.labelled:
        raise InputError(f"--all: accuracy n/a ({puzzles.origin} have no labels).")
    config = costs.plan.config
    model = from_image(image).with_depth(config.H_cycles, config.halt_max_steps).with_stop(config.stop)
    task = progress.add_task("all puzzles", total=len(puzzles.inputs))
    found = measure(Reading(fast, model), puzzles, on_done=lambda n: progress.advance(task, n))
    right, interval = found.score, found.interval
    floor = copy_floor(puzzles.inputs, puzzles.labels)
    return AllPuzzles(puzzles.origin, right.puzzles, right.exact_right, interval.low, interval.high,
                      right.cells_right, right.cells, floor.cell,
                      _stopped(costs, found.stopping))  # fmt: skip


def _stopped(costs: Costs, found: Stopping | None) -> StoppedPuzzles | None:
    """Counts of the stop rule with their intervals, and what its runs cost."""
    if found is None:
        return None
    accepted = wilson_interval(found.accepted, sum(found.steps))
    wrong = wilson_interval(found.accepted_wrong, found.accepted) if found.accepted else None
    return StoppedPuzzles(
        str(costs.plan.config.stop), found.steps, found.accepted, (accepted.low, accepted.high),
        found.accepted_wrong, None if wrong is None else (wrong.low, wrong.high), found.withheld_right,
        stopping_costs(costs, found),
    )  # fmt: skip


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


@dataclass(frozen=True)
class Laid:
    """A request laid out on its part: ``network`` with the row of its puzzle, ``whole`` with every row;
    ``held`` bytes of image and resident table; ``stop`` names its stop rule; ``fits`` says whether part and
    budget hold ``plan``, and ``program`` is that plan as C, or empty with the reason in ``refusal``."""

    deployment: Deployment
    limit: int
    part: Part
    network: Network
    whole: Network
    config: ModelConfig
    stop: str
    puzzles: PuzzleSet | None
    image: Image
    size: Footprint
    target: Target
    held: int
    found: Search
    plan: Plan
    fits: bool
    program: str
    refusal: str

    @property
    def name(self) -> str:
        """What an export is called."""
        return f"{self.network.name} {self.deployment.format} for {self.part.name}"

    @property
    def inside(self) -> bool:
        """Whether the part's internal memories alone hold some plan."""
        inner = plan_inside(
            self.config, self.deployment.format, self.target, self.found.chosen, self.held, self.size.rows
        )
        return inner is not None


def lay(args: Asked) -> Laid:
    """Read what is asked for, plan it, and see whether it fits."""
    deployment, limit = _deployment(args)
    part = load_part(deployment.part, args.catalogue)
    network = find_network(deployment.model)
    rule, named = _rule(network, deployment, args)
    config = replace(network.config, H_cycles=deployment.H_cycles, halt_max_steps=deployment.steps, stop=rule)
    whole = network
    puzzles = read_data(args.data, config) if args.data else None
    if puzzles is not None:
        network = network.with_puzzle_row(puzzle_of(puzzles, args.puzzle).puzzle_id)
    image = Image(network.image(deployment.format), "the image")
    size = footprint(deployment)
    linked = None if args.elf is None else read_elf(args.elf)
    program = program_of(part, kernels_of(config, deployment.format)) if linked is None else charged(linked)
    held = len(image.data) + size.resident
    target = target_of(part, held, program, size.rows)
    room = max(0, limit - held - program.bytes)
    found = search(config, deployment.format, target, room)
    plan = wanted(args.plan, found, config, deployment.format, target)
    if linked is not None:
        check_arena(linked, plan)
    fits = target.image_fits and plan.high_water <= room and plan.lay_out(target) is not None
    laid = Laid(deployment, limit, part, network, whole, config, named, puzzles, image, size, target, held,
                found, plan, fits, "", "")  # fmt: skip
    return with_program(laid) if fits else laid


def with_program(laid: Laid) -> Laid:
    """Write the plan as C; a plan that has none does not fit, whatever its bytes."""
    segments = laid.plan.lay_out(laid.target)
    assert segments is not None
    arrays = {bank.region: bank.symbol for bank in banks_of(segments, laid.target)}
    config = laid.config
    model = from_image(laid.image).with_depth(config.H_cycles, config.halt_max_steps).with_stop(config.stop)
    try:
        return replace(laid, program=emit(laid.plan, model, laid.image, segments, arrays, laid.name))
    except NotImplementedHere as error:
        return replace(laid, fits=False, refusal=str(error))


def puzzle_asked(laid: Laid, name: str) -> Puzzle | None:
    """The puzzle called ``name``; None for a network that answers none."""
    if laid.puzzles is not None:
        return puzzle_of(laid.puzzles, name)
    return find_puzzle(name, laid.config) if laid.network.trained else None


def simulate(args: Asked, progress: Progress) -> RunReport:
    """Do what is asked; errors rise as sentences."""
    laid = lay(args)
    deployment, part, network, config = laid.deployment, laid.part, laid.network, laid.config
    image, size, target, plan, fits = laid.image, laid.size, laid.target, laid.plan, laid.fits
    puzzle = puzzle_asked(laid, args.puzzle)
    if args.row is not None and args.table is None:
        raise InputError("--row names a row of a table file; add --table FILE.")
    if args.table is not None and not config.puzzle_emb_len:
        raise InputError(f"--table: {network.name} has no puzzle embedding.")
    execution, result = None, None
    if fits and (network.trained or args.execute or args.table):
        task = progress.add_task("ACT steps", total=config.halt_max_steps)
        execution = execute(
            image, plan, target, seeded_tokens(config) if puzzle is None else puzzle.question,
            None if args.no_fidelity else network.float_model,
            puzzle_row=(args.table, args.row or 0) if args.table else None,
            on_step=lambda done: progress.update(task, completed=done),
        )  # fmt: skip
        if puzzle is not None and network.trained:
            result = _judge(execution, puzzle, config)
    costs, everyone = Costs(plan, target), None
    if args.all and network.trained:
        rows = image if laid.whole is network else Image(
            laid.whole.image(deployment.format), "the image with every puzzle row",
        )
        everyone = _all(rows, costs, laid.puzzles or evaluation_set(config), progress)
    report = RunReport(
        subject=Subject(
            deployment.name, network.name, network.trained, parameters(config).total, str(deployment.format),
            config.H_cycles, config.L_cycles, config.halt_max_steps,
            laid.stop, part.name, part.title, describe(plan.choices),
        ),
        budget=budget(laid.limit, image, plan, target, size),
        regions=regions(image, plan, target, size),
        puzzle=result,
        all_puzzles=everyone,
        cycles=cycle_rows(costs, execution),
        operators=operator_rows(costs, execution),
        total=total(costs, execution),
        basis=basis(part, target.program),
        inside=laid.inside,
        refusal=laid.refusal,
        remedies=(),
    )  # fmt: skip
    offered = laid.found.chosen if not fits and laid.found.chosen is not plan else None
    return replace(report, remedies=_remedies(report, network, deployment.format, offered))


def run(args: argparse.Namespace) -> int:
    console = Console(stderr=True)
    with Progress(transient=True, console=console, disable=not console.is_terminal) as progress:
        report = simulate(asked(args), progress)
    if args.format in WRITTEN:
        publish(WRITTEN[args.format](report), args, TITLE)
    else:
        publish(terminal.render(report), args, TITLE, terminal.WIDTH)
    return 0 if report.fits else 1
