"""What a conforming implementation must refuse, operator by operator."""

from __future__ import annotations

from typing import Any

import numpy as np

from refimpl.block_params import EXPONENT_SPAN
from refimpl.fixedpoint import SHIFT_MAX, SHIFT_MIN
from workbench.vectors.signatures import SIGNATURES

MAX_NORM_SIZE = 1023
MAX_SOFTMAX_COLS = 4095
WIDE_SHIFT_MAX = 14
INT32_MIN = -(2**31)


def _bad_rescale(multiplier: Any, shift: Any) -> str | None:
    multiplier, shift = np.asarray(multiplier, np.int64), np.asarray(shift, np.int64)
    if ((multiplier != 0) & (multiplier < 2**30)).any():
        return "a multiplier is neither 0 nor in [2^30, 2^31)"
    if ((shift < SHIFT_MIN) | (shift > SHIFT_MAX)).any():
        return f"a shift lies outside {SHIFT_MIN}..{SHIFT_MAX}"
    return None


def _bad_block_linear(i: dict[str, Any], p: dict[str, int]) -> str | None:
    if not 0 <= p["activations"] <= 2 or p["power_of_two"] not in (0, 1):
        return "activations is none of 0, 1, 2, or power_of_two none of 0, 1"
    if (i["shift"] > WIDE_SHIFT_MAX).any():
        return f"a shift lies beyond {WIDE_SHIFT_MAX}"
    if i["block_scale"] is None:
        return None
    if p["block"] < 1 or p["blocks"] != -(-p["k"] // p["block"]):
        return "the number of blocks is not that of the row"
    if p["power_of_two"] and (i["block_scale"] > EXPONENT_SPAN).any():
        return f"an exponent lies beyond {EXPONENT_SPAN}"
    if not p["power_of_two"] and (i["block_scale"] < 1).any():
        return "a group has scale 0"
    return None


def _bad_table(i: dict[str, Any], name: str) -> str | None:
    if i[f"{name}_codes"] is None:
        return None
    return _bad_rescale(i[f"{name}_multiplier"], i[f"{name}_shift"])


def _bad_values(algorithm: str, i: dict[str, Any], p: dict[str, int]) -> str | None:
    if algorithm == "high_multiply" and ((i["a"] == INT32_MIN) & (i["b"] == INT32_MIN)).any():
        return "INT32_MIN * INT32_MIN"
    if algorithm == "int8_carry":
        multipliers, shifts = (
            [p[f"{part}_{name}"] for part in ("code", "state")] for name in ("multiplier", "shift")
        )
        return _bad_rescale(multipliers, shifts)
    if algorithm.startswith("block_linear"):
        return _bad_block_linear(i, p)
    if algorithm == "rounding_shift" and ((i["exponent"] < 0) | (i["exponent"] > 31)).any():
        return "an exponent lies outside 0..31"
    if algorithm == "reciprocal_root" and (i["m"] < 2**29).any():
        return "an operand lies below 2^29"
    if algorithm == "exp_on_negative" and (i["x"] > 0).any():
        return "an argument is positive"
    if algorithm == "one_over_one_plus" and (i["x"] < 0).any():
        return "an argument is negative"
    if algorithm == "rms_norm":
        if p["size"] > MAX_NORM_SIZE:
            return f"a row of {p['size']} values can outgrow Q5.10; {MAX_NORM_SIZE} is the limit"
        if p["eps"] < 1 or p["gain"] < 1:
            return "eps and gain must be at least 1"
    if algorithm == "rope" and p["d"] != 2 * p["half"]:
        return "the head size is not twice the width of the tables"
    if algorithm == "softmax_s8_s16":
        if p["cols"] > MAX_SOFTMAX_COLS:
            return f"{p['cols']} keys; the sum has room for {MAX_SOFTMAX_COLS}"
        if not 0 <= p["shift"] <= 31 or p["multiplier"] < 2**30 or p["diff_min"] > 0:
            return "the input scale is no multiplier with a left shift of 0..31, or diff_min is positive"
    if algorithm == "embed":
        if ((i["tokens"] < 0) | (i["tokens"] >= p["vocab"])).any():
            return "a token lies outside the table"
        if i["puzzle_codes"] is not None and not 0 <= p["puzzle_id"] < p["puzzles"]:
            return "the puzzle row lies outside the table"
        if (p["prefix"] > 0) != (i["puzzle_codes"] is not None):
            return "a prefix needs a puzzle table, and a puzzle table a prefix"
        for name in ("token", "position", "puzzle"):
            if reason := _bad_table(i, name):
                return reason
    return None


def refusal(algorithm: str, inputs: dict[str, Any], params: dict[str, int]) -> str | None:
    """Return why the request must be refused, or None."""
    sizes = ("n", "rows", "k", "size", "cols", "heads", "t", "d", "half", "seq", "vocab")
    for name in sizes:
        if name in params and params[name] < 1:
            return f"{name} is {params[name]}, it must be at least 1"
    if params.get("rounding", 0) not in (0, 1):
        return "rounding is neither 0 (double) nor 1 (single)"
    if params.get("out_bits", 8) not in (4, 8, 16, 32):
        return "out_bits is none of 4, 8, 16, 32"
    rescales = "multiplier" in params and algorithm != "softmax_s8_s16"
    if rescales and (reason := _bad_rescale(params["multiplier"], params["shift"])):
        return reason
    if algorithm == "requantize_wide":
        bad = (inputs["multiplier"] != 0) & ((inputs["multiplier"] < 2**30) | (inputs["multiplier"] > 2**31))
        return "a multiplier is neither 0 nor in [2^30, 2^31]" if bad.any() else None
    names = {i.name for i in SIGNATURES[algorithm].inputs}
    if {"multiplier", "shift"} <= names and (reason := _bad_rescale(inputs["multiplier"], inputs["shift"])):
        return reason
    return _bad_values(algorithm, inputs, params)
