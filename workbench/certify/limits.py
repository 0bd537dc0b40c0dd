"""Requests at the limits of each operator: saturation at both ends, largest sums, longest rows, refusals."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np

from refimpl.preconditions import MAX_NORM_SIZE, MAX_SOFTMAX_KEYS
from workbench.certify.corpus import Request, spoilt
from workbench.vectors.tensors import Array

LEAST, MOST, LONGEST_ROW = -(2**31), 2**31 - 1, 2560
STAGED_KEYS = LONGEST_ROW // 2  # room for a row of int8 holds half as many int16 values of a column
HALF, NEARLY_ONE = 2**30, 2**31 - 1
RESCALE = {"multiplier": NEARLY_ONE, "shift": 0, "rounding": 0, "output_offset": 0}


def _full(value: int, dtype: str, *shape: int) -> Array:
    return np.full(shape, value, dtype)


def _linear(low: int, bits: tuple[int, ...]) -> list[Request]:
    """Rows of the longest length with every product at its largest, of both signs, into every width."""
    found: list[Request] = []
    for a, width, rounding in product((-128, 127), bits, (0, 1)):
        codes = np.concatenate([_full(low, "int8", 1, LONGEST_ROW), _full(-low - 1, "int8", 1, LONGEST_ROW)])
        top = max(abs(a * low), abs(a * (-low - 1))) * LONGEST_ROW
        inputs = {"a": _full(a, "int8", 1, LONGEST_ROW), "codes": codes,
                  "bias": np.array([MOST - top, LEAST + top], np.int32) if a < 0 else None,
                  "multiplier": np.array([NEARLY_ONE, HALF], np.int32),
                  "shift": np.zeros(2, np.int32)}  # fmt: skip
        params = {
            "rows": 1,
            "n": 2,
            "k": LONGEST_ROW,
            "rounding": rounding,
            "output_offset": 0,
            "out_bits": width,
        }
        found.append((inputs, params))
    return found


def _block_linear(low: int) -> list[Request]:
    """Rows of the longest length, of one value, under every kind of factor and of activations."""
    found: list[Request] = []
    for factors, activations in product((0, 1, 2), (0, 1, 2)):
        block = 32
        blocks, a = LONGEST_ROW // block, (-128, LEAST, LEAST)[activations]
        inputs: dict[str, Array | None] = {
            "a": _full(a, "int32", 1, LONGEST_ROW), "codes": _full(low, "int8", 1, LONGEST_ROW),
            "zero_point": _full(127, "int8", 1),
            "block_scale": _full((255, 3, 129)[factors], "uint8", 1, blocks),
            "bias": _full(MOST, "int32", 1), "multiplier": _full(NEARLY_ONE, "int32", 1),
            "shift": _full(-31, "int32", 1)}  # fmt: skip
        found.append((inputs, {"rows": 1, "n": 1, "k": LONGEST_ROW, "block": block, "blocks": blocks,
                               "factors": factors, "activations": activations, "out_bits": 32}))  # fmt: skip
    return found


def _rescale() -> list[Request]:
    acc = np.array([LEAST, LEAST + 1, -1, 0, 1, MOST - 1, MOST], np.int32)
    return [
        (
            {"acc": acc},
            {"n": acc.size, **RESCALE, "rounding": rounding, "out_bits": bits, "output_offset": offset},
        )
        for rounding, bits, offset in product((0, 1), (4, 8, 16, 32), (LEAST, 0, MOST))
    ]


def _requantize() -> list[Request]:
    values = list(
        product((LEAST, LEAST + 1, -1, 0, 1, MOST - 1, MOST), (0, HALF, NEARLY_ONE), (-31, -30, -1, 0, 1, 30))
    )
    acc, multiplier, shift = (np.array(column, np.int32) for column in zip(*values, strict=True))
    inputs: dict[str, Array | None] = {"acc": acc, "multiplier": multiplier, "shift": shift}
    return [(inputs, {"n": acc.size, "rounding": rounding}) for rounding in (0, 1)]


def _quantize(dtype: str) -> list[Request]:
    info = np.iinfo(np.dtype(dtype))
    h = np.array([info.min, info.min + 1, -1, 0, 1, info.max - 1, info.max], dtype)
    return [({"h": h}, {"n": h.size, **RESCALE, "shift": shift}) for shift in (-31, 0, 30)]


def _multiply() -> list[Request]:
    a, b = (np.array(x, np.int8) for x in zip(*product((-128, -127, -1, 0, 1, 127), repeat=2), strict=True))
    return [({"a": a, "b": b}, {"n": a.size, **RESCALE, "shift": shift}) for shift in (-14, -7, 0)]


def _norm() -> list[Request]:
    found: list[Request] = []
    for size, value in product((1, 2, MAX_NORM_SIZE), (0, 1, -1, 2**15, -(2**26), 2**26)):
        h = _full(value, "int32", 2, size)
        h[1, :-1] = 0
        found.append(({"h": h}, {"rows": 2, "size": size, "gain": 2**30, "eps": 1}))
    spikes = range(12, 31)  # beside them small values, so that a large gain makes wide factors
    h = np.array([[2**e, 2 ** (e - 11), -(2 ** (e - 11)), 3] for e in spikes], np.int32)
    found += [({"h": h}, {"rows": len(h), "size": 4, "gain": gain, "eps": 1}) for gain in (2**30, MOST)]
    h = _full(LEAST, "int32", 1, 2)  # 2^63 less 2^32: the largest sum that fits
    h[0, 1] = MOST
    found.append(({"h": h}, {"rows": 1, "size": 2, "gain": 1, "eps": 1}))
    found += [({"h": _full(value, "int32", 1, size)}, {"rows": 1, "size": size, "gain": 1, "eps": 1})
              for value, size in ((LEAST, 2), (MOST, 3))]  # fmt: skip
    h = _full(1, "int32", 3, 2)  # only the last row is too large
    h[2] = LEAST
    found.append(({"h": h}, {"rows": 3, "size": 2, "gain": 1, "eps": 1}))
    found += [({"h": h[:1]}, {"rows": 1, "size": size, "gain": gain, "eps": eps})
              for size, gain, eps in ((2, 1, 0), (2, 0, 1), (2, 1, 1), (2, MOST, MOST))]  # fmt: skip
    found.append(({"h": _full(1, "int32", 1, MAX_NORM_SIZE + 1)},
                  {"rows": 1, "size": MAX_NORM_SIZE + 1, "gain": 1, "eps": 1}))  # fmt: skip
    return found


def _softmax() -> list[Request]:
    found: list[Request] = []
    for cols, shift in product((1, MAX_SOFTMAX_KEYS, MAX_SOFTMAX_KEYS + 1), (0, 23, 31)):
        a = _full(127, "int8", 2, cols)
        a[1, 1:] = -128
        found.append(
            ({"a": a}, {"rows": 2, "cols": cols, "multiplier": HALF, "shift": shift, "diff_min": -255})
        )
    a = np.array([[127, 120, 100, 0, -128]], np.int8)
    for multiplier, shift, diff_min in product((HALF, NEARLY_ONE), (20, 22), (-255, -10, -30)):
        # A table kept from the call before must be one of all three.
        params = {"rows": 1, "cols": 5, "multiplier": multiplier, "shift": shift, "diff_min": diff_min}
        found.append(({"a": a}, params))
    return found


def _values() -> list[Request]:
    """Rows of probabilities that sum to one, and the most that a row of them may; one key more than is staged
    at once, each of them with a query of its own, which only a port with room for 3.3 MB is asked."""
    found: list[Request] = []

    def ask(p: Array, v: Array) -> None:
        t, d = v.shape[1:]
        params = {"heads": 1, "t": t, "d": d, **RESCALE, "multiplier": HALF, "shift": -15}
        found.append(({"probabilities": p, "v": v}, params))

    for t, v in product((1, 2, 181), (-128, 127)):
        p = _full(-32768, "int16", 1, t, t)
        p[0, :, 0] = 32767
        ask(p, _full(v, "int8", 1, t, 3))
    t = STAGED_KEYS + 1
    p = _full(-32768, "int16", 1, t, t)
    p[0, range(t), range(t)] = 32767
    ask(p, (np.arange(3 * t) % 251 - 125).astype(np.int8).reshape(1, t, 3))
    return found


def _scores() -> list[Request]:
    q = _full(-128, "int8", 1, 1, LONGEST_ROW)
    params = {"heads": 1, "t": 1, "d": LONGEST_ROW, **RESCALE}
    return [({"q": q, "k": _full(k, "int8", 1, 1, LONGEST_ROW)}, {**params, "shift": s}) for k in (-128, 127)
            for s in (-19, 0)]  # fmt: skip


def _change() -> list[Request]:
    a = np.array([-32768, 32767, 0] * 1000, np.int16)
    return [({"a": a, "b": -1 - a}, {"n": a.size}), ({"a": a, "b": a}, {"n": a.size})]


def _add() -> list[Request]:
    a = np.array([MOST, LEAST, 0], np.int32)
    return [({"a": a, "b": np.array([0, 0, LEAST], np.int32)}, {"n": 3})]


def _rule(name: str, low: int, high: int, steps: int) -> list[Request]:
    """Ends and middle of evenly spaced steps of a one-argument rule: each entry of its tables is met."""
    width = (high - low + 1) // steps
    starts = low + width * np.arange(steps)
    x = np.concatenate([starts, starts + 1, starts + width // 2, starts + width - 1])
    return [({name: x.astype(np.int32)}, {"n": x.size})]


LIMITS: dict[str, Callable[[], list[Request]]] = {
    "reciprocal_root": lambda: _rule("m", 2**29, 2**31 - 1, 96),
    "exp_on_negative": lambda: _rule("x", LEAST + 1, 0, 1024),
    "one_over_one_plus": lambda: _rule("x", 0, MOST, 1024),
    "requantize": _requantize,
    "rescale": _rescale,
    "quantize_s16": lambda: _quantize("int16"),
    "quantize_s32": lambda: _quantize("int32"),
    "linear_s8": lambda: _linear(-128, (4, 8, 16, 32)),
    "linear_s4": lambda: _linear(-8, (4, 8, 16, 32)),
    "block_linear_s8": lambda: _block_linear(-128),
    "block_linear_s4": lambda: _block_linear(-8),
    "multiply": _multiply,
    "add_s32": _add,
    "rms_norm": _norm,
    "scores": _scores,
    "softmax_s8_s16": _softmax,
    "weighted_values": _values,
    "change": _change,
}


def limits_of(name: str) -> list[Request]:
    """The requests at the limits of one operator, and one for each value just outside its range."""
    return [*(LIMITS[name]() if name in LIMITS else ()), *spoilt(name)]
