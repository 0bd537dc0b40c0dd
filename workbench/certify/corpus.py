"""Seeded requests of every operator: edges and random values, and requests that must be refused.

The same on every platform (:class:`workbench.vectors.draws.Draws`).  A request is (inputs, parameters).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache

import numpy as np

from refimpl.packing import packed_bytes
from workbench.vectors.draws import Draws
from workbench.vectors.signature import Input, Signature, shape_of
from workbench.vectors.signatures import SIGNATURES
from workbench.vectors.tensors import Array

Request = tuple[dict[str, Array | None], dict[str, int]]
SPOILED = 8  # one request of so many has a parameter outside its range
INT32 = (-(2**31), 2**31 - 1)
RANGES = {"int4": (-8, 7), "int8": (-128, 127), "uint8": (0, 255), "int16": (-32768, 32767), "int32": INT32,
          "int64": (-(2**47) + 1, 2**47 - 1)}  # fmt: skip
MULTIPLIERS, SHIFTS = (2**30, 2**31 - 1), (-31, 30)
SCALARS = {
    "multiplier": MULTIPLIERS, "code_multiplier": MULTIPLIERS, "state_multiplier": MULTIPLIERS,
    "shift": SHIFTS, "code_shift": SHIFTS, "state_shift": SHIFTS, "rounding": (0, 1), "gain": (1, 2**30),
    "output_offset": INT32, "eps": (1, 2**31 - 1), "diff_min": (-(2**31), 0), "factors": (0, 2),
    "activations": (0, 2), "block": (1, 9), "bits": (2, 8),
}  # fmt: skip
OUTSIDE = {"multiplier": 2**30 - 1, "code_multiplier": -1, "state_multiplier": 1, "shift": 31,
           "code_shift": -32, "bits": 9,
           "state_shift": 31, "rounding": 2, "out_bits": 7, "gain": 0, "eps": 0, "diff_min": 1,
           "activations": 3, "factors": 3, "puzzle_id": -1,
           "n": 0, "rows": 0, "k": 0, "size": 0, "cols": 0, "heads": 0, "t": 0, "d": 0, "seq": 0,
           "vocab": 0}  # fmt: skip
# The same for one element of an input, by operator ("" for all) and name.
OUTSIDE_INPUT = {
    ("", "multiplier"): (1, 2**30 - 1, -1), ("", "shift"): (-32, 31), ("", "token_multiplier"): (2**30 - 1,),
    ("", "position_shift"): (31,), ("", "puzzle_multiplier"): (-1,), ("", "tokens"): (-1,),
    ("rounding_shift", "exponent"): (-1, 32), ("reciprocal_root", "m"): (2**29 - 1, -1),
    ("exp_on_negative", "x"): (1,), ("one_over_one_plus", "x"): (-1,), ("requantize_wide", "shift"): (),
    ("requantize_wide", "multiplier"): (2**30 - 1, 2**31 + 1, -1), ("block_linear_s8", "shift"): (-32, 15),
    ("block_linear_s4", "shift"): (-32, 15),
}  # fmt: skip
# Inputs that are narrower than their type, by operator ("" for all) and name.
NARROW = {
    ("", "multiplier"): MULTIPLIERS, ("", "shift"): SHIFTS, ("", "token_multiplier"): MULTIPLIERS,
    ("", "position_multiplier"): MULTIPLIERS, ("", "puzzle_multiplier"): MULTIPLIERS,
    ("", "token_shift"): SHIFTS, ("", "position_shift"): SHIFTS, ("", "puzzle_shift"): SHIFTS,
    ("rounding_shift", "exponent"): (0, 31),
    ("reciprocal_root", "m"): (2**29, 2**31 - 1), ("exp_on_negative", "x"): (-(2**31), 0),
    ("one_over_one_plus", "x"): (0, 2**31 - 1), ("requantize_wide", "multiplier"): (2**30, 2**31),
    ("rms_norm", "h"): (-(2**26), 2**26), ("block_linear_s8", "shift"): (-31, 14),
    ("block_linear_s4", "shift"): (-31, 14),
}  # fmt: skip


def _value(draws: Draws, low: int, high: int) -> int:
    """An end of the range, one next to it, or any value of it."""
    kind = draws.integer(0, 5)
    near = (low, high, min(low + 1, high), max(high - 1, low))
    return near[kind] if kind < len(near) else draws.integer(low, high)


@cache
def _edges(low: int, high: int) -> Array:
    """The ends of a range, what is next to them, and what is around 0."""
    around = (v for v in (-1, 0, 1) if low <= v <= high)
    return np.array([low, high, min(low + 1, high), max(high - 1, low), *around])


def _array(draws: Draws, shape: tuple[int, ...], low: int, high: int) -> Array:
    """Random values; each third an edge: an end, one next to it, or one around 0."""
    edges, count = _edges(low, high), math.prod(shape)
    values, places, kinds = draws.bits(3 * count).reshape(3, count)
    drawn = (values % np.uint64(high - low + 1)).astype(np.int64) + low
    chosen = edges[places % np.uint64(len(edges))]
    return np.asarray(np.where(kinds % np.uint64(3) == 0, chosen, drawn)).reshape(shape)


def _params(draws: Draws, signature: Signature) -> dict[str, int]:
    params = {}
    for name in signature.params:
        if name == "out_bits":
            params[name] = (4, 8, 16, 32)[draws.integer(0, 3)]
        elif name in SCALARS:
            params[name] = _value(draws, *SCALARS[name])
        else:
            params[name] = draws.integer(1, 9)
    if signature.name == "rope":
        params["d"] = 2 * params["half"]
    if signature.name == "softmax_s8_s16":
        params["shift"] = _value(draws, 0, 31)
    if "puzzle_id" in params:
        params["puzzle_id"] = draws.integer(0, params["puzzles"] - 1)
        params["prefix"] = draws.integer(0, 3)
    if "blocks" in params:
        params["blocks"] = -(-params["k"] // params["block"])
    if "bits" in params:
        params["bytes"] = packed_bytes(params["n"], params["bits"])
    return params


def _range(signature: Signature, item: Input, params: dict[str, int]) -> tuple[int, int]:
    if item.name == "tokens":
        return 0, params["vocab"] - 1
    if item.name == "block_scale":
        return (0, 15) if params["factors"] == 1 else (1, 255)
    if signature.name.startswith("block_linear") and item.name == "a" and params["activations"] == 0:
        return RANGES["int16"]
    return NARROW.get((signature.name, item.name)) or NARROW.get(("", item.name)) or RANGES[item.dtype]


def _dtype(dtype: str) -> str:
    return "int8" if dtype == "int4" else dtype


def _inputs(draws: Draws, signature: Signature, params: dict[str, int]) -> dict[str, Array | None]:
    """Inputs that keep the contract under ``params``."""
    inputs: dict[str, Array | None] = {}
    absent: dict[str, bool] = {}
    for item in signature.inputs:
        group = item.name.split("_")[0] if signature.name == "embed" else item.name
        if item.optional and group not in absent:
            absent[group] = bool(draws.integer(0, 1))
        if item.optional and group == "puzzle":
            absent[group] = params["prefix"] == 0
        low, high = _range(signature, item, params)
        made = _array(draws, shape_of(item.shape, params), low, high).astype(_dtype(item.dtype))
        inputs[item.name] = None if item.optional and absent[group] else made
    return inputs


def request(draws: Draws, signature: Signature) -> Request:
    """One request that keeps the contract, or one that a single value takes out of it."""
    params = _params(draws, signature)
    inputs = _inputs(draws, signature, params)
    if draws.integer(1, SPOILED) == 1:
        ways = _ways(signature, inputs)
        if ways:
            _spoil(inputs, params, *ways[draws.integer(0, len(ways) - 1)], draws)
    return inputs, params


def _ways(signature: Signature, inputs: dict[str, Array | None]) -> list[tuple[str, int]]:
    """(name, value) of every parameter, and of every element of an input, that is out of its range."""
    unread = {"puzzle_id"} if inputs.get("puzzle_codes") is None else set()
    outside = {**OUTSIDE, "shift": 32} if signature.name == "softmax_s8_s16" else OUTSIDE
    ways = [(name, outside[name]) for name in signature.params if name in outside and name not in unread]
    for item in signature.inputs:
        values = OUTSIDE_INPUT.get((signature.name, item.name), OUTSIDE_INPUT.get(("", item.name), ()))
        ways += [(item.name, value) for value in values if inputs[item.name] is not None]
    return ways


def _spoil(
    inputs: dict[str, Array | None], params: dict[str, int], name: str, value: int, draws: Draws
) -> None:
    """Take one parameter, or one element of an input, out of its range."""
    if name in params:
        params[name] = value
        return
    array = np.array(inputs[name])
    array.reshape(-1)[draws.integer(0, array.size - 1)] = value
    inputs[name] = array


def spoilt(algorithm: str) -> list[Request]:
    """One request for each single value that is out of its range, the rest of it sound."""
    signature, draws, found = SIGNATURES[algorithm], Draws(f"spoilt {algorithm}"), list[Request]()
    params = _params(draws, signature)
    inputs = _inputs(draws, signature, params)
    for name, value in _ways(signature, inputs):
        sound_inputs, sound_params = dict(inputs), dict(params)
        _spoil(sound_inputs, sound_params, name, value, draws)
        found.append((sound_inputs, sound_params))
    return found


def requests(algorithm: str, count: int, seed: str) -> Iterator[Request]:
    """``count`` requests of one operator."""
    draws = Draws(f"{seed} {algorithm}")
    for _ in range(count):
        yield request(draws, SIGNATURES[algorithm])
