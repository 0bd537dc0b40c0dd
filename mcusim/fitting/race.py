"""Successive halving: every candidate on a few calibration puzzles, the better half on twice as many."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mcusim.fitting.candidates import Candidate
from mcusim.fitting.measure import Measured
from workbench.stopping import between

RUNGS = ((32, 12), (64, 7))  # puzzles, and how many candidates go on; the last rung has all puzzles


@dataclass(frozen=True)
class Entrant:
    """A candidate, the bytes of its image, and whether it always goes on: what others are compared with."""

    candidate: Candidate
    image: int
    kept: bool

    @property
    def name(self) -> str:
        return self.candidate.recipe.name


def better(entrants: Sequence[Entrant], found: Mapping[str, Measured], count: int) -> list[Entrant]:
    """``count`` entrants and those always kept: front after front of image bytes and puzzles solved."""
    right = {one.name: int(found[one.name].exact[-1].sum()) for one in entrants}
    kept = [one for one in entrants if one.kept]
    pool = [one for one in entrants if not one.kept]
    while pool and len(kept) < count:
        front = [one for one in pool if not any(_beats(other, one, right) for other in pool)]
        front.sort(key=lambda one: (-right[one.name], one.image, one.name))
        kept += front[: count - len(kept)]
        pool = [one for one in pool if one not in front]
    return [one for one in entrants if one in kept]


def _beats(one: Entrant, other: Entrant, right: Mapping[str, int]) -> bool:
    mine, theirs = (one.image, -right[one.name]), (other.image, -right[other.name])
    return mine != theirs and all(a <= b for a, b in zip(mine, theirs, strict=True))


def race(
    entrants: Sequence[Entrant],
    puzzles: int,
    run: Callable[[Sequence[Entrant], int], Mapping[str, Measured]],
) -> tuple[list[Entrant], dict[str, Measured]]:
    """The finalists, and what every entrant did on as many calibration puzzles as it came to see."""
    seen: dict[str, Measured] = {}
    going = list(entrants)
    for count, places in (*((n, p) for n, p in RUNGS if n < puzzles), (puzzles, 0)):
        found = run(going, count)
        seen.update(found)
        going = better(going, found, places) if places else going
    return going, seen


def threshold(found: Measured, checked: bool) -> int:
    """t of head+settled: see :func:`workbench.stopping.between`."""
    means = found.moved[:, :, 0] / found.size
    return between(np.asarray(found.head), np.asarray(found.exact), means, checked)
