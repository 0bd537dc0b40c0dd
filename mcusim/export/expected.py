"""What the self-test compares with: states, answer and q of some puzzles, computed by the reference."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from refimpl.block_params import Int8Norm
from refimpl.models.operators import Array
from refimpl.models.order import Call
from refimpl.ops.rescale import rescale
from workbench.fidelity import Reading

Tokens = npt.NDArray[np.integer]


@dataclass(frozen=True)
class Expected:
    """One puzzle: tokens (seq,), CRC32 of the stored state after each call, answer (seq,) and q (2,).

    ``puzzle`` is its row of the puzzle table.
    """

    tokens: tuple[int, ...]
    puzzle: int
    calls: tuple[int, ...]
    answer: tuple[int, ...]
    q: tuple[int, int]


def expected_of(program: Reading, puzzles: Sequence[tuple[Tokens, int]]) -> tuple[Expected, ...]:
    """Run the reference over (tokens, puzzle row) pairs, call by call."""
    model = program.model
    coded = {"L": _codes(model.L_level[-1].channel.norm), "H": _codes(model.H_level[-1].channel.norm)}
    found = []
    for tokens, row in puzzles:
        crcs: list[int] = []

        def note(call: Call, z: Array, crcs: list[int] = crcs) -> None:
            crcs.append(_crc32(z[0], coded[call.level]))

        ids = None if model.embedding.puzzles is None else np.array([row])
        outputs = program.solve(tokens[None], ids, note).outputs
        answer = np.argmax(outputs.logits[0], axis=-1)
        q = int(outputs.q[0, 0]), int(outputs.q[0, 1])
        found.append(Expected(_ints(tokens), row, tuple(crcs), _ints(answer), q))
    return tuple(found)


def _ints(values: Array) -> tuple[int, ...]:
    return tuple(int(value) for value in values)


def _codes(norm: object) -> npt.NDArray[np.int16] | None:
    """State units of each int8 code from -128 on, where the carry is stored as codes."""
    if not isinstance(norm, Int8Norm):
        return None
    return np.asarray(rescale(np.arange(-128, 128, dtype=np.int8), norm.to_state), np.int16)


def _crc32(state: Array, units: npt.NDArray[np.int16] | None) -> int:
    """CRC32 of a state as it is stored: little-endian int16, or int8 codes."""
    if units is None:
        return zlib.crc32(np.ascontiguousarray(state, "<i2").tobytes())
    codes = np.searchsorted(units, state)
    if not (np.diff(units) > 0).all() or not np.array_equal(units[codes], state):
        raise ValueError("the carry's codes cannot be told from its state units.")
    return zlib.crc32((codes - 128).astype(np.int8).tobytes())


def expected_source(puzzles: Sequence[Expected], name: str) -> str:
    """``rr_expected.h``: the puzzles as C arrays."""
    parts = [f"/* What the reference computed for {name}. Generated; do not edit. */\n"
             "#ifndef RR_EXPECTED_H\n#define RR_EXPECTED_H\n\n#include <stdint.h>\n\n"
             f"enum {{ RR_EXPECTED = {len(puzzles)} }};\n\n"
             "typedef struct {\n    const uint8_t *tokens;\n    int32_t puzzle;\n"
             "    int32_t count;\n    const uint32_t *calls;\n"
             "    const uint8_t *answer;\n    int32_t q[2];\n} rr_expected;\n"]  # fmt: skip
    rows = []
    for i, one in enumerate(puzzles):
        parts += [_array("uint8_t", f"tokens_{i}", one.tokens), _array("uint8_t", f"answer_{i}", one.answer),
                  _array("uint32_t", f"calls_{i}", [f"0x{crc:08x}u" for crc in one.calls])]  # fmt: skip
        q = ", ".join("-2147483647 - 1" if value == -(2**31) else str(value) for value in one.q)
        rows.append(f"    {{tokens_{i}, {one.puzzle}, {len(one.calls)}, calls_{i}, answer_{i}, {{{q}}}}},\n")
    table = f"static const rr_expected rr_expected_puzzles[RR_EXPECTED] = {{\n{''.join(rows)}}};\n"
    parts.append(f"{table}\n#endif\n")
    return "\n".join(parts)


def _array(kind: str, name: str, values: Sequence[object]) -> str:
    lines = [", ".join(str(value) for value in values[i : i + 16]) for i in range(0, len(values), 16)]
    body = ",\n    ".join(lines)
    return f"static const {kind} {name}[{len(values)}] = {{\n    {body}}};\n"
