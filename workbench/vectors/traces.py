"""Recursion traces: CRC32 of every state after every call, of logits and answer after every ACT step.

A port that differs learns which call of which ACT step wrote the first different state; ``state_after``
then gives the values.  The Monte Carlo trace feeds one block its own output 10,000 times.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from refimpl import fast
from refimpl.errors import InputError
from refimpl.models import blocks
from refimpl.models.order import Call
from refimpl.models.recursion import Carry, Ended, Outputs, reset, solve
from refimpl.models.tree import Model
from workbench.vectors.suites import GENERATOR
from workbench.vectors.tensors import Array, encode, tensor_bytes
from workbench.vectors.traced import Traced, load_traced

SCHEMA = "recursion_trace_schema_v1"
MONTE_CARLO, MONTE_CARLO_MODEL = "block-monte-carlo", "hrm-small-w4c"
MONTE_CARLO_CALLS, MONTE_CARLO_EVERY = 10_000, 100


def crc32(values: Array, dtype: str) -> str:
    """CRC32 of the little-endian C-order bytes, eight hex digits."""
    return f"{zlib.crc32(tensor_bytes(values, dtype)):08x}"


def _start(model: Model, tokens: Array, puzzle_id: int, ops: Any) -> tuple[Array, Carry]:
    x = ops.embed(tokens[None], np.array([puzzle_id]), model.embedding)
    return x, reset(ops, model, 1)


def run_traced(
    traced: Traced, model: Model, ops: Any = fast
) -> tuple[list[tuple[Call, Array]], list[tuple[Outputs, Array]], Ended]:
    """States after each call, read-outs and answers after each step of the traced run, without batch."""
    calls: list[tuple[Call, Array]] = []
    steps: list[tuple[Outputs, Array]] = []

    def on_step(step: int, carry: Carry, out: Outputs) -> None:
        steps.append((Outputs(out.logits[0], out.q[0]), ops.argmax(out.logits)[0]))

    ended = solve(ops, model, traced.tokens()[None], np.array([traced.puzzle_id]),
                  lambda call, z: calls.append((call, np.array(z[0]))), on_step)  # fmt: skip
    return calls, steps, ended


def trace_document(traced: Traced, golden: Path, ops: Any = fast) -> dict[str, Any]:
    """The JSON document of one traced run."""
    model, image = load_traced(traced, golden)
    calls, steps, ended = run_traced(traced, model, ops)
    return {
        "algorithm": "recursion",
        "schema": SCHEMA,
        "generator": GENERATOR,
        "name": traced.name,
        "image": {"file": traced.file, "bytes": len(image), "crc32": f"{zlib.crc32(image):08x}"},
        "puzzleId": traced.puzzle_id,
        "tokens": encode(traced.tokens(), "int32"),
        "answer": encode(ops.argmax(ended.outputs.logits)[0], "int32"),
        "stop": str(model.config.stop),
        "stopped": bool(ended.stopped[0]),
        "callsPerStep": model.config.calls_per_step,
        "calls": [
            {"index": c.index, "step": c.step, "cycle": c.cycle, "level": c.level, "crc32": crc32(z, "int16")}
            for c, z in calls
        ],
        "steps": [
            {
                "step": i,
                "logitsCrc32": crc32(out.logits, "int32"),
                "q": out.q.tolist(),
                "answerCrc32": crc32(a, "int32"),
            }
            for i, (out, a) in enumerate(steps)
        ],
    }


def state_after(traced: Traced, golden: Path, call: int) -> Array:
    """The state (T, D) int16 that call number ``call`` wrote."""
    model, _ = load_traced(traced, golden)
    calls = run_traced(traced, model)[0]
    if not 0 <= call < len(calls):
        raise InputError(f"{traced.name} has calls 0 to {len(calls) - 1}; there is no call {call}.")
    return calls[call][1]


def monte_carlo_states(
    model: Model, tokens: Array, puzzle_id: int, calls: int, every: int, ops: Any = fast
) -> Iterator[Array]:
    """The state (T, D) after every ``every``-th of ``calls`` calls; see :func:`monte_carlo_document`."""
    x, carry = _start(model, tokens, puzzle_id, ops)
    z = carry.z_L
    for i in range(calls):
        h = ops.add(z, np.roll(x, -i, axis=1))
        z = blocks.block(ops, model.L_level[0], h, model.config.num_heads)
        if (i + 1) % every == 0:
            yield z[0]


def monte_carlo_document(traced: Traced, golden: Path, ops: Any = fast) -> dict[str, Any]:
    """``z = block(z + x rolled by i positions)`` for i = 0 .. 9,999, z starting as L_init.

    Position t of the rolled x is position (t + i) mod T; the block is the first of the L stack.
    """
    model, _ = load_traced(traced, golden)
    states = list(monte_carlo_states(model, traced.tokens(), traced.puzzle_id, MONTE_CARLO_CALLS,
                                     MONTE_CARLO_EVERY, ops))  # fmt: skip
    return {
        "algorithm": "block_monte_carlo",
        "schema": SCHEMA,
        "generator": GENERATOR,
        "name": MONTE_CARLO,
        "image": {"file": f"{traced.name}.rrim"},
        "puzzleId": traced.puzzle_id,
        "tokens": encode(traced.tokens(), "int32"),
        "numberOfCalls": MONTE_CARLO_CALLS,
        "every": MONTE_CARLO_EVERY,
        "crc32": [crc32(z, "int16") for z in states],
        "final": encode(states[-1], "int16"),
    }
