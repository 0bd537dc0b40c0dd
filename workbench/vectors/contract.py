"""What a conforming implementation must refuse, operator by operator."""

from __future__ import annotations

from typing import Any

import numpy as np

from refimpl import preconditions
from refimpl.block_params import FACTORS
from refimpl.packing import packed_bytes
from workbench.vectors.signatures import SIGNATURES

INT32_MIN = -(2**31)
OUT_BITS = (4, 8, 16, 32)


def _bad_out_bits(bits: int) -> str | None:
    """Widths an output may have."""
    return None if bits in OUT_BITS else f"out_bits is none of {', '.join(map(str, OUT_BITS))}"


def _bad_squares(h: Any, eps: int) -> str | None:
    """OP-RMS-NORM: the sum of squares of each row of (..., size) int32, with eps, must fit 63 bits.

    Then a product of a value and its row's factor does as well, whatever the gain.
    """
    rows = np.asarray(h).reshape(-1, np.asarray(h).shape[-1])
    if any(sum(v * v for v in row) + eps >= 2**63 for row in rows.tolist()):
        return "a sum of squares and eps reach 2^63"
    return None


def _bad_block_linear(i: dict[str, Any], p: dict[str, int]) -> str | None:
    if not 0 <= p["activations"] <= 2 or not 0 <= p["factors"] < len(FACTORS):
        return "activations is none of 0, 1, 2, or factors names no kind"
    if reason := preconditions.of_wide_rescale(i["multiplier"], i["shift"]):
        return reason
    if i["block_scale"] is None:
        return None
    return preconditions.of_blocks(p["k"], p["block"], p["blocks"], FACTORS[p["factors"]], i["block_scale"])


def _bad_table(i: dict[str, Any], name: str) -> str | None:
    if i[f"{name}_codes"] is None:
        return None
    return preconditions.of_rescale(i[f"{name}_multiplier"], i[f"{name}_shift"])


def _bad_values(algorithm: str, i: dict[str, Any], p: dict[str, int]) -> str | None:
    if algorithm == "high_multiply" and ((i["a"] == INT32_MIN) & (i["b"] == INT32_MIN)).any():
        return "INT32_MIN * INT32_MIN"
    if algorithm == "int8_carry":
        multipliers, shifts = (
            [p[f"{part}_{name}"] for part in ("code", "state")] for name in ("multiplier", "shift")
        )
        return preconditions.of_rescale(multipliers, shifts)
    if algorithm.startswith("block_linear"):
        return _bad_block_linear(i, p)
    if algorithm == "unpack_codes":
        if not 2 <= p["bits"] <= 8:
            return f"codes have 2 to 8 bits, not {p['bits']}"
        if p["bytes"] != packed_bytes(p["n"], p["bits"]):
            return "the bytes are not those of n codes"
    if algorithm == "rounding_shift" and ((i["exponent"] < 0) | (i["exponent"] > 31)).any():
        return "an exponent lies outside 0..31"
    if algorithm == "reciprocal_root" and (i["m"] < 2**29).any():
        return "an operand lies below 2^29"
    if algorithm == "exp_on_negative" and (i["x"] > 0).any():
        return "an argument is positive"
    if algorithm == "one_over_one_plus" and (i["x"] < 0).any():
        return "an argument is negative"
    if algorithm == "rms_norm":
        return preconditions.of_norm(p["size"], p["gain"], p["eps"]) or _bad_squares(
            i["h"], p["eps"]
        )
    if algorithm == "rope" and p["d"] != 2 * p["half"]:
        return "the head size is not twice the width of the tables"
    if algorithm == "softmax_s8_s16":
        return preconditions.of_softmax(p["cols"], p["multiplier"], p["shift"], p["diff_min"])
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
    if reason := _bad_out_bits(params.get("out_bits", 8)):
        return reason
    rescales = "multiplier" in params and algorithm != "softmax_s8_s16"
    if rescales and (reason := preconditions.of_rescale(params["multiplier"], params["shift"])):
        return reason
    if algorithm == "requantize_wide":
        bad = (inputs["multiplier"] != 0) & ((inputs["multiplier"] < 2**30) | (inputs["multiplier"] > 2**31))
        return "a multiplier is neither 0 nor in [2^30, 2^31]" if bad.any() else None
    names = {i.name for i in SIGNATURES[algorithm].inputs}
    if {"multiplier", "shift"} <= names:
        reason = preconditions.of_rescale(inputs["multiplier"], inputs["shift"])
        if reason:
            return reason
    return _bad_values(algorithm, inputs, params)
