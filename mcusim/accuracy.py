"""How right a deployment is: on the puzzle at hand, and on a whole set, measured earlier or now."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from mcusim.build import Costs, stopping_costs
from mcusim.report import AllPuzzles, Paired, PuzzleResult, StoppedPuzzles
from mcusim.simulate import Execution
from refimpl import fast
from refimpl.errors import InputError
from refimpl.formats import Format
from refimpl.image import Image
from refimpl.model_image import from_image
from refimpl.models.config import ModelConfig
from workbench import accuracies
from workbench.accuracies import Kept
from workbench.content import FLOAT
from workbench.evaluate import Stopping, Tally, measure, tally
from workbench.fidelity import Reading
from workbench.networks import Network
from workbench.retry import warranted
from workbench.tasks.games import Puzzle
from workbench.tasks.metrics import score
from workbench.tasks.relabel import Relabelling
from workbench.tasks.sets import PuzzleSet
from workbench.tasks.significance import wilson_interval
from workbench.tasks.task import keeps_rules


def judge(execution: Execution, puzzle: Puzzle, config: ModelConfig) -> PuzzleResult:
    """Compare what was executed with the puzzle's label."""
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
                        right.cells, halt, go_on, execution.steps, execution.stopped, keeps,
                        tuple(done.steps for done in execution.tries))  # fmt: skip


def measured(
    images: Sequence[Image], fmt: Format, config: ModelConfig, puzzles: PuzzleSet,
    again: Sequence[Relabelling], on_done: Callable[[int], None],
) -> Kept:
    """Run a program, or the pair of a stop rule, on a whole set, refused puzzles under ``again`` as well;
    ``on_done`` hears how many puzzles are done."""
    if not puzzles.labelled:
        raise InputError(f"--all: accuracy n/a ({puzzles.origin} have no labels).")
    model, *finish = map(from_image, images)
    model = model.with_depth(config.H_cycles, config.halt_max_steps).with_stop(config.stop)
    program = Reading(fast, model, *finish)
    parts: dict[int, Tally] = {}
    tries: tuple[int, ...] = ()
    if again:
        done = warranted(program, puzzles.inputs, again, puzzles.puzzle_ids, on_done)
        tries = tuple(done.steps.ravel().tolist())
        parts[0] = replace(tally(done.answers, puzzles.labels), steps=tuple(done.steps.sum(axis=1).tolist()),
                           accepted=tuple((done.tried > 0).tolist()))  # fmt: skip
    else:
        measure(program, puzzles, on_done=on_done, on_batch=parts.__setitem__)
    ordered = [parts[at] for at in sorted(parts)]
    content = b"".join(bytes(one.data) for one in images)
    return accuracies.kept_of(content, str(fmt), config, puzzles, ordered, len(again), tries)


def all_puzzles(
    found: Kept, known: Mapping[str, Kept], network: Network, costs: Costs, source: str
) -> AllPuzzles:
    """Accuracy over a set as the report says it, beside the float network's where that is ``known``."""
    of = found.accuracy
    interval = of.interval
    floats = known.get(accuracies.program_of(accuracies.content_of(network, FLOAT), network.config))
    paired = None
    if floats is not None and (split := found.against(floats)) is not None:
        right = floats.accuracy.score.exact_right
        paired = Paired(right, split.only_first, split.only_second, split.p_value)
    stopped = None if of.stopping is None else _stopped(costs, found, of.stopping)
    return AllPuzzles(source, found.origin, of.score.puzzles, of.score.exact_right, interval.low,
                      interval.high, of.score.cells_right, of.score.cells, found.copied / found.cells, paired,
                      stopped)  # fmt: skip


def _stopped(costs: Costs, kept: Kept, found: Stopping) -> StoppedPuzzles:
    """Counts of the stop rule with their intervals, and what its runs cost."""
    tries = np.array(kept.each_try, np.int64)
    given = np.array([mark == "1" for mark in kept.accepted])
    by_try = np.bincount((tries > 0).sum(axis=1)[given] - 1, minlength=costs.tries)
    accepted = wilson_interval(found.accepted, sum(found.steps))
    wrong = wilson_interval(found.accepted_wrong, found.accepted) if found.accepted else None
    return StoppedPuzzles(
        kept.stop, found.steps, found.accepted, tuple(by_try.tolist()), (accepted.low, accepted.high),
        found.accepted_wrong, None if wrong is None else (wrong.low, wrong.high), found.withheld_right,
        stopping_costs(costs, tries),
    )  # fmt: skip
