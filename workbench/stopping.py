"""The threshold t of a stop rule, found for one program on calibration puzzles, and kept beside the weights.

An int8 program keeps jittering where a float one comes to rest, by how much depends on weights and formats.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from refimpl.errors import InputError
from refimpl.models.config import ModelConfig
from refimpl.models.halting import FIXED, Kind, StopRule, head_stops, settled, stops
from refimpl.models.operators import Array
from refimpl.models.order import Call
from refimpl.models.recursion import Carry, act_step, read_out, reset
from workbench.fidelity import Reading
from workbench.files.inputs import read_json
from workbench.files.outputs import write_file
from workbench.tasks.metrics import Tokens, puzzle_exact
from workbench.tasks.sets import CALIBRATION_SEED, PuzzleSet, evaluation_set
from workbench.tasks.task import task_of

FILE = "stopping.json"
HEADS: tuple[Kind, Kind] = ("head", "halt")
LAST_STEPS, FACTOR, KEPT = 4, 1.6, 0.5
SETTLING = 0.99  # of the right runs come to rest before t, where all of them would let wrong ones pass
BATCH, LABELLED = 32, 256


@dataclass(frozen=True)
class Watched:
    """What a rule would look at, after each of n ACT steps of B puzzles at fixed depth.

    ``q`` (n, B, 2): the head; ``moved`` (n, B, 2): OP-CHANGE of z_H over the step's last H cycle, exact
    integers of an integer program; ``answers`` (n, B, seq).  ``size``: values of a state.
    """

    q: npt.NDArray[np.float64]
    moved: npt.NDArray[np.float64]
    answers: Tokens
    size: int
    family: str


def watch(program: Reading, tokens: Array, until: StopRule = FIXED) -> Watched:
    """Run all steps of ``program``, whatever its rule, and note what rules look at.

    A puzzle that ``until`` ends runs no further, and stays as it is: what is noted then holds for that rule,
    under any number of steps.
    """
    ops, model = program.ops, program.model
    config, steps, batch = model.config, model.config.halt_max_steps, len(tokens)
    size = config.positions * config.hidden_size
    x, carry, going = ops.embed(tokens, None, model.embedding), reset(ops, model, batch), np.arange(batch)
    answers = np.zeros((steps, batch, config.seq_len), np.int64)
    # Floats hold every integer that a head or a change of a state can be.
    q, moved = np.zeros((steps, batch, 2)), np.zeros((steps, batch, 2))
    for step in range(steps):
        seen = [carry.z_H]

        def on_call(call: Call, z: Array, seen: list[Array] = seen) -> None:
            if call.level == "H":
                seen.append(z)

        carry = act_step(ops, model, carry, x, step, on_call)
        outputs = read_out(ops, model, carry)
        head, change = np.asarray(outputs.q), ops.change(seen[-1], seen[-2])
        q[step:, going], moved[step:, going] = head, change
        answers[step:, going] = ops.argmax(outputs.logits)
        on = ~stops(until, config.family, step, size, len(going), _giving(head), _giving(change))
        if not on.any():
            break
        carry, x, going = Carry(carry.z_H[on], carry.z_L[on]), x[on], going[on]
    return Watched(q, moved, answers, size, config.family)


def _giving(value: Array) -> Callable[[], Array]:
    return lambda: value


def watch_all(program: Reading, tokens: Array) -> Watched:
    """:func:`watch` in batches."""
    parts = [watch(program, tokens[i : i + BATCH]) for i in range(0, len(tokens), BATCH)]
    q, moved, answers = (
        np.concatenate([getattr(p, name) for p in parts], axis=1) for name in ("q", "moved", "answers")
    )
    return Watched(q, moved, answers, parts[0].size, parts[0].family)


def ends(found: Watched, rule: StopRule) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """(steps, stopped), each (B,): where ``rule`` ends each run; a stopped run is the long one cut off."""
    stops = np.full(found.moved.shape[:2], rule.kind != "fixed")
    stops[: rule.least - 1] = False
    if rule.asks_head:
        stops &= head_stops(found.q, found.family, rule.kind)
    if rule.asks_state:
        stops &= np.stack([settled(rule, moved, found.size) for moved in found.moved])
    stopped = np.asarray(stops.any(axis=0))
    return np.where(stopped, stops.argmax(axis=0) + 1, len(stops)), stopped


def without_labels(found: Watched) -> int:
    """t from runs alone: 1.6 times the median of the calmer half of what z_H moves over the last steps."""
    means = found.moved[-LAST_STEPS:, :, 0].mean(axis=0) / found.size
    calmer = np.sort(means)[: max(1, len(means) // 2)]
    return math.ceil(FACTOR * float(np.median(calmer)))


def with_labels(found: Watched, labels: Tokens, kind: Kind, checked: bool = False) -> int:
    """t between what right runs need and where wrong answers begin, under the rule ``kind`` and settled;
    ``checked``: the task's own rules refuse what is wrong."""
    right = np.stack([puzzle_exact(answers, labels) for answers in found.answers])
    return between(head_stops(found.q, found.family, kind), right, found.moved[:, :, 0] / found.size, checked)


