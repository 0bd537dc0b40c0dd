"""What every operator of the vectors takes: one table behind the JSON, the C header and ctypes.

Calling convention of all C functions: input pointers in this order, then every parameter as
``int32_t`` in this order, then the output pointer; return 0, 1 for a request that must be refused, 2 for
one that this implementation does not serve.
Arrays are C-ordered without padding.  ``rounding`` is 0 for double, 1 for single.
"""

from __future__ import annotations

from refimpl.fixedpoint import SHIFT_MAX, SHIFT_MIN
from refimpl.preconditions import MAX_NORM_SIZE, MAX_SOFTMAX_KEYS
from workbench.vectors.signature import Input, Signature, shape_of
from workbench.vectors.signatures_block import BLOCK_SIGNATURES

ROUNDING_NAMES = ("double", "single")
RESCALE = ("multiplier", "shift", "rounding", "output_offset")


def _linear(name: str, codes: str) -> Signature:
    return Signature(
        name,
        "OP-LINEAR",
        "y = clamp(requantize(a @ codes^T + bias, multiplier[row], shift[row]) + output_offset); "
        "zero points of a and codes are 0. out_bits is 4 (stored in int8), 8, 16 or 32.",
        (
            Input("a", "int8", ("rows", "k")),
            Input("codes", codes, ("n", "k")),
            Input("bias", "int32", ("n",), optional=True),
            Input("multiplier", "int32", ("n",)),
            Input("shift", "int32", ("n",)),
        ),
        ("rows", "n", "k", "rounding", "output_offset", "out_bits"),
        "out_bits",
        ("rows", "n"),
    )


_N = ("n",)
_TABLES = tuple(
    Input(f"{table}_{part}", dtype, shape, optional=table != "token")
    for table, rows in (("token", "vocab"), ("position", "prefix + seq"), ("puzzle", "puzzles"))
    for part, dtype, shape in (
        ("codes", "int8", (rows, "d")),
        ("multiplier", "int32", (rows,)),
        ("shift", "int32", (rows,)),
    )
)

