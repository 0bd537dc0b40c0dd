"""Signatures of the forms beyond one int8 scale: zero points, groups, MX blocks, online quantizers."""

from __future__ import annotations

from refimpl.block_params import EXPONENT_SPAN
from refimpl.fixedpoint import SHIFT_MIN
from refimpl.preconditions import WIDE_SHIFT_MAX
from workbench.vectors.signature import Input, Signature

ACTIVATIONS = ("static", "token", "mx")
_VALUES = Input("values", "int32", ("rows", "k"))


def _block_linear(name: str, codes: str) -> Signature:
    return Signature(
        name,
        "OP-BLOCK-LINEAR",
        "y = clamp(requantize_wide(values @ weights^T, multiplier[row], shift[row]) + bias), weights = "
        "(codes - zero_point[row]) * factor of their block. The factor is 1 without block_scale, else "
        "block_scale (factors 0), 2^block_scale (1) or block_scale as int8 (2). activations 0 static: a "
        "holds int8 or int16 codes; 1 token, 2 mx: a holds int32 values, quantized first as by token_codes "
        f"or mx_codes. shift {SHIFT_MIN}..{WIDE_SHIFT_MAX}; an exponent is at most {EXPONENT_SPAN}, no other "
        "factor 0.",
        (
            Input("a", "int32", ("rows", "k")),
            Input("codes", codes, ("n", "k")),
            Input("zero_point", "int8", ("n",), optional=True),
            Input("block_scale", "uint8", ("n", "blocks"), optional=True),
            Input("bias", "int32", ("n",), optional=True),
            Input("multiplier", "int32", ("n",)),
            Input("shift", "int32", ("n",)),
        ),
        ("rows", "n", "k", "block", "blocks", "factors", "activations", "out_bits"),
        "out_bits",
        ("rows", "n"),
    )


BLOCK_SIGNATURES = (
    Signature(
        "requantize_wide",
        "OP-BLOCK-LINEAR",
        "acc * multiplier * 2^(shift - 31) for |acc| < 2^47 with the multiplier cut to 15 bits, one "
        "rounding, ties up. multiplier 0 or 2^30..2^31.",
        (
            Input("acc", "int64", ("n",)),
            Input("multiplier", "int64", ("n",)),
            Input("shift", "int32", ("n",)),
        ),
        ("n",),
        "int64",
        ("n",),
    ),
    Signature(
        "token_codes",
        "OP-ONLINE-TOKEN",
        "int8 codes of each row by its absmax A: r = floor(127 * 2^(n + 23) / A), n the bit length of A; "
        "code = (v * r + 2^(n + 22)) >> (n + 23).",
        (_VALUES,),
        ("rows", "k"),
        "int8",
        ("rows", "k"),
    ),
    Signature(
        "token_scale",
        "OP-ONLINE-TOKEN",
        "A of each row as multiplier in [2^30, 2^31) and shift: A = multiplier * 2^(shift - 31); 0, 0 for a "
        "zero row.",
        (_VALUES,),
        ("rows", "k"),
        "int32",
        ("rows", "2"),
    ),
    Signature(
        "mx_codes",
        "OP-ONLINE-MX",
        "Blocks of 32 with a power-of-two scale, codes -7..7 (ties away from zero), each shifted left by its "
        "exponent above the smallest of the row.",
        (_VALUES,),
        ("rows", "k"),
        "int32",
        ("rows", "k"),
    ),
    Signature(
        "mx_exponent",
        "OP-ONLINE-MX",
        "The smallest exponent of each row: smallest e >= 0 with absmax <= 7 * 2^e, raised to 15 below the "
        "row's largest.",
        (_VALUES,),
        ("rows", "k"),
        "int32",
        ("rows",),
    ),
    Signature(
        "int8_carry",
        "OP-INT8-NORM",
        "What an int8 carry makes of normalised values: rescaled to an int8 code, read back as int16 state "
        "units.",
        (Input("h", "int16", ("n",)),),
        ("n", "code_multiplier", "code_shift", "state_multiplier", "state_shift", "rounding"),
        "int16",
        ("n",),
    ),
    _block_linear("block_linear_s8", "int8"),
    _block_linear("block_linear_s4", "int4"),
)