def between(
    head: npt.NDArray[np.bool_],
    right: npt.NDArray[np.bool_],
    means: npt.NDArray[np.float64],
    checked: bool = False,
) -> int:
    """:func:`with_labels` of what is known after each step of each puzzle, all (n, B): the head's word,
    whether the answer is right, and the mean change of the state.

    ``needed``: the least t that accepts every run whose answer is right at the end and which the head ever
    accepts; ``wrong``: the least mean change of a state that the head accepts with a wrong answer.  t is
    their geometric mean; without any such state 1.6 times ``needed``.  Where ``wrong`` lies below, a run that
    hardly comes to rest would set t among wrong answers: the last hundredth of the runs is given up, and t is
    the less of the two for the others.  Where ``wrong`` lies below those too, t is just below it; where that
    keeps too few right answers and wrong ones are ``checked`` for, it is the least that keeps the most.
    """
    agreed = np.where(head & right[-1], means, np.inf).min(axis=0)
    reached = np.sort(agreed[np.isfinite(agreed)])
    needed = float(reached.max(initial=1.0))
    wrong = float(means[head & ~right].min(initial=np.inf))
    if math.isinf(wrong):
        return math.ceil(FACTOR * needed)
    if wrong > needed:
        return math.ceil(math.sqrt(needed * wrong))
    most = float(reached[: math.ceil(SETTLING * len(reached))].max(initial=1.0))
    if wrong > most:
        return math.ceil(min(math.sqrt(most * wrong), FACTOR * most))

    def kept(t: int) -> int:
        stops = head & (means <= t)
        first = stops.argmax(axis=0), np.arange(stops.shape[1])
        return int((stops.any(axis=0) & right[first]).sum())

    below = max(0, math.ceil(wrong) - 1)
    if not checked or kept(below) >= KEPT * int(right[-1].sum()):
        return below
    return max(range(below, math.ceil(needed) + 1), key=kept)


@dataclass(frozen=True)
class Thresholds:
    """t of one program without labels, with them under head+settled and under halt+settled, and the puzzles
    they come from."""

    free: int
    labelled: int
    halt: int
    source: str


def find(program: Reading, puzzles: PuzzleSet, labelled: PuzzleSet) -> Thresholds:
    """Run the calibration puzzles (``puzzles`` without labels, ``labelled`` with them) at full depth."""
    free = without_labels(watch_all(program, puzzles.inputs))
    seen = watch_all(program, labelled.inputs)
    checked = task_of(program.model.config).rules is not None
    head, halt = (with_labels(seen, labelled.labels, kind, checked) for kind in HEADS)
    source = f"{puzzles.origin}; with labels: {labelled.origin}"
    return Thresholds(free, head, halt, source)


def labelled_set(config: ModelConfig, puzzles: PuzzleSet) -> PuzzleSet:
    """LABELLED generated puzzles of the task, or, where there is no generator, ``puzzles`` themselves."""
    if config.task not in ("sudoku", "maze"):
        return puzzles
    return evaluation_set(config, LABELLED, seed=CALIBRATION_SEED)


def write(path: Path, digest: str, programs: Mapping[str, Thresholds]) -> None:
    """Write the thresholds of all programs of the weights with ``digest``."""
    content = {"weights": digest, "programs": {name: vars(t) for name, t in sorted(programs.items())}}
    write_file(path, json.dumps(content, indent=1) + "\n")


def read(path: Path, digest: str, remedy: str | None = None) -> dict[str, Thresholds]:
    """Thresholds by program; where the file belongs to other weights, an InputError that ends in ``remedy``,
    a command that makes it again, or, without one, none at all."""
    if not path.exists():
        return {}
    fields = read_json(path, "the stop thresholds")
    if fields.text("weights") != digest:
        if remedy is None:
            return {}
        raise InputError(f"{path} belongs to other weights; {remedy} makes it again.")
    programs = fields.table("programs")
    found = {}
    for name in programs.data:
        one = programs.table(name)
        free, head, halt = (one.whole(way) for way in ("free", "labelled", "halt"))
        found[name] = Thresholds(free, head, halt, one.text("source"))
    return found
