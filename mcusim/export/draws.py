"""Cases that the boot self-test draws on the chip itself, and the CRC32 of the answers the reference gives.

``files/selftest/rr_draws.c`` and ``rr_draws_attention.c`` draw the same numbers in the same order.  So 64
cases of every kernel that a core may compute in its own instructions take four bytes each.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

import numpy as np

from mcusim.kernels import rooms_of
from refimpl.fixedpoint import Rounding
from refimpl.formats import Format
from refimpl.models.config import ModelConfig
from workbench.vectors.draws import Draws, Int64s
from workbench.vectors.reference import compute
from workbench.vectors.signatures import ROUNDING_NAMES
from workbench.vectors.tensors import Array

CASES = 64
ROWS, OUTPUTS, MOST_K, NUMBERS, COLUMNS, TOKENS = 5, 5, 80, 70, 40, 9  # as in rr_draws.h
MULTIPLIERS = (2**30, 2**31 - 1)
INT8, INT16 = (-128, 127), (-32768, 32767)

Inputs = dict[str, Any]
Params = dict[str, int]
Request = tuple[Inputs, Params]


class Stream:
    """The chip's stream: the upper half of each 64-bit word, scaled to a range."""

    def __init__(self, name: str) -> None:
        self._draws = Draws(f"boot self-test {name}")
        self.start = self._draws.state

    def array(self, low: int, high: int, *shape: int) -> Int64s:
        upper = self._draws.bits(int(np.prod(shape))) >> np.uint64(32)
        scaled = upper * np.uint64(high - low + 1) >> np.uint64(32)
        return scaled.astype(np.int64).reshape(shape) + low

    def one(self, low: int, high: int) -> int:
        return int(self.array(low, high, 1)[0])


def _linear(s: Stream, bits: int, longest: int) -> Request:
    rows, n, k = s.one(1, ROWS), s.one(1, OUTPUTS), s.one(1, longest)
    out_bits = 32 if s.one(0, 1) else 8
    codes = (-8, 7) if bits == 4 else INT8
    inputs = {
        "a": s.array(*INT8, rows, k), "codes": s.array(*codes, n, k), "bias": s.array(-(2**20), 2**20, n),
        "multiplier": s.array(*MULTIPLIERS, n), "shift": s.array(-14, -4, n),
    }  # fmt: skip
    inputs["bias"] = inputs["bias"].astype(np.int32)
    return inputs, {"rows": rows, "n": n, "k": k, "out_bits": out_bits}


def _quantize(s: Stream, dtype: type[Any], values: tuple[int, int], shifts: tuple[int, int]) -> Request:
    n, params = s.one(1, NUMBERS), _rescale(s, *shifts)
    return {"h": s.array(*values, n).astype(dtype)}, {"n": n, **params}


def _rescale(s: Stream, least: int, most: int) -> Params:
    return {"multiplier": s.one(*MULTIPLIERS), "shift": s.one(least, most)}


def _multiply(s: Stream) -> Request:
    n, params = s.one(1, NUMBERS), _rescale(s, -10, -2)
    return {"a": _int8(s, n), "b": _int8(s, n)}, {"n": n, **params}


def _int8(s: Stream, *shape: int) -> Array:
    return s.array(*INT8, *shape).astype(np.int8)


def _norm(s: Stream, longest: int) -> Request:
    rows, size, gain = s.one(1, ROWS), s.one(1, longest), s.one(2**26, 2**29)
    h = s.array(-(2**14), 2**14, rows, size).astype(np.int32)
    return {"h": h}, {"rows": rows, "size": size, "gain": gain, "eps": 1}


def _scores(s: Stream) -> Request:
    t, d = s.one(1, TOKENS), s.one(1, COLUMNS)
    params = _rescale(s, -12, -4)
    return {"q": _int8(s, 1, t, d), "k": _int8(s, 1, t, d)}, {"heads": 1, "t": t, "d": d, **params}


def _softmax(s: Stream) -> Request:
    rows, cols = s.one(1, ROWS), s.one(1, COLUMNS)
    params = {**_rescale(s, 19, 26), "diff_min": s.one(-255, -16)}
    return {"a": _int8(s, rows, cols)}, {"rows": rows, "cols": cols, **params}


def _values(s: Stream) -> Request:
    t, d = s.one(1, TOKENS), s.one(1, COLUMNS)
    params = _rescale(s, -16, -10)
    probabilities = s.array(*INT16, 1, t, t).astype(np.int16)
    return {"probabilities": probabilities, "v": _int8(s, 1, t, d)}, {"heads": 1, "t": t, "d": d, **params}


# What a core may compute in instructions of its own, by operator; the longest row bounds K and a norm's size.
DRAWN: dict[str, Callable[[Stream, int], Request]] = {
    "linear_s8": lambda s, k: _linear(s, 8, k),
    "linear_s4": lambda s, k: _linear(s, 4, k),
    "quantize_s16": lambda s, k: _quantize(s, np.int16, INT16, (-12, 0)),
    "quantize_s32": lambda s, k: _quantize(s, np.int32, (-(2**20), 2**20), (-14, -2)),
    "multiply": lambda s, k: _multiply(s),
    "rms_norm": _norm,
    "scores": lambda s, k: _scores(s),
    "softmax_s8_s16": lambda s, k: _softmax(s),
    "weighted_values": lambda s, k: _values(s),
}


@cache
def answers(name: str, longest: int, rounding: Rounding) -> tuple[int, tuple[int, ...]]:
    """(where the stream starts, the CRC32 of each answer's bytes) of CASES cases of one operator."""
    stream = Stream(name)
    rest = {"rounding": ROUNDING_NAMES.index(rounding), "output_offset": 0}
    found = []
    for _ in range(CASES):
        inputs, params = DRAWN[name](stream, longest)
        answer = compute(name, inputs, {**rest, **params})
        found.append(zlib.crc32(answer.astype(answer.dtype.newbyteorder("<")).tobytes()))
    return stream.start, tuple(found)


def drawn_header(names: Iterable[str], config: ModelConfig, format: Format) -> str:
    """``rr_drawn.h``: of each operator among ``names`` that is drawn, its call and the answers' CRC32."""
    longest = min(MOST_K, rooms_of(config, format).staged)
    chosen = [name for name in names if name in DRAWN]
    arrays, rows = [], []
    for name in chosen:
        start, crcs = answers(name, longest, format.rounding)
        values = ", ".join(f"0x{crc:08x}u" for crc in crcs)
        arrays.append(f"static const uint32_t rr_drawn_crc_{name}[RR_DRAWN_CASES] = {{\n    {values}}};\n")
        rows.append(f'    {{"{name}", rr_drawn_{name}, 0x{start:016x}u, rr_drawn_crc_{name}}},\n')
    return (
        "/* CRC32 of the reference's answers to the cases that rr_draws.c draws; generated. */\n"
        "#ifndef RR_DRAWN_H\n#define RR_DRAWN_H\n\n"
        f"enum {{ RR_DRAWN_CASES = {CASES}, RR_DRAWN_OPERATORS = {len(chosen)}, RR_DRAWN_K = {longest} }};\n"
        + "".join(arrays) + "\nstatic const rr_drawn rr_drawn_operators[RR_DRAWN_OPERATORS] = {\n"
        + "".join(rows) + "};\n\n#endif\n"
    )  # fmt: skip


