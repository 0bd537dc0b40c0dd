"""Rows to choose from, the front among them, and the choice with its reason."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mcusim.fitting.candidates import BASELINE, Candidate
from mcusim.fitting.place import Placed, Taken
from refimpl.models.halting import FIXED, StopRule
from workbench.tasks.significance import Interval, McNemar, mcnemar_exact, wilson_interval

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Limits:
    """What a choice must keep: ``keep`` of the float network's solved puzzles; and may need at most."""

    keep: float
    seconds: float | None = None
    flash: int | None = None
    sram: int | None = None

    def hold(self, placed: Placed) -> bool:
        """Whether a placed program is within the limits."""
        pairs = ((self.seconds, placed.seconds.high), (self.flash, placed.flash), (self.sram, placed.sram))
        return placed.fits and all(most is None or value <= most for most, value in pairs)


@dataclass(frozen=True, eq=False)
class Row:
    """A candidate at a depth and under a stop rule.

    ``calibration`` and ``held_out``: which puzzles it solves, (N,), None for those it never ran; ``taken``:
    ACT steps of the puzzles that it ran last; ``placed`` is None where it has not been planned.  ``failed``:
    what its self-test as C said, "" where it passed, None where it was not built.
    """

    candidate: Candidate
    depth: int
    rule: StopRule
    image: int
    calibration: Bools
    held_out: Bools | None
    taken: Taken
    placed: Placed | None
    failed: str | None = None

    @property
    def name(self) -> str:
        """Unique: recipe, then depth and stop rule where they are not the usual."""
        config = self.candidate.network.config
        marks = [self.candidate.recipe.name]
        marks += [f"{self.depth} steps"] * (self.depth != config.halt_max_steps)
        marks += [str(self.rule)] * (self.rule != FIXED)
        return ", ".join([*marks, *[f"{self.taken.retries} retries"] * bool(self.taken.retries)])

    @property
    def steps(self) -> float:
        """Mean ACT steps of a puzzle, in all its tries."""
        return sum(n * count for n, count in enumerate(self.taken.runs)) / self.taken.puzzles

    @property
    def interval(self) -> Interval | None:
        """95 % Wilson interval of the held-out share."""
        if self.held_out is None:
            return None
        return wilson_interval(int(self.held_out.sum()), len(self.held_out))

    @property
    def costs(self) -> tuple[float, float, float, float] | None:
        """Flash, SRAM, seconds, joules."""
        p = self.placed
        return None if p is None else (p.flash, p.sram, p.seconds.high, p.joules.high)


@dataclass(frozen=True)
class Pairing:
    """A row against the float run on the same puzzles: difference of shares, its interval, lost and won."""

    change: float
    interval: Interval
    test: McNemar


