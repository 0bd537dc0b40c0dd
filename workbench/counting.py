"""What a run costs: a wrapper over any reading that notes one event for each operator it executes.

``Metered(refimpl.fast)`` counts a real run, ``Metered(workbench.shape_ops)`` a run of shapes alone; both go
through :func:`count`, so the program that is costed is the program that is specified.  Counts are
exact integers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from math import prod
from typing import Any

import numpy as np

from refimpl.models import recursion
from refimpl.models.config import ModelConfig
from refimpl.models.operators import OPERATORS, Array
from refimpl.models.order import Call
from refimpl.models.skeleton import skeleton
from refimpl.models.tree import Embedding
from workbench import shape_ops

MULTIPLIER_BYTES, SHIFT_BYTES = 4, 1  # of an embedding row


@dataclass(frozen=True)
class Counts:
    """Work of one operator application or a sum of them.

    ``macs`` of linears and ``attention_macs`` of the two attention products; ``requantizations``: int32
    values scaled to an output format; ``lookups``: table reads; ``norm_elements`` / ``norm_rows``,
    ``softmax_elements`` / ``softmax_rows``; ``rope_elements``; ``adds``: element additions of states
    and sums; ``weight_elements``: stored weights read once an application;
    ``row_bytes``: embedding rows with scales.
    """

    macs: int = 0
    attention_macs: int = 0
    requantizations: int = 0
    products: int = 0
    lookups: int = 0
    norm_elements: int = 0
    norm_rows: int = 0
    softmax_elements: int = 0
    softmax_rows: int = 0
    rope_elements: int = 0
    adds: int = 0
    weight_elements: int = 0
    row_bytes: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(**{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(Counts)})


def total(counts: Iterable[Counts]) -> Counts:
    """Sum of any number of counts."""
    result = Counts()
    for one in counts:
        result = result + one
    return result


@dataclass(frozen=True)
class Event:
    """One operator application.

    ``site`` is the leaf's name; ``reads`` and ``writes`` identify buffers (views share the buffer they
    look into); ``input_bytes`` are those of its array arguments; ``shape`` and ``itemsize`` describe the
    output.
    """

    op: str
    site: str
    counts: Counts
    reads: tuple[int, ...]
    writes: int
    input_bytes: int
    shape: tuple[int, ...]
    itemsize: int

    @property
    def output_bytes(self) -> int:
        return prod(self.shape) * self.itemsize


def count(op: str, args: tuple[Any, ...], out: Array) -> Counts:
    """Counts of one application from the shapes of its arguments and its output."""
    size = out.size
    if op == "linear":
        inner, rows = args[0].shape[-1], out.shape[-1]
        return Counts(macs=size * inner, requantizations=size, weight_elements=rows * inner)
    if op == "quantize":
        return Counts(requantizations=size)
    if op == "silu":
        return Counts(lookups=size)
    if op == "multiply":
        return Counts(products=size, requantizations=size)
    if op == "rms_norm":
        return Counts(norm_elements=size, norm_rows=size // out.shape[-1])
    if op == "rope":
        return Counts(rope_elements=size)
    if op in ("scores", "weighted_values"):
        return Counts(attention_macs=size * args[0].shape[-1], requantizations=size)
    if op == "softmax":
        return Counts(softmax_elements=size, softmax_rows=size // out.shape[-1])
    if op == "add":
        return Counts(adds=size * (len(args) - 1))
    if op == "change":
        return Counts(adds=2 * args[0].size)  # a difference and a term of the sum each
    if op == "embed":
        return _embed_counts(args[0], args[2], out)
    if op in ("reset", "argmax"):
        return Counts()  # copies and comparisons, which no figure counts
    raise ValueError(f"no count for the operator {op}: add one to workbench.counting.count")


def _embed_counts(tokens: Array, p: Embedding, out: Array) -> Counts:
    """Rows of int8 codes with multiplier and shift: one a token, a position and a puzzle."""
    batch, positions, hidden = out.shape
    row = hidden + MULTIPLIER_BYTES + SHIFT_BYTES
    rows = batch * tokens.shape[1]
    if p.puzzles is not None:
        rows += batch
    if p.positions is not None:
        rows += positions
    adds = out.size if p.positions is not None else 0
    return Counts(requantizations=rows * hidden, adds=adds, row_bytes=rows * row)


def _buffer(array: Array) -> Array:
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def _site(args: tuple[Any, ...]) -> str:
    last = args[-1]
    return "embedding" if isinstance(last, Embedding) else str(getattr(last, "name", ""))


# Operators that only look at their input another way; every other one is counted, or counting fails.
_VIEWS = frozenset({"split", "split_heads", "merge_heads", "transpose", "task_positions", "first_position"})
_METERED = tuple(sorted(OPERATORS - _VIEWS))


class Metered:
    """An operator namespace that calls ``inner`` and reports an :class:`Event` for each operator.

    ``hold`` keeps every array alive so that buffer identities in the events stay unique; use it with
    :mod:`workbench.shape_ops`, where arrays occupy nothing.
    """

    def __init__(self, inner: Any, on_event: Callable[[Event], None], hold: bool = False) -> None:
        self._inner = inner
        self._on_event = on_event
        self._held: list[Array] | None = [] if hold else None
        for name in _METERED:
            setattr(self, name, self._wrap(name, getattr(inner, name)))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def _wrap(self, op: str, function: Callable[..., Array]) -> Callable[..., Array]:
        def metered(*args: Any) -> Array:
            out = function(*args)
            # The init vector of a reset is a parameter, an array only by accident of its leaf.
            arrays = [a for a in args if isinstance(a, np.ndarray) and op != "reset"]
            if self._held is not None:
                self._held += [*map(_buffer, arrays), _buffer(out)]
            reads = tuple(id(_buffer(a)) for a in arrays)
            input_bytes = sum(a.size * a.itemsize for a in arrays)
            event = Event(op, _site(args), count(op, args, out), reads, id(_buffer(out)), input_bytes,
                          out.shape, out.dtype.itemsize)  # fmt: skip
            self._on_event(event)
            return out

        return metered


@dataclass(frozen=True)
class CountedCall:
    """The events of one stack application."""

    call: Call
    events: tuple[Event, ...]

    @property
    def counts(self) -> Counts:
        return total(e.counts for e in self.events)


@dataclass(frozen=True)
class CountedStep:
    """One ACT step of one puzzle as events: ``start`` (embed, reset), the calls, the heads.

    ``x``, ``z_H`` and ``z_L`` identify the buffers that outlive calls, as of the start of the step.
    """

    config: ModelConfig
    start: tuple[Event, ...]
    calls: tuple[CountedCall, ...]
    heads: tuple[Event, ...]

    @property
    def events(self) -> tuple[Event, ...]:
        return (*self.start, *(e for c in self.calls for e in c.events), *self.heads)

    @property
    def counts(self) -> Counts:
        """Calls and heads, without the start (which runs once a puzzle)."""
        return total([*(c.counts for c in self.calls), *(e.counts for e in self.heads)])


def count_step(config: ModelConfig) -> CountedStep:
    """Run the counting reading over one ACT step of one puzzle."""
    pending: list[Event] = []
    calls: list[CountedCall] = []

    def take() -> tuple[Event, ...]:
        taken = tuple(pending)
        pending.clear()
        return taken

    ops = Metered(shape_ops, pending.append, hold=True)
    model = skeleton(config)
    tokens = shape_ops.shaped((1, config.seq_len), np.int32)
    x = ops.embed(tokens, None, model.embedding)
    carry = recursion.reset(ops, model, 1)
    start = take()

    def on_call(call: Call, z: Array) -> None:
        calls.append(CountedCall(call, take()))

    carry = recursion.act_step(ops, model, carry, x, 0, on_call)
    outputs = recursion.read_out(ops, model, carry)
    ops.argmax(outputs.logits)
    return CountedStep(config, start, tuple(calls), take())


