"""The order of calls: the one place that knows how ACT steps, H cycles and L cycles nest.  Spec: section 3.

Everything that follows a run iterates over it: the recursion, the planner, its costs, traces, training.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Level = Literal["L", "H"]


@dataclass(frozen=True)
class Call:
    """Which stack application this is, counted from reset.

    ``cycle`` counts H cycles over all ACT steps.  An H call ends its cycle, the one with ``ends_step`` its
    ACT step: there the heads are read and a run may stop.
    """

    index: int
    step: int
    cycle: int
    level: Level
    ends_step: bool


@dataclass(frozen=True)
class Order:
    """The calls of a run: each ACT step is ``H_cycles`` times (``L_cycles`` L calls, then one H call)."""

    H_cycles: int
    L_cycles: int

    def calls(self, steps: int, first: int = 0) -> Iterator[Call]:
        """The calls of ACT steps ``first`` to ``first + steps - 1``."""
        return self.cycles(steps * self.H_cycles, first * self.H_cycles)

    def cycles(self, cycles: int, first: int = 0) -> Iterator[Call]:
        """The calls of H cycles ``first`` to ``first + cycles - 1``."""
        index = first * (self.L_cycles + 1)
        for cycle in range(first, first + cycles):
            step, place = divmod(cycle, self.H_cycles)
            for _ in range(self.L_cycles):
                yield Call(index, step, cycle, "L", ends_step=False)
                index += 1
            yield Call(index, step, cycle, "H", place + 1 == self.H_cycles)
            index += 1

    @property
    def per_cycle(self) -> dict[Level, int]:
        """How many calls of each level an H cycle has."""
        return {"L": self.L_cycles, "H": 1}

    @property
    def per_step(self) -> dict[Level, int]:
        """How many calls of each level an ACT step has."""
        return {level: self.H_cycles * calls for level, calls in self.per_cycle.items()}
