"""What a network's card (its ``config.json``) states of its accuracy, and how a figure gets there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from refimpl.errors import InputError
from workbench.checkpoints import read_json, write_card
from workbench.checkpoints.networks import CONFIG
from workbench.evaluate import Accuracy
from workbench.tasks.sets import HeldOut, PuzzleSet

HELD_OUT = "held_out"


@dataclass(frozen=True)
class Stated:
    """The float accuracy on one set: shares of 1 with a 95 % interval; ``held_out`` is None where the puzzles
    are those of a file and cannot be drawn again."""

    name: str
    held_out: HeldOut | None
    puzzles: int
    exact: float
    low: float
    high: float

    def agrees(self, found: Accuracy) -> bool:
        """Whether a run on the first puzzles of this set bears the card out.

        The same program on the same puzzles may differ by the few that another order of float additions
        moves; a run on fewer puzzles by chance, so there the two intervals need only meet.
        """
        low, high = found.interval.low, found.interval.high
        fewer = found.score.puzzles < self.puzzles
        return self.low <= found.score.exact <= self.high or (fewer and low <= self.high and self.low <= high)


def stated(folder: Path) -> tuple[Stated, ...]:
    """Return what the card in ``folder`` states, in its order; a damaged entry is an InputError."""
    entries = read_json(folder / CONFIG).get(HELD_OUT, {})
    if not isinstance(entries, dict):
        raise InputError(f"{folder / CONFIG}: {HELD_OUT} is {entries!r}; it must map sets to figures.")
    found = []
    for name, raw in entries.items():
        try:
            drawn = "givens" in raw or "minimum_path" in raw
            held_out = HeldOut(raw.get("givens"), raw.get("minimum_path"), raw["seed"]) if drawn else None
            low, high = raw["exact_interval_95"]
            told = name if held_out is None else held_out.name
            found.append(Stated(told, held_out, raw["puzzles"], raw["exact"], low, high))
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"{folder / CONFIG}: {HELD_OUT} {name!r} is damaged ({error!r}); it needs "
                             "puzzles, exact, exact_interval_95 and, of a set to draw, seed.") from error
    return tuple(found)


def entry(puzzles: PuzzleSet, found: Accuracy) -> dict[str, Any]:
    """Return the entry of a card for one set; :func:`stated` reads it."""
    drawn = {} if puzzles.held_out is None else vars(puzzles.held_out)
    interval = [round(end, 4) for end in (found.interval.low, found.interval.high)]
    return {**{k: v for k, v in drawn.items() if v is not None}, "puzzles": found.score.puzzles,
            "exact": round(found.score.exact, 4), "exact_interval_95": interval,
            "cell": round(found.score.cell, 4)}


def state(folder: Path, entries: Mapping[str, Mapping[str, Any]]) -> None:
    """Add entries, by the names of their sets, to the card in ``folder``."""
    card = read_json(folder / CONFIG)
    write_card(folder, {**card, HELD_OUT: {**card.get(HELD_OUT, {}), **entries}})
