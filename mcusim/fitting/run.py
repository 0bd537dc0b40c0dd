"""A whole fit: candidates, race, held-out puzzles, plans, choice, deployment."""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from pathlib import Path

from rich.progress import Progress

from mcusim.accuracy import measured
from mcusim.asked import Asked
from mcusim.checks import checked_part
from mcusim.fitting.candidates import BASELINE, NAIVE, candidates
from mcusim.fitting.deploy import Deployed, deploy, export_and_test
from mcusim.fitting.finals import Runs, finals, row_of, solver
from mcusim.fitting.front import Choice, Limits, Row, choose
from mcusim.fitting.measure import Measured, Solver, Store, measure
from mcusim.fitting.place import Asked as Placing
from mcusim.fitting.place import Placed, place
from mcusim.fitting.race import Entrant, race
from mcusim.fitting.report import Found
from mcusim.fitting.trial import Trial, Trials, trial
from mcusim.laid import lay
from mcusim.parts import Part, load_part
from refimpl.errors import InputError, NotImplementedHere
from refimpl.formats import Format
from refimpl.models.halting import FIXED, StopRule
from workbench.accuracies import keep, path_of
from workbench.content import FLOAT
from workbench.datasets.read import read_data
from workbench.executors import finished
from workbench.files.outputs import make_folder
from workbench.json_lines import writing
from workbench.networks import Network, find_network
from workbench.stopping_cli import parse_givens
from workbench.tasks.sets import (
    CALIBRATION_PUZZLES,
    CALIBRATION_SEED,
    PuzzleSet,
    at_least_one,
    calibration_set,
    evaluation_set,
    spread_givens,
)

RACED, STORE = 128, "measured.jsonl"
FIT_SEED = 20261126  # of held-out puzzles: no other set has it
SUDOKU_GIVENS = "26-32"  # those of the shipped evaluation set of 9x9 Sudokus


@dataclass(frozen=True)
class Wanted:
    """What is asked: ``puzzles`` held-out ones, generated (Sudokus with ``givens``), or of the file ``data``,
    whose first part is calibrated and raced on and whose last is held out; ``folder`` takes what is made.
    ``check_tiles``: the programs check what they fetch."""

    model: str
    part: str
    limits: Limits
    puzzles: int
    givens: str | None
    data: str | None
    folder: Path
    catalogue: Path | None
    check_tiles: bool = False


def sets(wanted: Wanted, network: Network) -> tuple[PuzzleSet, PuzzleSet]:
    """Puzzles to race on, and held-out ones."""
    config, count = network.config, at_least_one(wanted.puzzles)
    if wanted.data is not None:
        if wanted.givens is not None:
            raise InputError("--givens draws puzzles, and --data names a file of them: leave one away.")
        found = read_data(wanted.data, config)
        if not found.labelled or found.puzzle_ids is not None:
            raise NotImplementedHere(f"{wanted.data}: a fit needs labels, and puzzles without rows of their "
                                     "own.")  # fmt: skip
        half = len(found.inputs) // 2
        if not half:
            raise InputError(f"{wanted.data}: a fit needs at least two puzzles.")
        raced = min(half, RACED)
        last = found.rows(len(found.inputs) - min(count, half), count, "")
        return (found.rows(0, raced, f"first {raced} puzzles of {wanted.data}"),
                replace(last, origin=f"last {len(last.inputs)} puzzles of {wanted.data}"))
    if config.task == "sudoku" and (wanted.givens is not None or config.seq_len == 81):
        low, high = parse_givens(wanted.givens or SUDOKU_GIVENS)
        return (spread_givens(config, RACED, low, high, CALIBRATION_SEED),
                spread_givens(config, count, low, high, FIT_SEED))
    if wanted.givens is not None:
        raise InputError(f"--givens {wanted.givens}: {network.name} solves no Sudokus.")
    return (evaluation_set(config, RACED, seed=CALIBRATION_SEED),
            evaluation_set(config, count, seed=FIT_SEED))  # fmt: skip


