"""What stopping costs and gains (C8): fixed runs watched step by step, and rules applied to them afterwards.

A stopped run is the long one cut off, so one watched run of a puzzle answers for every rule; where the fixed
run is not asked for, puzzles are dropped as they stop.  Batches are kept in a file of JSON lines as they
finish; a run that was interrupted goes on where it was.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from refimpl.errors import InputError
from refimpl.models.halting import FIXED, StopRule
from refimpl.models.tree import Model
from workbench.fidelity import Reading
from workbench.json_lines import append_line, read_lines, writing
from workbench.render.grid import Grid
from workbench.stopping import Watched, ends, watch
from workbench.tasks.metrics import puzzle_exact
from workbench.tasks.sets import PuzzleSet
from workbench.tasks.significance import wilson_interval
from workbench.tasks.task import keeps_rules

BATCH = 50
STEP_MARKS = "".join(map(chr, range(48, 48 + 75)))  # steps as characters from 0 on
# What became of a puzzle: stopped or not, right or not, and whether the answer keeps the task's rules.
VERDICTS = "RrWwSsVv"  # stopped: R right W wrong, not stopped: S right V wrong; small: rules broken


@dataclass(frozen=True)
class Stopped:
    """One rule over many puzzles: ``steps`` (N,); ``stopped``, ``right``, ``keeps`` (rules), bool (N,)."""

    steps: npt.NDArray[np.int64]
    stopped: npt.NDArray[np.bool_]
    right: npt.NDArray[np.bool_]
    keeps: npt.NDArray[np.bool_]


def judged(found: Watched, rule: StopRule, puzzles: PuzzleSet, program: Reading) -> Stopped:
    """The answers with which ``rule`` ends each run, against the labels and the task's rules."""
    steps, stopped = ends(found, rule)
    answers = found.answers[steps - 1, np.arange(len(steps))]
    keeps = keeps_rules(program.model.config, puzzles.inputs, answers)
    return Stopped(steps, stopped, puzzle_exact(answers, puzzles.labels), keeps)


def ended(program: Reading, rule: StopRule, puzzles: PuzzleSet, finishes: Mapping[str, Model]) -> Stopped:
    """The same by a run that ``rule`` ends, ``finishes`` being the second programs by their formats."""
    model = program.model.with_stop(rule)
    found = Reading(program.ops, model, finishes.get(rule.by)).solve(puzzles.inputs)
    answers = program.ops.argmax(found.outputs.logits)
    keeps = keeps_rules(program.model.config, puzzles.inputs, answers)
    return Stopped(found.steps, found.stopped, puzzle_exact(answers, puzzles.labels), keeps)


def spelled(one: Stopped) -> list[str]:
    """Two characters a puzzle, as the file has them: its steps and its verdict."""
    place = 4 * ~one.stopped + 2 * ~one.right + ~one.keeps
    return ["".join(STEP_MARKS[s] for s in one.steps), "".join(VERDICTS[p] for p in place)]


def parsed(steps: str, verdicts: str) -> Stopped:
    """Inverse of :func:`spelled`."""
    if len(steps) != len(verdicts) or not (set(steps) <= {*STEP_MARKS} and set(verdicts) <= {*VERDICTS}):
        raise InputError("the log of stopped runs has a batch whose steps and verdicts are damaged.")
    place = np.array([VERDICTS.index(v) for v in verdicts], np.int64)
    taken = np.array([STEP_MARKS.index(s) for s in steps], np.int64)
    return Stopped(taken, place < 4, place % 4 < 2, place % 2 == 0)


def run(
    program: Reading,
    key: str,
    puzzles: PuzzleSet,
    rules: Sequence[StopRule],
    log: Path,
    on_done: Callable[[int], None] | None = None,
    finishes: Mapping[str, Model] = MappingProxyType({}),
) -> dict[str, Stopped]:
    """Every rule over all puzzles; ``key`` names program and depth, ``log`` keeps the batches.

    With FIXED among them one run of fixed length judges all rules that end a run at once; else, and where
    cycles follow a stop, each rule has runs of its own.
    """
    names = [str(rule) for rule in rules]
    kept: dict[tuple[int, str], dict[str, list[str]]] = {}
    found: dict[int, dict[str, list[str]]] = {}
    with writing(log):
        for line in read_lines(log, "log of stopped runs"):
            if not line.has("rules"):
                continue
            told = line.table("rules")
            if line.text("key") == key and list(told.data) == names:
                place = line.whole("start"), line.text("puzzles")
                kept[place] = {name: told.listed(name, str, "texts") for name in names}
        for start in range(0, len(puzzles.inputs), BATCH):
            part = puzzles.rows(start, BATCH, "")
            digest = hashlib.sha256(part.inputs.tobytes() + part.labels.tobytes()).hexdigest()[:16]
            if (start, digest) not in kept:
                watched = watch(program, part.inputs) if FIXED in rules else None
                new = {
                    str(rule): spelled(ended(program, rule, part, finishes) if watched is None or rule.more
                                       else judged(watched, rule, part, program))
                    for rule in rules
                }  # fmt: skip
                append_line(log, {"key": key, "puzzles": digest, "start": start, "rules": new})
                kept[start, digest] = new
            found[start] = kept[start, digest]
            if on_done is not None:
                on_done(len(part.inputs))
    return {
        name: parsed(*("".join(found[start][name][i] for start in sorted(found)) for i in (0, 1)))
        for name in names
    }


