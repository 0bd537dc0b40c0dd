"""Execute one puzzle under a plan, call by call beside the float path."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mcusim.flash import FlashLog
from mcusim.planner.execute import execute_plan
from mcusim.planner.plan import Plan
from mcusim.planner.target import Target
from refimpl import float_ops
from refimpl.image import Image
from refimpl.model_image import from_image
from refimpl.models import recursion
from refimpl.models.operators import Array
from refimpl.models.order import Call
from refimpl.models.tree import Model
from refimpl.params import RowTable
from workbench.embeddings import RowRead, open_table, with_table
from workbench.fidelity import position_cosines
from workbench.tasks.relabel import Relabelling
from workbench.tasks.task import keeps_rules

Tokens = npt.NDArray[np.integer]


@dataclass(frozen=True)
class ExecutedCall:
    """One stack application: CRC32 of the state it wrote (int16 state units), cosine to the float path."""

    call: Call
    crc32: int
    cosine: float | None


@dataclass(frozen=True)
class Execution:
    """A run: every call, answer (seq,), (q_halt, q_continue), bytes of arena touched by region, reads of
    embedding rows from the image and of the puzzle row from its table file; ACT steps taken, and whether the
    plan's stop rule ended the run; the refused tries before it, oldest first."""

    calls: tuple[ExecutedCall, ...]
    answer: Tokens
    q: tuple[int, int]
    high_water: Mapping[str, int]
    rows: FlashLog
    table_reads: tuple[RowRead, ...]
    steps: int
    stopped: bool
    earlier: tuple[Execution, ...] = ()

    @property
    def tries(self) -> tuple[Execution, ...]:
        """The refused ones and this one."""
        return (*self.earlier, self)


def crc32(state: Array) -> int:
    """CRC32 over the little-endian C-order bytes of a state."""
    return zlib.crc32(np.ascontiguousarray(state).astype(state.dtype.newbyteorder("<")).tobytes())


class _FloatPath:
    """The float model one ACT step at a time; knows the cosine of its states to another run's."""

    def __init__(self, model: Model, tokens: Tokens, puzzle_ids: Tokens | None) -> None:
        self.model = model
        self.x = float_ops.embed(tokens, puzzle_ids, model.embedding)
        self.carry = recursion.reset(float_ops, model, len(tokens))

    def step(self, step: int, states: list[Array]) -> list[float]:
        """Advance one ACT step; cosine of each call's state to ``states``, mean over positions."""
        cosines: list[float] = []

        def compare(call: Call, z: Array) -> None:
            cosines.append(float(position_cosines(states[len(cosines)][None], z).mean()))

        self.carry = recursion.act_step(float_ops, self.model, self.carry, self.x, step, compare)
        return cosines


def with_puzzle_row(model: Model, path: Path, row: int) -> tuple[Model, tuple[RowRead, ...]]:
    """``model`` with row ``row`` of a table file as its puzzle row, and what was read to get it.

    The row is fetched once; it takes the place that every image has for the one row of a run.
    """
    table = open_table(path)
    puzzles = with_table(model, table).embedding.puzzles
    assert puzzles is not None
    codes, multiplier, shift = puzzles.rows(np.array([row]))
    resident = RowTable(puzzles.name, codes, multiplier, shift, puzzles.rounding)
    return replace(model, embedding=replace(model.embedding, puzzles=resident)), tuple(table.reads)


def execute(
    image: Image,
    plan: Plan,
    target: Target,
    tokens: Tokens,
    float_model: Model | None = None,
    puzzle_row: tuple[Path, int] | None = None,
    on_step: Callable[[int], None] | None = None,
    finish: Image | None = None,
) -> Execution:
    """Run one puzzle from a flash image under ``plan``, at the plan's depth.

    Parameters
    ----------
    image : decoded flash image; its parameters are used in place.
    plan, target : the schedule and the memories it lies in.
    tokens : (seq,) token codes.
    float_model : the same network in float for the fidelity path; None leaves it out.
    puzzle_row : table file and row of the puzzle embedding, in place of the image's own row.
    on_step : called with the number of finished ACT steps.
    finish : image of the plan's second program.

    Raises DoesNotFit where the target's memories cannot hold the plan.
    """
    config = plan.config
    depth = (config.H_cycles, config.halt_max_steps)
    model = from_image(image).with_depth(*depth)
    second = None if finish is None else from_image(finish)
    ids: Tokens | None = None
    table_reads: tuple[RowRead, ...] = ()
    if puzzle_row is not None:
        model, table_reads = with_puzzle_row(model, *puzzle_row)
        second = None if second is None else with_puzzle_row(second, *puzzle_row)[0]
        ids = np.array([puzzle_row[1]])
        float_model = None if float_model is None else with_table(float_model, open_table(puzzle_row[0]))
    path = None if float_model is None else _FloatPath(float_model.with_depth(*depth), tokens[None], ids)
    calls: list[ExecutedCall] = []
    pending: list[tuple[Call, Array]] = []

    def on_call(call: Call, z: Array) -> None:
        pending.append((call, z.copy()))  # the arena will be written over
        if len(pending) < config.calls_per_step:
            return
        states = [state for _, state in pending]
        cosines = [None] * len(states) if path is None else path.step(call.step, states)
        for (one, state), cosine in zip(pending, cosines, strict=True):
            calls.append(ExecutedCall(one, crc32(state), cosine))
        pending.clear()
        if on_step is not None:
            on_step(call.step + 1)

    done = execute_plan(plan, model, tokens, target.memories.rows, target.rooms, image, on_call=on_call,
                        finish=None if second is None else (second, finish))  # fmt: skip
    calls += [ExecutedCall(one, crc32(state), None) for one, state in pending]  # cycles after a stop
    halt, go_on = (int(v) for v in done.q)
    return Execution(tuple(calls), done.answer, (halt, go_on), done.high_water, done.rows, table_reads,
                     done.steps, done.stopped)  # fmt: skip


def execute_warranted(
    image: Image,
    plan: Plan,
    target: Target,
    tokens: Tokens,
    float_model: Model | None,
    puzzle_row: tuple[Path, int] | None,
    again: Sequence[Relabelling],
    on_step: Callable[[int], None] | None = None,
    finish: Image | None = None,
) -> Execution:
    """:func:`execute`; where the answer is refused, again under one of ``again`` after the other.

    The answer is that of the last try, under the puzzle's own names.
    """
    tries: list[Execution] = []
    for new in (None, *again):
        given = tokens if new is None else new.apply(tokens)
        done = execute(image, plan, target, given, float_model, puzzle_row, on_step, finish)
        answer = done.answer if new is None else new.undo(done.answer)
        tries.append(replace(done, answer=answer))
        if done.stopped and keeps_rules(plan.config, tokens[None], answer[None])[0]:
            break
    return replace(tries[-1], earlier=tuple(tries[:-1]))