SIGNATURES: dict[str, Signature] = {
    s.name: s
    for s in (
        Signature(
            "high_multiply",
            "RND-HIGH-MULTIPLY",
            "(a * b + 2^30) >> 31, ties up; not defined for INT32_MIN * INT32_MIN (refused).",
            (Input("a", "int32", _N), Input("b", "int32", _N)),
            ("n",),
            "int32",
            _N,
        ),
        Signature(
            "saturating_high_multiply",
            "RND-SATURATING-HIGH-MULTIPLY",
            "high_multiply with INT32_MIN * INT32_MIN = INT32_MAX.",
            (Input("a", "int32", _N), Input("b", "int32", _N)),
            ("n",),
            "int32",
            _N,
        ),
        Signature(
            "rounding_shift",
            "RND-SHIFT",
            "x / 2^exponent to nearest, ties away from zero; exponent 0..31.",
            (Input("x", "int32", _N), Input("exponent", "int32", _N)),
            ("n",),
            "int32",
            _N,
        ),
        Signature(
            "requantize",
            "OP-REQUANTIZE",
            "acc * multiplier * 2^(shift - 31), not clamped. multiplier 0 or 2^30..2^31-1; "
            f"shift {SHIFT_MIN}..{SHIFT_MAX}, positive to the left; so in every operator.",
            (Input("acc", "int32", _N), Input("multiplier", "int32", _N), Input("shift", "int32", _N)),
            ("n", "rounding"),
            "int32",
            _N,
        ),
        Signature(
            "unpack_int4",
            "FMT-INT4",
            "Sign-extend n nibbles, low nibble of each byte first.",
            (Input("packed", "int4", _N),),
            ("n",),
            "int8",
            _N,
        ),
        Signature(
            "unpack_codes",
            "FMT-CODES",
            "Sign-extend n codes of bits (2 to 8) bits from one stream, low bits and first codes first.",
            (Input("packed", "uint8", ("bytes",)),),
            ("n", "bits", "bytes"),
            "int8",
            _N,
        ),
        Signature(
            "reciprocal_root",
            "RND-RECIPROCAL-ROOT",
            "2^30 / sqrt(m / 2^31) for m in [2^29, 2^31): 96-entry table and two Newton steps.",
            (Input("m", "int32", _N),),
            ("n",),
            "int64",
            _N,
        ),
        Signature(
            "exp_on_negative",
            "RND-EXP",
            "exp of Q5.26 in (-32, 0] as Q0.31.",
            (Input("x", "int32", _N),),
            ("n",),
            "int32",
            _N,
        ),
        Signature(
            "one_over_one_plus",
            "RND-RECIPROCAL",
            "1 / (1 + x), x >= 0, Q0.31 in and out.",
            (Input("x", "int32", _N),),
            ("n",),
            "int32",
            _N,
        ),
        Signature(
            "rescale",
            "OP-RESCALE",
            "clamp(requantize(acc) + output_offset) to out_bits (4 stored in int8).",
            (Input("acc", "int32", _N),),
            ("n", *RESCALE, "out_bits"),
            "out_bits",
            _N,
        ),
        Signature(
            "quantize_s16",
            "OP-QUANTIZE",
            "Carry (Q5.10) to int8 activations.",
            (Input("h", "int16", _N),),
            ("n", *RESCALE),
            "int8",
            _N,
        ),
        Signature(
            "quantize_s32",
            "OP-QUANTIZE",
            "Wide sum (10 fractional bits) to int8 activations.",
            (Input("h", "int32", _N),),
            ("n", *RESCALE),
            "int8",
            _N,
        ),
        _linear("linear_s8", "int8"),
        _linear("linear_s4", "int4"),
        Signature(
            "multiply",
            "OP-MULTIPLY",
            "clamp(requantize(a * b) + output_offset) to int8.",
            (Input("a", "int8", _N), Input("b", "int8", _N)),
            ("n", *RESCALE),
            "int8",
            _N,
        ),
        Signature(
            "silu",
            "OP-SILU",
            "table[a + 128].",
            (Input("a", "int8", _N), Input("table", "int8", ("256",))),
            ("n",),
            "int8",
            _N,
        ),
        Signature(
            "add_s32",
            "OP-ADD",
            "Exact int32 sum; beyond int32 it wraps.",
            (Input("a", "int32", _N), Input("b", "int32", _N)),
            ("n",),
            "int32",
            _N,
        ),
        Signature(
            "add_s16",
            "OP-ADD",
            "Carry plus wide sum, int32, no saturation; beyond int32 it wraps.",
            (Input("a", "int16", _N), Input("b", "int32", _N)),
            ("n",),
            "int32",
            _N,
        ),
        Signature(
            "rms_norm",
            "OP-RMS-NORM",
            "Rows of size values (10 fractional bits) divided by their root mean square; Q5.10 out. "
            f"size 1..{MAX_NORM_SIZE}, gain and eps >= 1; a row's sum of squares and eps stays below 2^63.",
            (Input("h", "int32", ("rows", "size")),),
            ("rows", "size", "gain", "eps"),
            "int16",
            ("rows", "size"),
        ),
        Signature(
            "rope",
            "OP-ROPE",
            "Half-split rotation by Q1.14 tables, ties away from zero. d even.",
            (
                Input("a", "int8", ("heads", "t", "d")),
                Input("cos", "int16", ("t", "half")),
                Input("sin", "int16", ("t", "half")),
            ),
            ("heads", "t", "d", "half"),
            "int8",
            ("heads", "t", "d"),
        ),
        Signature(
            "scores",
            "OP-SCORES",
            "clamp(requantize(q @ k^T) + output_offset) a head.",
            (Input("q", "int8", ("heads", "t", "d")), Input("k", "int8", ("heads", "t", "d"))),
            ("heads", "t", "d", *RESCALE),
            "int8",
            ("heads", "t", "t"),
        ),
        Signature(
            "softmax_s8_s16",
            "OP-SOFTMAX",
            f"Row softmax, output probability * 65536 - 32768. cols 1..{MAX_SOFTMAX_KEYS}, "
            "multiplier 2^30..2^31-1, shift 0..31, diff_min <= 0.",
            (Input("a", "int8", ("rows", "cols")),),
            ("rows", "cols", "multiplier", "shift", "diff_min"),
            "int16",
            ("rows", "cols"),
        ),
        Signature(
            "weighted_values",
            "OP-WEIGHTED-VALUES",
            "clamp(requantize((probabilities + 32768) @ v) + output_offset) a head.",
            (Input("probabilities", "int16", ("heads", "t", "t")), Input("v", "int8", ("heads", "t", "d"))),
            ("heads", "t", "d", *RESCALE),
            "int8",
            ("heads", "t", "d"),
        ),
        Signature(
            "embed",
            "OP-EMBED",
            "Puzzle row zero-padded to prefix positions, then a token row each; position rows added to all. "
            "Row codes are requantized by their row's multiplier.",
            (Input("tokens", "int32", ("seq",)), *_TABLES),
            ("seq", "d", "prefix", "vocab", "puzzles", "puzzle_id", "rounding"),
            "int32",
            ("prefix + seq", "d"),
        ),
        Signature(
            "argmax",
            "OP-ARGMAX",
            "Index of the largest value of a row, ties to the lowest.",
            (Input("logits", "int32", ("rows", "cols")),),
            ("rows", "cols"),
            "int32",
            ("rows",),
        ),
        Signature(
            "change",
            "OP-CHANGE",
            "Sum and largest of |a - b| over a state; a difference has up to 16 bits, the sum up to 47.",
            (Input("a", "int16", _N), Input("b", "int16", _N)),
            ("n",),
            "int64",
            ("2",),
        ),
        *BLOCK_SIGNATURES,
    )
}

__all__ = ["RESCALE", "ROUNDING_NAMES", "SIGNATURES", "Input", "Signature", "shape_of"]