def logged(log: Path) -> list[tuple[str, dict[str, Stopped]]]:
    """(key, every rule over all puzzles) of each program, and each choice of rules, in ``log``."""
    found: dict[tuple[str, tuple[str, ...]], dict[tuple[int, str], list[list[str]]]] = {}
    for line in read_lines(log, "log of stopped runs"):
        if not line.has("rules"):
            continue
        told = line.table("rules")
        batches = found.setdefault((line.text("key"), tuple(told.data)), {})
        place = line.whole("start"), line.text("puzzles")
        batches[place] = [told.listed(name, str, "texts") for name in told.data]
    return [
        (key, {name: parsed(*("".join(batch[n][i] for batch in batches.values()) for i in (0, 1)))
               for n, name in enumerate(names)})
        for (key, names), batches in found.items()
    ]  # fmt: skip


def summary(program: str, rule: str, one: Stopped, fixed: Stopped | None, limit: int) -> dict[str, Any]:
    """Counts of one rule, beside the run of fixed length where there is one; ``checked`` accepts only what
    keeps the rules; ``steps``: how many puzzles took 0, 1, ... up to ``limit`` steps."""
    accepted, checked = one.stopped, one.stopped & one.keeps
    beside = {} if fixed is None else {
        "fixed_right": int(fixed.right.sum()),
        "lost": int((fixed.right & ~one.right).sum()),
        "won": int((~fixed.right & one.right).sum()),
    }  # fmt: skip
    return {
        "program": program,
        "rule": rule,
        "puzzles": len(one.steps),
        **beside,
        "right": int(one.right.sum()),
        "accepted": int(accepted.sum()),
        "accepted_wrong": int((accepted & ~one.right).sum()),
        "checked_wrong": int((checked & ~one.right).sum()),
        "right_accepted": int((accepted & one.right).sum()),
        "steps": np.bincount(one.steps, minlength=limit + 1).tolist(),
    }


def table(rows: Sequence[dict[str, Any]], origin: str) -> Grid:
    """One row a program and rule."""
    cells = []
    for row in rows:
        n, accepted, beside = row["puzzles"], row["accepted"], "fixed_right" in row
        wrong = wilson_interval(row["accepted_wrong"], accepted) if accepted else None
        mean = sum(i * count for i, count in enumerate(row["steps"])) / n
        at_all = row["fixed_right"] if beside else row["right"]
        cells.append((
            row["program"], row["rule"],
            f"{100 * row['fixed_right'] / n:.2f}" if beside else "n/a", f"{100 * row['right'] / n:.2f}",
            f"{row['lost']}/{row['won']}" if beside else "n/a", f"{100 * accepted / n:.1f}", f"{mean:.2f}",
            f"{row['accepted_wrong']}", "n/a" if wrong is None else f"{100 * wrong.high:.3f}",
            f"{row['checked_wrong']}", f"{100 * row['right_accepted'] / max(1, at_all):.2f}",
        ))  # fmt: skip
    headings = ("program", "rule", "fixed exact %", "exact %", "lost/won", "accepted %", "mean steps",
                "wrong accepted", "at most % (95 %)", "with rule check", "right kept %")  # fmt: skip
    note = ("lost/won: right in the fixed run alone / in the stopped one alone; at most: upper end of the "
            "95 % Wilson interval of wrong among accepted; right kept: right answers accepted, of those "
            "right at fixed depth, or, without it, at the end of the run.")  # fmt: skip
    return Grid(f"stopped runs, {origin}", headings, tuple(cells), note, left=2)


def cut(one: Stopped, limit: int, rest: Stopped | None) -> Stopped:
    """``one`` with a hard maximum of ``limit`` steps, refusing at once where the rule ``rest`` is first."""
    ends = np.full(len(one.steps), limit) if rest is None else np.where(
        rest.stopped, np.minimum(rest.steps, limit), limit
    )  # fmt: skip
    return Stopped(np.minimum(one.steps, ends), one.stopped & (one.steps <= ends), one.right, one.keeps)


def cut_rows(
    program: str, name: str, found: Mapping[str, Stopped], limits: Sequence[int]
) -> list[tuple[str, ...]]:
    """Lower maxima of the rule ``name``, without and with giving up where the state rests and it refuses."""
    one, fixed, rows = found[name], found[str(FIXED)].right, []
    resting = {other: found[other] for other in found if other.startswith("settled,")}
    for limit, (given_up, rest) in product(limits, [("never", None), *resting.items()]):
        new = cut(one, limit, rest)
        right = new.stopped & one.right
        apart = [f"{new.steps[who].mean():.2f}" if who.any() else "n/a" for who in (fixed, ~fixed)]
        rows.append((
            program, name, str(limit), given_up, f"{new.steps.mean():.2f}", *apart,
            f"{100 * (right & fixed).sum() / max(1, fixed.sum()):.2f}",
            f"{100 * (right.mean() - fixed.mean()):+.2f}", str(int((new.stopped & ~one.right).sum())),
        ))  # fmt: skip
    return rows


def cut_table(rows: Sequence[tuple[str, ...]]) -> Grid:
    """Lower maxima and giving up, a line each."""
    headings = ("program", "rule", "steps at most", "gives up at", "mean steps", "of solvable", "of others",
                "right kept %", "right points", "wrong accepted")  # fmt: skip
    note = ("gives up: refused at once where the state rests by this rule and the other does not agree; "
            "solvable: right in the run of fixed length; right points: right and accepted, against right at "
            "fixed length; wrong accepted: without the task's rules.")  # fmt: skip
    return Grid("lower maxima and giving up, from the same runs", headings, tuple(rows), note, left=4)