def paired(reference: Bools, own: Bools) -> Pairing:
    """The 95 % interval of a paired difference of shares (Newcombe 1998, method 10: Wilson intervals of both
    shares, and the correlation of the pairs)."""
    n = len(own)
    test = mcnemar_exact(reference, own)
    p, q = float(own.mean()), float(reference.mean())
    mine, theirs = wilson_interval(int(own.sum()), n), wilson_interval(int(reference.sum()), n)
    both = int((reference & own).sum())
    neither = n - both - test.only_first - test.only_second
    margins = math.prod((own.sum(), n - own.sum(), reference.sum(), n - reference.sum()))
    phi = 0.0
    if margins:
        cross = both * neither - test.only_first * test.only_second
        if cross > 0:
            cross = max(cross - n // 2, 0)
        phi = cross / math.sqrt(float(margins))
    down = (p - mine.low) ** 2 - 2 * phi * (p - mine.low) * (theirs.high - q) + (theirs.high - q) ** 2
    up = (mine.high - p) ** 2 - 2 * phi * (mine.high - p) * (q - theirs.low) + (q - theirs.low) ** 2
    change = p - q
    return Pairing(change, Interval(change - math.sqrt(max(down, 0)), change + math.sqrt(max(up, 0))), test)


def front(rows: Sequence[Row]) -> list[Row]:
    """Held-out rows that fit and that no other beats in accuracy, flash, SRAM, time and energy at once."""

    def point(row: Row) -> tuple[float, ...]:
        assert row.costs is not None
        assert row.held_out is not None
        return (-float(row.held_out.mean()), *row.costs)

    able = [row for row in rows if row.placed is not None and row.placed.fits and row.held_out is not None]
    return [
        row for row in able
        if not any(point(o) != point(row) and all(a <= b for a, b in zip(point(o), point(row), strict=True))
                   for o in able)
    ]  # fmt: skip


def score(row: Row) -> float:
    """Geometric mean of flash, SRAM, time and energy: the choice has the least."""
    assert row.costs is not None
    return math.exp(sum(math.log(cost) for cost in row.costs) / len(row.costs))


@dataclass(frozen=True)
class Choice:
    """``best`` and its runner-up among rows that keep enough and lie within the limits (None: there is none);
    ``reason`` in words; ``keeps``: whether the best keeps what was asked."""

    best: Row | None
    second: Row | None
    reason: str
    keeps: bool


def choose(rows: Sequence[Row], limits: Limits, floats: tuple[Bools, Bools]) -> Choice:
    """Choose among rows with a held-out figure.

    A row keeps enough if it solves at least ``keep`` times as many puzzles as the float network, of the
    held-out puzzles and of these and the calibration puzzles together: the held-out ones did not take part in
    the race, so a row that was lucky in it is found out, and the few of the race alone refuse no row.
    BASELINE at full length is the yardstick and never chosen, nor is what fails as C.  Of the others the
    cheapest of those is best that need no more of anything than the yardstick and less of something, or,
    where there is none, less of something; where none keeps enough, the most exact within the limits is.

    Parameters
    ----------
    floats : which calibration and held-out puzzles the float network solves.
    """
    able = [row for row in rows if row.placed is not None and row.held_out is not None]
    yardstick = next((row for row in able if row.name == BASELINE), None)
    able = [row for row in able if row.placed is not None and limits.hold(row.placed)]
    able = [row for row in able if row is not yardstick and not row.failed]
    enough = [row for row in able if _keeps(row, limits.keep, floats)]
    for beats, words in ((_nowhere_dearer, f" need no more of any of these than {BASELINE}"),
                         (_somewhere_cheaper, f" need less of one of these than {BASELINE}")):  # fmt: skip
        cheaper = [row for row in enough if yardstick is None or beats(row, yardstick)]
        if cheaper:
            ranked = sorted(cheaper, key=lambda row: (score(row), row.name))
            ranked += sorted((row for row in enough if row not in cheaper), key=score)
            said = (f"least geometric mean of flash, SRAM, time and energy of the {len(cheaper)} "
                    f"configurations that{f'{words} and' if yardstick else ''} solve at least "
                    f"{100 * limits.keep:g} % of what the float network solves")  # fmt: skip
            return Choice(ranked[0], ranked[1] if len(ranked) > 1 else None, said, True)
    if not able:
        return Choice(None, None, "no configuration with a kernel lies within the part and the limits", False)
    ranked = sorted(able, key=lambda row: (-float(_both(row).mean()), score(row), row.name))
    said = (f"most puzzles solved within the limits; none of {len(able)} solves {100 * limits.keep:g} % of "
            "what the float network solves")
    return Choice(ranked[0], ranked[1] if len(ranked) > 1 else None, said, False)


def _nowhere_dearer(row: Row, yardstick: Row) -> bool:
    assert row.costs is not None
    assert yardstick.costs is not None
    return row.costs != yardstick.costs and all(
        own <= most for own, most in zip(row.costs, yardstick.costs, strict=True)
    )


def _somewhere_cheaper(row: Row, yardstick: Row) -> bool:
    assert row.costs is not None
    assert yardstick.costs is not None
    return any(own < most for own, most in zip(row.costs, yardstick.costs, strict=True))


def _both(row: Row) -> Bools:
    assert row.held_out is not None
    return np.concatenate([row.calibration, row.held_out])


def _keeps(row: Row, keep: float, floats: tuple[Bools, Bools]) -> bool:
    assert row.held_out is not None
    both = np.concatenate([floats[0][: len(row.calibration)], floats[1]])
    pairs = ((row.held_out, floats[1]), (_both(row), both))
    return bool(all(own.sum() >= keep * reference.sum() for own, reference in pairs))
