"""Compute a request by an operator namespace: the specification unless another one is given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from refimpl import fixedpoint, ops
from refimpl.block_params import FACTORS, BlockLinear, Int8Norm, Online
from refimpl.fixedpoint import Rounding
from refimpl.models.tree import Embedding
from refimpl.ops.block_linear import requantize_wide
from refimpl.ops.int8_norm import stored_as_int8
from refimpl.ops.online import mx_codes, token_codes
from refimpl.ops.rescale import rescale
from refimpl.ops.softmax import exp_on_negative, one_over_one_plus
from refimpl.packing import unpack_codes
from refimpl.params import Linear, Norm, Rescale, Rope, RowTable, Silu, Softmax
from workbench.vectors.signatures import ROUNDING_NAMES
from workbench.vectors.signatures_block import ACTIVATIONS
from workbench.vectors.tensors import Array

Request = dict[str, Any]
Params = dict[str, int]


def _rounding(p: Params) -> Rounding:
    return ROUNDING_NAMES[p["rounding"]]  # type: ignore[return-value]


def _rescale(p: Params, bits: int = 8) -> Rescale:
    return Rescale("", p["multiplier"], p["shift"], _rounding(p), bits, p["output_offset"])


def _linear(space: Any, i: Request, p: Params, bits: int) -> Array:
    codes = i["codes"].astype(np.int8)
    leaf = Linear(
        "",
        bits,
        codes,
        i["bias"],
        i["multiplier"].astype(np.int32),
        i["shift"].astype(np.int32),
        _rounding(p),
        p["out_bits"],
        p["output_offset"],
    )
    y: Array = space.linear(i["a"].astype(np.int8), leaf)
    return y


def _table(i: Request, p: Params, name: str) -> RowTable | None:
    codes, multiplier, shift = (i[f"{name}_{part}"] for part in ("codes", "multiplier", "shift"))
    return None if codes is None else RowTable("", codes, multiplier, shift, _rounding(p))


def _embed(space: Any, i: Request, p: Params) -> Array:
    token, position, puzzle = (_table(i, p, name) for name in ("token", "position", "puzzle"))
    leaf = Embedding(token, position, puzzle, p["prefix"])
    x: Array = space.embed(i["tokens"][None], np.array([p["puzzle_id"]]), leaf)[0]
    return x


def _block_linear(space: Any, i: Request, p: Params, bits: int) -> Array:
    activations: Online = ACTIVATIONS[p["activations"]]  # type: ignore[assignment]
    leaf = BlockLinear(
        "",
        bits,
        i["codes"].astype(np.int8),
        i["zero_point"],
        p["block"],
        i["block_scale"],
        FACTORS[p["factors"]],
        i["bias"],
        i["multiplier"],
        i["shift"],
        p["out_bits"],
        activations,
    )
    y: Array = space.linear(i["a"], leaf)
    return y


def _int8_carry(i: Request, p: Params) -> Array:
    to_code = Rescale("", p["code_multiplier"], p["code_shift"], _rounding(p))
    to_state = Rescale("", p["state_multiplier"], p["state_shift"], _rounding(p), 16)
    return stored_as_int8(i["h"], Int8Norm("", Norm("", 1, 1, 1), to_code, to_state))


def _quantize(space: Any, i: Request, p: Params) -> Array:
    y: Array = space.quantize(i["h"], _rescale(p))
    return y


COMPUTE: dict[str, Callable[[Any, Request, Params], Array]] = {
    "high_multiply": lambda s, i, p: fixedpoint.high_multiply(i["a"], i["b"]),
    "saturating_high_multiply": lambda s, i, p: fixedpoint.saturating_high_multiply(i["a"], i["b"]),
    "rounding_shift": lambda s, i, p: fixedpoint.rounding_shift(i["x"], i["exponent"]),
    "requantize": lambda s, i, p: fixedpoint.requantize(i["acc"], i["multiplier"], i["shift"], _rounding(p)),
    "unpack_codes": lambda s, i, p: unpack_codes(i["packed"], p["bits"], (p["n"],)),
    "unpack_int4": lambda s, i, p: i["packed"].astype(np.int8),
    "reciprocal_root": lambda s, i, p: fixedpoint.reciprocal_root(i["m"]),
    "exp_on_negative": lambda s, i, p: exp_on_negative(i["x"].astype(np.int64)),
    "one_over_one_plus": lambda s, i, p: one_over_one_plus(i["x"].astype(np.int64)),
    "rescale": lambda s, i, p: rescale(i["acc"], _rescale(p, p["out_bits"])),
    "quantize_s16": _quantize,
    "quantize_s32": _quantize,
    "linear_s8": lambda s, i, p: _linear(s, i, p, 8),
    "linear_s4": lambda s, i, p: _linear(s, i, p, 4),
    "multiply": lambda s, i, p: s.multiply(i["a"], i["b"], _rescale(p)),
    "silu": lambda s, i, p: s.silu(i["a"], Silu("", i["table"])),
    "add_s32": lambda s, i, p: s.add(i["a"], i["b"]),
    "add_s16": lambda s, i, p: s.add(i["a"], i["b"]),
    "rms_norm": lambda s, i, p: s.rms_norm(i["h"], Norm("", p["size"], p["gain"], p["eps"])),
    "rope": lambda s, i, p: s.rope(i["a"][None], Rope("", i["cos"], i["sin"]))[0],
    "scores": lambda s, i, p: s.scores(i["q"][None], i["k"][None], _rescale(p))[0],
    "softmax_s8_s16": lambda s, i, p: s.softmax(
        i["a"], Softmax("", p["multiplier"], p["shift"], p["diff_min"])
    ),
    "weighted_values": lambda s, i, p: s.weighted_values(i["probabilities"][None], i["v"][None], _rescale(p))[
        0
    ],
    "embed": _embed,
    "requantize_wide": lambda s, i, p: requantize_wide(i["acc"], i["multiplier"], i["shift"]),
    "token_codes": lambda s, i, p: token_codes(i["values"])[0],
    "token_scale": lambda s, i, p: np.stack(token_codes(i["values"])[1:], axis=1),
    "mx_codes": lambda s, i, p: mx_codes(i["values"])[0],
    "mx_exponent": lambda s, i, p: mx_codes(i["values"])[1],
    "int8_carry": lambda s, i, p: _int8_carry(i, p),
    "block_linear_s8": lambda s, i, p: _block_linear(s, i, p, 8),
    "block_linear_s4": lambda s, i, p: _block_linear(s, i, p, 4),
    "argmax": lambda s, i, p: s.argmax(i["logits"]),
    "change": lambda s, i, p: s.change(i["a"][None], i["b"][None])[0],
}


def compute(algorithm: str, inputs: Request, params: Params, space: Any = ops) -> Array:
    """Output of one request under the operators of ``space`` (``refimpl.ops`` or ``refimpl.fast``)."""
    return np.asarray(COMPUTE[algorithm](space, inputs, params))
