"""Execute one puzzle on the integer kernels, metered, beside the float path."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mcusim.flash import Batch, FlashLog, streamed
from mcusim.parts import Part, Region
from refimpl import fast, float_ops
from refimpl.counting import CountedStep, Event, Metered
from refimpl.embeddings import RowRead, open_table, with_table
from refimpl.fidelity import position_cosines
from refimpl.image import Image
from refimpl.model_image import from_image
from refimpl.models import recursion
from refimpl.models.operators import Array, Operators
from refimpl.models.tree import Model

Tokens = npt.NDArray[np.integer]


@dataclass(frozen=True)
class ExecutedCall:
    """One stack application: its events, CRC32 of the state it wrote, cosine to the float path."""

    call: recursion.Call
    events: tuple[Event, ...]
    crc32: int | None
    cosine: float | None


@dataclass(frozen=True)
class Execution:
    """A run: ``start`` (embedding, reset), calls, heads; answer (seq,) and q, or None if only counted."""

    start: tuple[Event, ...]
    calls: tuple[ExecutedCall, ...]
    heads: tuple[Event, ...]
    answer: Tokens | None
    q: tuple[int, int] | None
    rows: FlashLog

    @property
    def events(self) -> tuple[Event, ...]:
        return (*self.start, *(e for call in self.calls for e in call.events), *self.heads)


def crc32(state: Array) -> int:
    """CRC32 over the little-endian C-order bytes of a state."""
    return zlib.crc32(np.ascontiguousarray(state).astype(state.dtype.newbyteorder("<")).tobytes())


class _FloatPath:
    """The float model one ACT step at a time; knows the cosine of the last call's state to another's."""

    def __init__(self, model: Model, tokens: Tokens, puzzle_ids: Tokens | None) -> None:
        self.model = model
        self.x = float_ops.embed(tokens, puzzle_ids, model.embedding)
        self.carry = recursion.reset(float_ops, model, len(tokens))

    def step(self, step: int, states: list[Array]) -> list[float]:
        """Advance one ACT step; cosine of each call's state to ``states``, mean over positions."""
        cosines: list[float] = []

        def compare(call: recursion.Call, z: Array) -> None:
            other = states[len(cosines)]
            cosines.append(float(position_cosines(other, z).mean()))

        self.carry = recursion.act_step(float_ops, self.model, self.carry, self.x, step, compare)
        return cosines


def _logged(log: FlashLog, memory: Region) -> Callable[[RowRead], None]:
    """Charge each row read of a table file to ``memory``."""

    def charge(read: RowRead) -> None:
        size = read.bytes
        offsets = np.array([read.offset], np.int64)
        log.batches.append(Batch(read.table, offsets, size, memory.bursts(size), memory.time_s(size)))

    return charge


def execute(
    image: Image,
    depth: tuple[int, int],
    tokens: Tokens,
    part: Part,
    float_model: Model | None = None,
    inner: Operators = fast,
    puzzle_row: tuple[Path, int] | None = None,
    on_step: Callable[[int], None] | None = None,
) -> Execution:
    """Run one puzzle from a flash image.

    Parameters
    ----------
    image : decoded flash image; its parameters are used in place.
    depth : (H_cycles, ACT steps).
    tokens : (seq,) token codes.
    part : its row memory serves the embedding rows, one logged read each.
    float_model : the same network in float for the fidelity path; None leaves it out.
    inner : the reading that is metered; every integer reading gives the same bits.
    puzzle_row : table file and row of the puzzle embedding, in place of the image's own row 0.
    on_step : called with the number of finished ACT steps.
    """
    pending: list[Event] = []

    def take() -> tuple[Event, ...]:
        taken = tuple(pending)
        pending.clear()
        return taken

    log = FlashLog()
    model = from_image(image).with_depth(*depth)
    model = replace(model, embedding=streamed(model.embedding, part.region("rows"), log, image))
    batch, row = tokens[None], None
    if puzzle_row is not None:
        table = open_table(puzzle_row[0], _logged(log, part.region("rows")))
        model, row = with_table(model, table), np.array([puzzle_row[1]])
        float_model = None if float_model is None else with_table(float_model, open_table(puzzle_row[0]))
    ops = Metered(inner, pending.append)
    x = ops.embed(batch, row, model.embedding)
    carry = recursion.reset(ops, model, 1)
    start = take()
    config = model.config
    path = None
    if float_model is not None:
        path = _FloatPath(float_model.with_depth(config.H_cycles, config.halt_max_steps), batch, row)
    calls: list[ExecutedCall] = []
    for step in range(config.halt_max_steps):
        states: list[Array] = []
        noted: list[tuple[recursion.Call, tuple[Event, ...]]] = []

        def on_call(call: recursion.Call, z: Array, states: list[Array] = states,
                    noted: list[tuple[recursion.Call, tuple[Event, ...]]] = noted) -> None:  # fmt: skip
            states.append(z)
            noted.append((call, take()))

        carry = recursion.act_step(ops, model, carry, x, step, on_call)
        cosines = path.step(step, states) if path is not None else [None] * len(states)
        for (call, events), z, cosine in zip(noted, states, cosines, strict=True):
            calls.append(ExecutedCall(call, events, crc32(z), cosine))
        if on_step is not None:
            on_step(step + 1)
    outputs = recursion.read_out(ops, model, carry)
    answer = ops.argmax(outputs.logits)[0]
    halt, go_on = (int(v) for v in outputs.q[0])
    return Execution(start, tuple(calls), take(), answer, (halt, go_on), log)


def count_only(step: CountedStep) -> Execution:
    """The same record from counted shapes, for weights whose answer would mean nothing."""
    config = step.config
    calls = []
    for index in range(config.halt_max_steps):
        for counted in step.calls:
            call = replace(
                counted.call,
                index=counted.call.index + index * config.calls_per_step,
                step=index,
                cycle=counted.call.cycle + index * config.H_cycles,
            )
            calls.append(ExecutedCall(call, counted.events, None, None))
    return Execution(step.start, tuple(calls), step.heads, None, None, FlashLog())
