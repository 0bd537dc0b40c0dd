"""The flags: each names a kind of bug, and every case says by flags which bugs it catches."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Flag:
    """``bug_type`` groups flags; ``description`` is for the reader whose kernel failed the case."""

    bug_type: str
    description: str


FLAGS: dict[str, Flag] = {
    "TieUp": Flag(
        "ROUNDING",
        "A value exactly half way: the high multiply rounds it towards +infinity, "
        "also below zero. Truncation or ties away from zero fail here.",
    ),
    "TieAway": Flag(
        "ROUNDING",
        "A value exactly half way: the right shift rounds it away from zero. "
        "An arithmetic shift with a plain half added fails here for negative values.",
    ),
    "DoubleVersusSingle": Flag(
        "ROUNDING",
        "Two roundings (high multiply, then shift) and one rounding of the 64-bit product differ here.",
    ),
    "Truncation": Flag("ROUNDING", "Fails when the rounding term is left out."),
    "LeftShift": Flag("SHIFT", "Positive shift: the value moves left before the high multiply."),
    "Int32Wrap": Flag(
        "OVERFLOW", "The left shift wraps in 32 bits; a 64-bit or saturating shift fails here."
    ),
    "Saturation": Flag("SATURATION", "The result leaves the output type and must stop at its end."),
    "OutputOffset": Flag("SATURATION", "The output offset is added after rescaling and before saturation."),
    "Int32Limits": Flag("OVERFLOW", "Operands or accumulators at or next to the ends of int32."),
    "Int32MinSquared": Flag("OVERFLOW", "INT32_MIN * INT32_MIN: the one product that does not fit."),
    "Wide": Flag("OVERFLOW", "An intermediate needs more than 32 bits."),
    "ZeroMultiplier": Flag(
        "DEGENERATE", "Multiplier 0, shift 0: a row without a nonzero code gives the offset."
    ),
    "PerRow": Flag("INDEXING", "Every output row has its own multiplier and shift."),
    "Bias": Flag("INDEXING", "Bias is added to the accumulator, before rescaling."),
    "NoBias": Flag("INDEXING", "The bias is absent (NULL)."),
    "Layout": Flag(
        "INDEXING", "Shapes differ along every axis, so a transposed or wrongly strided access fails."
    ),
    "ManyRows": Flag(
        "INDEXING", "More rows or values than a kernel takes at once: the rest has places of its own."
    ),
    "OddK": Flag("INDEXING", "An odd row length: int4 rows straddle bytes, unrolled loops have a tail."),
    "NibbleOrder": Flag("PACKING", "Low nibble first."),
    "SignExtension": Flag("PACKING", "Nibbles are two's complement: 8..15 mean -8..-1."),
    "MinusEight": Flag("PACKING", "Code -8 or -128: the end that has no positive twin."),
    "TableIndex": Flag("INDEXING", "The ends of a table; off by one or an unsigned index fails here."),
    "ShiftEnds": Flag("SHIFT", "Shift -31 or 30, exponent 0 or 31: the ends of the range."),
    "WideSoftmax": Flag(
        "OVERFLOW",
        "512 and more (nearly) equal keys: the sum needs 12 integer bits, and the "
        "final shift reaches what int8 output code cannot do.",
    ),
    "SingleKey": Flag(
        "SATURATION", "One key, or one that outweighs all others: probability 1 saturates at 32767."
    ),
    "DiffMin": Flag("DEGENERATE", "Differences at, just above and just below diff_min."),
    "ProbabilityZeroPoint": Flag("INDEXING", "Probabilities have zero point -32768, added back in 32 bits."),
    "ExpBits": Flag("INDEXING", "Each bit of the exponent has its own factor in the exponential."),
    "NewtonSteps": Flag("ROUNDING", "The reciprocal needs every Newton step and the exact seed."),
    "SmallRow": Flag("DEGENERATE", "A zero or tiny row: eps decides, and the normalising shift goes left."),
    "LargeRow": Flag("OVERFLOW", "A row whose sum of squares is far beyond 32 bits."),
    "EpsilonMatters": Flag("DEGENERATE", "Leaving eps out, or adding it once a value, changes the result."),
    "HalfSplit": Flag(
        "INDEXING", "Columns j and j + d/2 turn together, not 2j and 2j + 1; the signs differ."
    ),
    "ZeroPoint": Flag("INDEXING", "Weights have a zero point a row, subtracted before the product."),
    "BlockScale": Flag("INDEXING", "Every block of a row has its own factor; the last block may be short."),
    "PowerOfTwo": Flag("SHIFT", "The factor of a block is a power of two given by its exponent."),
    "Online": Flag("INDEXING", "Activations are quantized while they are read, with a scale a row or block."),
    "ExponentEdge": Flag(
        "ROUNDING", "absmax at 7 * 2^e and next to it: the smallest exponent that holds it."
    ),
    "ExponentSpan": Flag("SATURATION", "An exponent more than 15 below the row's largest is raised."),
    "ZeroRow": Flag("DEGENERATE", "A row or block of zeros has no scale: codes, multiplier and shift are 0."),
    "CutMultiplier": Flag("ROUNDING", "The wide rule rounds the multiplier to 15 bits first, at most 32767."),
    "Prefix": Flag("INDEXING", "The puzzle row stands in front, zero padded; positions count from 0 there."),
    "TieLowest": Flag("INDEXING", "Equal largest values: the lowest index wins."),
    "Typical": Flag("BASIC", "Seeded values in the usual range."),
    "MustRefuse": Flag(
        "CONTRACT", "A conforming implementation refuses this request (returns 1) before it computes."
    ),
}
