"""Where two programs part: the first call and the first operator whose output differs, puzzle by puzzle."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from refimpl.models.operators import Array
from refimpl.models.order import Call
from refimpl.models.recursion import act_step, reset
from workbench.fidelity import Reading
from workbench.lab.cell import Choice, puzzle_set, track
from workbench.lab.report import PARTED
from workbench.lab.steps import over_batches
from workbench.lab.variant import Variant, reading
from workbench.render.grid import Grid, percent
from workbench.tasks.metrics import puzzle_exact
from workbench.tasks.significance import mcnemar_exact

WATCHED = (
    "add",
    "quantize",
    "linear",
    "silu",
    "multiply",
    "rms_norm",
    "rope",
    "scores",
    "softmax",
    "weighted_values",
)
NEVER = -1


class Watched:
    """An operator namespace that keeps every output, with the number of calls finished before it."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.outputs: list[tuple[int, str, Array]] = []
        self.calls = 0

    def __getattr__(self, name: str) -> Any:
        function = getattr(self._inner, name)
        if name not in WATCHED:
            return function

        def watched(*args: Any) -> Array:
            out = function(*args)
            self.outputs.append((self.calls, f"{name} {getattr(args[-1], 'name', '')}".strip(), out))
            return out

        return watched

    def on_call(self, call: Call, state: Array) -> None:
        self.calls = call.index + 1


@dataclass(frozen=True)
class Parting:
    """Per puzzle: index of the first differing call (NEVER if none) and its first differing operator.

    ``share_by_call`` (calls, puzzles): share of the elements of the call's state that differ.
    """

    call: npt.NDArray[np.int64]
    operator: tuple[str, ...]
    share_by_call: npt.NDArray[np.float64]


def parting(first: Reading, second: Reading, tokens: Array) -> Parting:
    """Compare two programs of one network operator by operator, one ACT step in memory at a time."""
    sides = [(Watched(program.ops), program.model) for program in (first, second)]
    inputs = [ops.embed(tokens, None, model.embedding) for ops, model in sides]
    carries = [reset(ops, model, len(tokens)) for ops, model in sides]
    call_of = np.full(len(tokens), NEVER)
    operator_of = [""] * len(tokens)
    shares: list[npt.NDArray[np.float64]] = []
    for step in range(first.model.config.halt_max_steps):
        for i, (ops, model) in enumerate(sides):
            ops.outputs.clear()
            carries[i] = act_step(ops, model, carries[i], inputs[i], step, ops.on_call)
        pairs = list(zip(sides[0][0].outputs, sides[1][0].outputs, strict=True))
        for place, ((call, name, a), (_, _, b)) in enumerate(pairs):
            differs = (a != b).reshape(len(tokens), -1)
            for puzzle in np.flatnonzero(differs.any(axis=1) & (call_of == NEVER)):
                call_of[puzzle], operator_of[puzzle] = call, name
            if place + 1 == len(pairs) or pairs[place + 1][0][0] != call:  # the call's state comes last
                shares.append(differs.mean(axis=1))
    return Parting(call_of, tuple(operator_of), np.stack(shares))


def parting_tables(first: Variant, second: Variant, choice: Choice) -> list[Grid]:
    """First differing call and operator over puzzles, how the difference spreads, and what it costs."""
    chosen = puzzle_set(first.network, choice)
    programs = reading(first), reading(second)
    parts = over_batches(chosen.inputs, lambda batch: parting(*programs, batch))
    calls = np.concatenate([p.call for p in parts])
    operators = [name for p in parts for name in p.operator]
    shares = np.concatenate([p.share_by_call for p in parts], axis=1)
    answers = [
        np.concatenate(over_batches(chosen.inputs, lambda batch, p=program: track(p, batch).answers))  # type: ignore[misc]
        for program in programs
    ]
    solved = [puzzle_exact(a, chosen.labels) for a in answers]
    paired = mcnemar_exact(*solved)
    where = Counter(zip(calls.tolist(), operators, strict=True))
    names = f"{first.network}: {first.format} against {second.format}, {chosen.origin}"
    by_place = Grid(
        f"{names}: where states first differ",
        PARTED,
        tuple((name or "never", str(call), str(count)) for (call, name), count in where.most_common()),
        "Calls count from 0 over the whole run.",
    )
    shown = sorted({0, 1, 2, 3, 5, *np.linspace(11, len(shares) - 1, 6).round().astype(int).tolist()})
    spread = Grid(
        f"{names}: share of state elements that differ",
        ("after call", "median %", "smallest %", "largest %"),
        tuple((str(k), *(percent(float(f(shares[k]))) for f in (np.median, np.min, np.max))) for k in shown),
    )
    changed = int((answers[0] != answers[1]).any(axis=1).sum())
    outcome = Grid(
        f"{names}: answers",
        ("answers that differ", "exact % first", "exact % second", "lost/won", "p"),
        ((f"{changed} of {len(calls)}", percent(float(solved[0].mean())), percent(float(solved[1].mean())),
          f"{paired.only_first}/{paired.only_second}", f"{paired.p_value:.2g}"),),
    )  # fmt: skip
    return [by_place, spread, outcome]
