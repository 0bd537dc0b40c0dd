"""Finalists on held-out puzzles: at full length or under their stop rule, and tried again where refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from mcusim.fitting.front import Bools, Row
from mcusim.fitting.measure import Measured, Solver, Under
from mcusim.fitting.place import Taken
from mcusim.fitting.race import Entrant, threshold
from refimpl.models.halting import FIXED, LIMITS, StopRule
from workbench.networks import Network
from workbench.retry import SEED
from workbench.tasks.codes import IGNORED
from workbench.tasks.relabel import Relabelling, draw
from workbench.tasks.sets import PuzzleSet
from workbench.tasks.task import task_of

RETRIES = 2
Runs = Sequence[tuple[Solver, PuzzleSet]]
Runner = Callable[[str, Runs], Mapping[str, Measured]]


def solver(entrant: Entrant, until: StopRule = FIXED) -> Solver:
    """What runs an entrant."""
    return Solver(entrant.name, entrant.candidate.network, str(entrant.candidate.recipe.format), until)


def finals(
    finalists: Sequence[Entrant], seen: Mapping[str, Measured], original: Solver, raced: PuzzleSet,
    held_out: PuzzleSet, run: Runner,
) -> tuple[list[Row], Bools]:  # fmt: skip
    """All rows of the finalists, and which held-out puzzles the float network solves.

    What others are compared with runs every step; all others end by the rule that their calibration runs
    give, which is a third of the work.  Whoever may is tried again where its answer is refused.
    """
    going = [_Finalist(e, seen[e.name], _rule(e, seen[e.name])) for e in finalists]
    wanted = [solver(one.entrant, FIXED if one.entrant.kept else one.rule) for one in going]
    found = run("held-out", [(each, held_out) for each in (original, *wanted)])
    rows = [row for one in going for row in one.rows(found[one.entrant.name])]
    tried = [one for one in going if not one.entrant.kept]
    rows += _retried(tried, found, _joined(raced, held_out), original.network, run)
    return rows, found[original.name].exact[-1]


@dataclass(frozen=True)
class _Finalist:
    """``seen``: its calibration runs, at full length; ``rule``: what they give."""

    entrant: Entrant
    seen: Measured
    rule: StopRule

    @property
    def steps(self) -> int:
        return self.entrant.candidate.network.config.halt_max_steps

    def rows(self, found: Measured) -> list[Row]:
        """At full depth and at half of it, of fixed length where it ran so, and stopped."""
        rules = [FIXED] * self.entrant.kept + [self.rule]
        depths = dict.fromkeys((self.steps, max(1, self.steps // 2)))
        return [
            row_of(self.entrant, depth, rule, self.seen.under(rule, depth), found.under(rule, depth))
            for rule in rules for depth in depths
        ]  # fmt: skip


def _rule(entrant: Entrant, seen: Measured) -> StopRule:
    checked = task_of(entrant.candidate.network.config).rules is not None
    return StopRule("head+settled", t=min(threshold(seen, checked), LIMITS["t"][1]))


def row_of(entrant: Entrant, depth: int, rule: StopRule, seen: Under, held_out: Under | None) -> Row:
    """A row of runs that were tried once; None: it left the race before."""
    last = held_out or seen
    taken = Taken(tuple(np.bincount(last.steps, minlength=depth + 1).tolist()), len(last.steps))
    right = None if held_out is None else held_out.right
    return Row(entrant.candidate, depth, rule, entrant.image, seen.right, right, taken, None)


def _retried(
    going: Sequence[_Finalist], found: Mapping[str, Measured], puzzles: PuzzleSet, network: Network,
    run: Runner,
) -> list[Row]:  # fmt: skip
    """A row of each with up to RETRIES relabelled tries, those of exported C; none for a task without."""
    names = [draw(network.config, SEED + number) for number in range(RETRIES)]
    if None in names:
        return []
    tries = {one.entrant.name: _Tries.first(one, found[one.entrant.name]) for one in going}
    for number, new in enumerate(names, 1):
        assert new is not None
        left = {name: np.flatnonzero(~one.accepted) for name, one in tries.items()}
        runs = [(solver(one.entrant, one.rule), _relabelled(puzzles, left[one.entrant.name], new))
                for one in going if len(left[one.entrant.name])]  # fmt: skip
        again = run(f"try {number + 1}", runs)
        for one in going:
            if one.entrant.name in again:
                under = again[one.entrant.name].under(one.rule, one.steps)
                tries[one.entrant.name].take(left[one.entrant.name], number, under)
    return [tries[one.entrant.name].row(one) for one in going]


@dataclass
class _Tries:
    """``right`` and ``accepted`` (N,) of the last try of each puzzle, ``steps`` (N, tries) of every one."""

    right: Bools
    accepted: Bools
    steps: npt.NDArray[np.int64]

    @staticmethod
    def first(one: _Finalist, found: Measured) -> _Tries:
        both = one.seen.under(one.rule, one.steps), found.under(one.rule, one.steps)
        right, accepted, steps = (np.concatenate([getattr(under, name) for under in both])
                                  for name in ("right", "accepted", "steps"))  # fmt: skip
        every = np.zeros((len(steps), RETRIES + 1), np.int64)
        every[:, 0] = steps
        return _Tries(right, accepted, every)

    def take(self, rows: npt.NDArray[np.int64], number: int, under: Under) -> None:
        self.right[rows], self.accepted[rows] = under.right, under.accepted
        self.steps[rows, number] = under.steps

    def row(self, one: _Finalist) -> Row:
        count = one.seen.exact.shape[1]
        steps = self.steps[count:]
        runs = np.bincount(steps[steps > 0], minlength=one.steps + 1)
        taken = Taken(tuple(runs.tolist()), len(steps), RETRIES)
        return Row(one.entrant.candidate, one.steps, one.rule, one.entrant.image, self.right[:count],
                   self.right[count:], taken, None)  # fmt: skip


def _joined(first: PuzzleSet, second: PuzzleSet) -> PuzzleSet:
    return PuzzleSet(np.concatenate([first.inputs, second.inputs]),
                     np.concatenate([first.labels, second.labels]), "")  # fmt: skip


def _relabelled(puzzles: PuzzleSet, rows: npt.NDArray[np.int64], new: Relabelling) -> PuzzleSet:
    """Puzzles under their new names; positions that do not count still do not."""
    inputs, labels = puzzles.inputs[rows], puzzles.labels[rows]
    counted = labels != IGNORED
    named = np.where(counted[:, new.source], new.apply(np.where(counted, labels, 0)), IGNORED)
    return replace(puzzles, inputs=new.apply(inputs).astype(np.int32), labels=named.astype(np.int32))
