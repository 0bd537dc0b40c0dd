"""One cell of a sweep: a variant over a set of puzzles, scored against labels and the float run."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt

from refimpl.errors import InputError
from refimpl.models.halting import FIXED
from refimpl.models.operators import Array
from refimpl.models.recursion import Carry, Outputs, run
from workbench.content import content_key
from workbench.datasets.read import read_data
from workbench.fidelity import Reading, flattened_cosines, position_cosines
from workbench.lab.costs import Costs, costs
from workbench.lab.variant import Variant, network, reading
from workbench.stop_text import parse_stop
from workbench.tasks.metrics import copy_floor, puzzle_exact, wrong_cells
from workbench.tasks.sets import PuzzleSet, evaluation_set
from workbench.tasks.task import keeps_rules

BATCH = 32


@dataclass(frozen=True)
class Choice:
    """Which puzzles: the first ``puzzles`` (0: all) of the file ``data``, or else of the default set.

    ``givens`` 0 is the default set; else Sudokus with that many givens are generated.
    """

    puzzles: int = 0
    givens: int = 0
    data: str = ""

    def __post_init__(self) -> None:
        if self.puzzles < 0 or self.givens < 0:
            raise InputError(f"--puzzles {self.puzzles} and --givens {self.givens} must be counts, or 0.")
        if self.data and self.givens:
            raise InputError(f"{self.givens} givens draw puzzles, and {self.data} is a file of them: leave "
                             "one "
                             "away.")

    @property
    def key(self) -> str:
        givens = f" g{self.givens}" if self.givens else ""
        data = f" d{self.data}" if self.data else ""
        return f"p{self.puzzles or '-'}{givens}{data}"


@dataclass(frozen=True)
class Cell:
    """A variant and the puzzles it runs on."""

    variant: Variant
    choice: Choice = Choice()

    @property
    def key(self) -> str:
        return f"{self.variant.key} {self.choice.key}"


@dataclass(frozen=True)
class Result:
    """A finished cell.

    ``exact``: one character a puzzle, ``1`` solved; ``one_step`` and ``all_steps`` are the two fidelity
    readings, ``consecutive`` their control; ``puzzle_fidelity``: reading (ii) of each puzzle;
    ``by_step``: its mean over puzzles after every ACT step.  Under a stop rule ``exact`` is of answers that
    it ends, ``steps`` the ACT steps of each puzzle, and ``accepted`` one character a puzzle, ``1`` where the
    rule stopped it with an answer that keeps the task's rules; fidelity is of runs to their end.
    """

    variant: Variant
    puzzles: int
    origin: str
    exact: str
    cells_right: int
    cells: int
    floor_exact: int
    floor_cells: int
    one_step: float
    all_steps: float
    consecutive: float
    puzzle_fidelity: tuple[float, ...]
    costs: Costs
    seconds: float
    by_step: tuple[float, ...] = ()
    steps: tuple[int, ...] = ()
    accepted: str = ""

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "variant": self.variant.to_dict()}

    def __post_init__(self) -> None:
        if self.puzzles < 1 or len(self.exact) != self.puzzles or set(self.exact) - {"0", "1"}:
            raise InputError(f"exact must have a 0 or 1 for each of the {self.puzzles} puzzles.")
        if (len(self.accepted), len(self.steps)) not in ((0, 0), (self.puzzles, self.puzzles)):
            raise InputError(f"steps and accepted must have a number and a 0 or 1 for each of the "
                             f"{self.puzzles} puzzles, or nothing.")
        if len(self.puzzle_fidelity) != self.puzzles:
            raise InputError(f"puzzle_fidelity must have a number for each of the {self.puzzles} puzzles.")
        counted = (self.cells_right, self.floor_cells)
        if not (self.cells >= 1 and all(0 <= n <= self.cells for n in counted)):
            raise InputError("cells_right and floor_cells must be counts of cells.")
        if not 0 <= self.floor_exact <= self.puzzles:
            raise InputError("floor_exact must be a count of puzzles.")

    @property
    def solved(self) -> npt.NDArray[np.bool_]:
        return np.array([mark == "1" for mark in self.exact])


@dataclass(frozen=True)
class Track:
    """What one run over a batch leaves behind: answers, and z_H after every ACT step."""

    answers: Array
    states: tuple[Array, ...]


def track(program: Reading, tokens: Array, puzzle_ids: Array | None = None) -> Track:
    """Run ``program`` and keep what the fidelity readings look at."""
    states: list[Array] = []
    answers: list[Array] = []

    def on_step(step: int, carry: Carry, outputs: Outputs) -> None:
        states.append(carry.z_H)
        answers[:] = [program.ops.argmax(outputs.logits)]

    run(program.ops, program.model, tokens, puzzle_ids, on_step=on_step)
    return Track(answers[0], tuple(states))


@lru_cache(maxsize=8)
def puzzle_set(network_name: str, choice: Choice) -> PuzzleSet:
    """The chosen puzzles, cut to the first so many (the shipped order mixes difficulties)."""
    config = network(network_name).config
    puzzles, givens = choice.puzzles, choice.givens
    if choice.data:
        found = read_data(choice.data, config, puzzles or None)
        if not found.labelled:
            raise InputError(f"{choice.data}: accuracy n/a (no labels in it).")
        return found
    if givens:
        return evaluation_set(config, puzzles or None, givens)
    whole = evaluation_set(config)
    if puzzles > len(whole.inputs):
        return evaluation_set(config, puzzles)
    if not puzzles:
        return whole
    return whole.rows(0, puzzles, f"first {puzzles} of {whole.origin}")


@lru_cache(maxsize=4)
def reference_tracks(variant: Variant, choice: Choice) -> tuple[Track, ...]:
    """The float run of ``variant`` in batches, kept for the cells that are compared with it."""
    program = reading(variant)
    return tuple(track(program, part.inputs, part.puzzle_ids) for part in _parts(variant, choice))


def _parts(variant: Variant, choice: Choice) -> list[PuzzleSet]:
    chosen = puzzle_set(variant.network, choice)
    return [chosen.rows(start, BATCH, chosen.origin) for start in range(0, len(chosen.inputs), BATCH)]


def content_of(cell: Cell) -> str:
    """The key of what the names in a cell mean here: weights, ranges, format, depth, puzzles and sources."""
    variant = cell.variant.resolved()
    found = network(variant.network)
    config = replace(found.config, H_cycles=variant.H_cycles, halt_max_steps=variant.steps,
                     stop=parse_stop(variant.stop))  # fmt: skip
    told = replace(variant, network="").key
    return content_key(found, str(variant.format), config, puzzle_set(variant.network, cell.choice), told)


def _marks(flags: Iterable[bool]) -> str:
    return "".join("01"[int(flag)] for flag in flags)


def run_cell(cell: Cell, on_batch: Callable[[], None] = lambda: None) -> Result:
    """Run a cell to its end; ``on_batch`` hears of every finished batch."""
    started = perf_counter()
    variant = cell.variant.resolved()
    chosen = puzzle_set(variant.network, cell.choice)
    program = reading(variant)
    references = reference_tracks(variant.reference(), cell.choice)
    answers: list[Array] = []
    one_step, by_step, control = [], [], []
    steps: list[int] = []
    accepted: list[bool] = []
    rule = parse_stop(variant.stop)
    finish = network(variant.network).finish(rule, variant.format)
    stopped = Reading(program.ops, program.model.with_stop(rule), finish)
    for reference, part in zip(references, _parts(variant, cell.choice), strict=True):
        is_reference = variant == variant.reference()
        own = reference if is_reference else track(program, part.inputs, part.puzzle_ids)
        if rule == FIXED:
            answers.append(own.answers)
        else:
            ended = stopped.solve(part.inputs, part.puzzle_ids)
            answers.append(program.ops.argmax(ended.outputs.logits))
            steps += ended.steps.tolist()
            keeps = keeps_rules(program.model.config, part.inputs, answers[-1])
            accepted += (ended.stopped & keeps).tolist()
        one_step.append(position_cosines(reference.states[0], own.states[0]))
        pairs = zip(reference.states, own.states, strict=True)
        by_step.append(np.stack([flattened_cosines(expected, state) for expected, state in pairs]))
        control.append(flattened_cosines(own.states[max(len(own.states) - 2, 0)], own.states[-1]))
        on_batch()
    flattened = np.concatenate(by_step, axis=1)  # (steps, puzzles)
    predicted = np.concatenate(answers)
    floor = copy_floor(chosen.inputs, chosen.labels)
    wrong = int(wrong_cells(predicted, chosen.labels).sum())
    return Result(
        variant=variant,
        puzzles=len(predicted),
        origin=chosen.origin,
        exact=_marks(puzzle_exact(predicted, chosen.labels)),
        cells_right=floor.cells - wrong,
        cells=floor.cells,
        floor_exact=floor.exact_right,
        floor_cells=floor.cells_right,
        one_step=float(np.concatenate(one_step).mean()),
        all_steps=float(flattened[-1].mean()),
        consecutive=float(np.concatenate(control).mean()),
        puzzle_fidelity=tuple(round(float(value), 5) for value in flattened[-1]),
        costs=costs(variant),
        seconds=round(perf_counter() - started, 2),
        by_step=tuple(round(float(value), 5) for value in flattened.mean(axis=1)),
        steps=tuple(steps),
        accepted=_marks(accepted),
    )
