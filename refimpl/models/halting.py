"""When a run stops: rules in integers, as data.  Spec: section 3, OP-STOP.

A rule is asked after an ACT step.  It looks at the halting head, at how far z_H moved, or at both.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from refimpl.errors import InputError
from refimpl.models.operators import Array

Kind = Literal["fixed", "head", "settled", "head+settled", "halt", "halt+settled"]
Measure = Literal["mean", "largest"]
Stretch = Literal["cycle", "step"]
BITS = (0, 1, 2, 3, 5, 7)  # 1: the head, 2: the state, 4: the head is q_halt alone
KINDS: dict[Kind, int] = dict(zip(get_args(Kind), BITS, strict=True))
MEASURES: tuple[Measure, ...] = get_args(Measure)
OVER: tuple[Stretch, ...] = get_args(Stretch)
LIMITS = {"t": (0, 65_535), "least": (1, 10_000), "more": (0, 10_000)}


@dataclass(frozen=True)
class StopRule:
    """``head`` is the family's own word, ``halt`` q_halt alone.  ``t``: most change of z_H, in state units
    (2^-10), that counts as settled; ``of``: its mean over the state or its largest; ``over``: the last H
    cycle or the whole ACT step.  The rule is asked from ACT step ``least`` on; when a run has ended, ``more``
    H cycles follow before the answer is read, those of a second program where ``by`` spells its format.  The
    hard maximum of steps is the model's ``halt_max_steps``.  InputError for a number outside LIMITS.
    """

    kind: Kind = "fixed"
    t: int = 0
    of: Measure = "mean"
    over: Stretch = "cycle"
    least: int = 1
    more: int = 0
    by: str = ""

    def __post_init__(self) -> None:
        for name, choices in (("kind", KINDS), ("of", MEASURES), ("over", OVER)):
            if getattr(self, name) not in choices:
                raise InputError(f"stop rule: {name} is {getattr(self, name)!r}, none of "
                                 f"{', '.join(choices)}.")
        for name, (low, high) in LIMITS.items():
            value = getattr(self, name)
            if type(value) is not int or not low <= value <= high:
                raise InputError(f"stop rule: {name} is {value!r}; it must be a whole number from {low} to "
                                 f"{high:,}.")
        if not self.asks_state and (self.t, self.of, self.over) != (0, "mean", "cycle"):
            raise InputError(f"stop rule: {self.kind} does not look at the state; leave t, of and over away.")
        if self.kind == "fixed" and (self.least, self.more and not self.by) != (1, 0):
            raise InputError("stop rule: fixed never stops early; leave least, and more without by, away.")
        if self.by and not self.more:
            raise InputError(f"stop rule: by={self.by} runs the cycles of more; say how many, as in more=4.")

    @property
    def asks_head(self) -> bool:
        return bool(KINDS[self.kind] & 1)

    @property
    def asks_state(self) -> bool:
        return bool(KINDS[self.kind] & 2)

    def __str__(self) -> str:
        """The rule's one spelling: its kind, then what differs from the defaults."""
        values = [(f.name, getattr(self, f.name), f.default) for f in fields(self)[1:]]
        return ",".join([self.kind, *(f"{name}={value}" for name, value, usual in values if value != usual)])


FIXED = StopRule()
Bools = npt.NDArray[np.bool_]


def head_stops(q: Array, family: str, kind: Kind = "head") -> Bools:
    """The head's word on q (..., 2): q_halt > q_continue in an HRM, q_halt > 0 in a TRM and under halt."""
    return np.asarray(q[..., 0] > (0 if family == "trm" or KINDS[kind] & 4 else q[..., 1]))


def settled(rule: StopRule, change: Array, size: int) -> Bools:
    """Whether a state of ``size`` values moved at most ``t``; ``change`` (B, 2) is that of OP-CHANGE."""
    return np.asarray(change[:, 0] <= rule.t * size if rule.of == "mean" else change[:, 1] <= rule.t)


def stops(rule: StopRule, family: str, step: int, size: int, batch: int, q: Callable[[], Array],
          change: Callable[[], Array]) -> Bools:  # fmt: skip
    """Whether the rule ends each of ``batch`` puzzles after ACT step ``step`` (from 0).

    ``q`` and ``change`` are asked only where the rule needs them.
    """
    ends = np.full(batch, rule.kind != "fixed" and step + 1 >= rule.least)
    if rule.asks_head and ends.any():
        ends &= head_stops(q(), family, rule.kind)
    if rule.asks_state and ends.any():
        ends &= settled(rule, change(), size)
    return ends


def places(batch: int) -> npt.NDArray[np.int64]:
    """The puzzles of a batch by number."""
    return np.arange(batch)


def in_order(numbers: list[Array], parts: list[Array]) -> Array:
    """Rows of several parts as one array, by the numbers of their puzzles."""
    return np.concatenate(parts)[np.argsort(np.concatenate(numbers))]