def fit(wanted: Wanted, executor: Executor, progress: Progress) -> Found:
    """Find the configuration to flash, and write it as a deployment that has been tried as C.

    Finished batches are in the folder's store before anything else is known of them, so that a run that was
    stopped or killed goes on from there.
    """
    part = load_part(wanted.part, wanted.catalogue)
    part = checked_part(part) if wanted.check_tiles else part
    network = find_network(wanted.model)
    if not network.trained:
        raise InputError(f"{network.name} has seeded weights; a fit measures trained networks.")
    make_folder(wanted.folder)
    path = wanted.folder / STORE
    with writing(path):
        task = progress.add_task("calibrating", total=None)
        raced, held_out = sets(wanted, network)
        calibration = raced if wanted.data is not None else calibration_set(network.config)
        calibration = calibration.rows(0, CALIBRATION_PUZZLES, calibration.origin)
        entrants = [
            Entrant(c, len(c.network.image(c.recipe.format)), c.recipe.name in (BASELINE, NAIVE))
            for c in candidates(network, calibration)
        ]
        progress.update(task, total=1, completed=1)
        store = Store(path)
        original = Solver(FLOAT, network, FLOAT)

        def run(what: str, runs: Runs) -> Mapping[str, Measured]:
            puzzles = max((len(one.inputs) for _, one in runs), default=0)
            task = progress.add_task(f"{what}: {len(runs)} programs, {puzzles} puzzles")
            return measure(runs, store, executor, lambda n: progress.update(task, total=n, completed=0),
                           lambda: progress.advance(task))  # fmt: skip

        def heat(going: Sequence[Entrant], count: int) -> Mapping[str, Measured]:
            some = raced.rows(0, count, raced.origin)
            return run("race", [(one, some) for one in (original, *map(solver, going))])

        finalists, seen = race(entrants, len(raced.inputs), heat)
        rows, solved = finals(finalists, seen, original, raced, held_out, run)
        steps = network.config.halt_max_steps
        left = [row_of(e, steps, FIXED, seen[e.name].under(FIXED, steps), None) for e in entrants
                if e not in finalists]  # fmt: skip
        rows, left = placed_rows([*rows, *left], part, wanted.limits, executor, progress, len(rows))
        rows = tried_rows(rows, wanted, Trials(path), executor, progress)
        floats = seen[FLOAT].exact[-1], solved
        choice = choose(rows, wanted.limits, floats)
        found = Found(network.name, part, wanted.limits, raced.origin, held_out.origin, floats, rows, left,
                      choice, [])  # fmt: skip
        return replace(found, deployed=_deployed(choice, wanted, network, held_out, progress))


def placed_rows(rows: Sequence[Row], part: Part, limits: Limits, executor: Executor, progress: Progress,
                final: int) -> tuple[list[Row], list[Row]]:  # fmt: skip
    """All rows with their place on the part, and with checks where its core has them; the first ``final`` of
    them, and the others."""
    groups: defaultdict[tuple[Format, int, StopRule, int], list[int]] = defaultdict(list)
    for i, row in enumerate(rows):
        recipe = row.candidate.recipe
        groups[recipe.format, recipe.H_cycles, row.rule, row.image].append(i)
    jobs = {}
    for (format, _, rule, image), same in groups.items():
        network = rows[same[0]].candidate.network
        content = network.image(format) if part.core.checked else b""
        job = Placing(replace(network.config, stop=rule), format, image, part,
                      tuple(rows[i].taken for i in same), limits.sram, content)  # fmt: skip
        jobs[job] = same
    task = progress.add_task("planning", total=len(jobs))
    placed: dict[int, Placed] = {}
    for job, found in finished(executor, place, jobs):
        placed |= zip(jobs[job], found, strict=True)
        progress.advance(task)
    done = [replace(row, placed=placed.get(i)) for i, row in enumerate(rows)]
    return done[:final], done[final:]


def tried_rows(
    rows: Sequence[Row], wanted: Wanted, trials: Trials, executor: Executor, progress: Progress
) -> list[Row]:
    """The rows with what their self-tests as C say, of those that the part holds."""
    jobs = {Trial(row, wanted.part, wanted.catalogue, wanted.check_tiles, trials.passed): i
            for i, row in enumerate(rows) if row.placed is not None and row.placed.fits}  # fmt: skip
    task = progress.add_task(f"as C: {len(jobs)} programs", total=len(jobs))
    failed: dict[int, str | None] = {}
    for job, (key, said) in finished(executor, trial, jobs):
        trials.add(key, said)
        failed[jobs[job]] = said
        progress.advance(task)
    return [replace(row, failed=failed.get(i)) for i, row in enumerate(rows)]


def _deployed(
    choice: Choice, wanted: Wanted, network: Network, held_out: PuzzleSet, progress: Progress
) -> list[Deployed]:
    """Deployments of the choice and its runner-up, exported as C and tested; what each does on the held-out
    puzzles is kept beside it, for ``run``."""
    made = []
    for row, name in ((choice.best, "recommended"), (choice.second, "runner-up")):
        if row is None or row.placed is None:
            continue
        task = progress.add_task(f"{name} as C", total=None)
        source = f"mcusim fit of {network.name}"
        file = deploy(row, wanted.part, wanted.folder / name, source)
        _keep(file, wanted, held_out)
        c = wanted.folder / f"{name}-c"
        shutil.rmtree(c, ignore_errors=True)
        made.append(export_and_test(file, c, wanted.catalogue, wanted.check_tiles))
        progress.update(task, total=1, completed=1)
    return made


def _keep(file: Path, wanted: Wanted, held_out: PuzzleSet) -> None:
    """Run a deployment on the held-out puzzles as ``run --all`` does, and keep what comes of it."""
    laid = lay(Asked(str(file), catalogue=wanted.catalogue, check_tiles=wanted.check_tiles))
    ran = measured(laid.images, laid.deployment.format, laid.config, held_out, laid.again, lambda done: None)
    path = path_of(laid.network)
    assert path is not None  # it lies in the folder of its file
    keep(path, ran)
