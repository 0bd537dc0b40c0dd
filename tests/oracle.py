"""The third witness: every operator in unbounded Python integers, on plain lists.

Imports nothing of ours and no NumPy.  It is written from ``docs/spec.md`` by other means than the code
where there are any: floor division where the code shifts, constants from their defining formula where
the code has them as literals, search where the code has a closed form.  Slow on purpose.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, getcontext
from fractions import Fraction

getcontext().prec = 60
INT32_MIN, INT32_MAX = -(2**31), 2**31 - 1


# --- rounding rules -----------------------------------------------------------------------------------


def wrap32(x: int) -> int:
    """The value of a two's-complement 32-bit register after storing x."""
    x %= 2**32
    return x - 2**32 if x >= 2**31 else x


def saturate(x: int, bits: int) -> int:
    return max(-(2 ** (bits - 1)), min(2 ** (bits - 1) - 1, x))


def high_multiply(a: int, b: int) -> int:
    """a b / 2^31 to nearest, ties towards +infinity."""
    return (2 * a * b + 2**31) // 2**32


def saturating_high_multiply(a: int, b: int) -> int:
    return INT32_MAX if a == b == INT32_MIN else high_multiply(a, b)


def rounding_shift(x: int, exponent: int) -> int:
    """x / 2^exponent to nearest, ties away from zero."""
    magnitude = (2 * abs(x) + 2**exponent) // 2 ** (exponent + 1)
    return -magnitude if x < 0 else magnitude


def requantize(acc: int, multiplier: int, shift: int, rounding: str) -> int:
    if rounding == "double":
        left, right = (shift, 0) if shift > 0 else (0, -shift)
        return rounding_shift(high_multiply(wrap32(acc * 2**left), multiplier), right)
    assert rounding == "single"
    return saturate((2 * acc * multiplier + 2 ** (31 - shift)) // 2 ** (32 - shift), 32)


def rescale(x: int, multiplier: int, shift: int, rounding: str, out_bits: int = 8, offset: int = 0) -> int:
    return saturate(requantize(x, multiplier, shift, rounding) + offset, out_bits)


# --- element-wise operators ---------------------------------------------------------------------------


def multiply(
    a: int, b: int, multiplier: int, shift: int, rounding: str, out_bits: int = 8, offset: int = 0
) -> int:
    return rescale(a * b, multiplier, shift, rounding, out_bits, offset)


def silu(a: int, table: Sequence[int]) -> int:
    return table[a + 128]


def silu_entry(code: int, in_scale: float, out_scale: float) -> int:
    """One table entry from the exact values of both scales: half to even, saturated."""
    x = code * Decimal(in_scale)
    y = x / (1 + (-x).exp()) / Decimal(out_scale)
    return saturate(round(y), 8)


def argmax(row: Sequence[int]) -> int:
    best = 0
    for index, value in enumerate(row):
        if value > row[best]:
            best = index
    return best


# --- linear -------------------------------------------------------------------------------------------


def int4_codes(packed: Sequence[int], count: int) -> list[int]:
    """Two's-complement nibbles, low nibble first."""
    nibbles = [nibble for byte in packed for nibble in (byte % 16, byte // 16)]
    return [n - 16 if n >= 8 else n for n in nibbles[:count]]


def linear(
    a: Sequence[int],
    codes: Sequence[Sequence[int]],
    bias: Sequence[int] | None,
    multiplier: Sequence[int],
    shift: Sequence[int],
    rounding: str,
    out_bits: int,
    offset: int = 0,
) -> list[int]:
    """One input vector to one output vector."""
    out = []
    for n, row in enumerate(codes):
        acc = sum(x * w for x, w in zip(a, row, strict=True)) + (bias[n] if bias is not None else 0)
        out.append(rescale(acc, multiplier[n], shift[n], rounding, out_bits, offset))
    return out


# --- RMSNorm ------------------------------------------------------------------------------------------


def reciprocal_root_seed(index: int) -> int:
    """The largest y with y / 2^14 <= 1 / sqrt(mu) at the middle mu = (index + 32.5) / 128."""
    low, high = 0, 2**16
    while high - low > 1:
        y = (low + high) // 2
        if Fraction(y, 2**14) ** 2 * Fraction(2 * index + 65, 256) <= 1:
            low = y
        else:
            high = y
    return low


SEED = [reciprocal_root_seed(index) for index in range(96)]


def reciprocal_root(m: int) -> int:
    """2^30 / sqrt(m / 2^31), two Newton steps from the seed."""
    y = SEED[m // 2**24 - 32] * 2**16
    for _ in range(2):
        y = y * (3 * 2**30 - m * (y * y // 2**30) // 2**31) // 2**31
    return y


def normalise_even(x: int) -> tuple[int, int]:
    """The only (m, s), s even, with m = floor(x / 2^s) in [2^29, 2^31)."""
    s = -30
    while not 2**29 <= (m := int(Fraction(x) / Fraction(2) ** s)) < 2**31:
        s += 2
    return m, s


def rms_norm(row: Sequence[int], gain: int, eps: int) -> list[int]:
    m, s = normalise_even(sum(h * h for h in row) + eps)
    g = reciprocal_root(m) * gain // 2**30
    exponent = 30 + s // 2
    return [saturate((2 * h * g + 2**exponent) // 2 ** (exponent + 1), 16) for h in row]


# --- attention ----------------------------------------------------------------------------------------


def rope(a: Sequence[int], cos: Sequence[int], sin: Sequence[int]) -> list[int]:
    """One head vector at one position; cos and sin (half as long) are that position's Q1.14 rows."""
    half = len(a) // 2
    out = [0] * len(a)
    for j, (c, s) in enumerate(zip(cos, sin, strict=True)):
        x, y = a[j], a[j + half]
        out[j] = saturate(rounding_shift(x * c - y * s, 14), 8)
        out[j + half] = saturate(rounding_shift(y * c + x * s, 14), 8)
    return out


def angles(coarse: Sequence[int], fine: Sequence[int]) -> tuple[list[int], list[int]]:
    """cos and sin in Q1.14 of one position; rows of half cosines and half sines in Q30."""
    half = len(coarse) // 2
    cos, sin = [], []
    for c, s, e, t in zip(coarse[:half], coarse[half:], fine[:half], fine[half:], strict=True):
        cos.append(saturate((2 * (c * e - s * t) + 2**46) // 2**47, 16))
        sin.append(saturate((2 * (s * e + c * t) + 2**46) // 2**47, 16))
    return cos, sin


def dot(a: Sequence[int], b: Sequence[int]) -> int:
    return sum(x * y for x, y in zip(a, b, strict=True))


def scores(q: Sequence[Sequence[int]], k: Sequence[Sequence[int]], *rule: int | str) -> list[list[int]]:
    return [[rescale(dot(query, key), *rule) for key in k] for query in q]  # type: ignore[arg-type]


def weighted_values(
    probabilities: Sequence[Sequence[int]], v: Sequence[Sequence[int]], *rule: int | str
) -> list[list[int]]:
    columns = list(zip(*v, strict=True))
    return [
        [rescale(dot([p + 32768 for p in row], column), *rule) for column in columns]  # type: ignore[arg-type]
        for row in probabilities
    ]


def q31(x: Decimal) -> int:
    return round(x * 2**31)


EXP_MINUS_EIGHTH = q31(Decimal("-0.125").exp())
EXP_FACTORS = [q31((-(Decimal(2) ** k)).exp()) for k in range(-2, 5)]
ONE_THIRD = q31(1 / Decimal(3))
FORTY_EIGHT_SEVENTEENTHS = 48 * 2**29 // 17  # Q2.29
MINUS_THIRTY_TWO_SEVENTEENTHS = -(32 * 2**29 // 17)


def exp_on_negative(x: int) -> int:
    """exp(x / 2^26) in Q0.31 for x in (-2^31, 0]: a quartic on the quarter, one factor per bit above."""
    if x == 0:
        return INT32_MAX
    quarter = x % 2**24 - 2**24
    multiply_high = saturating_high_multiply
    t = quarter * 32 + 2**28
    t2 = multiply_high(t, t)
    t3 = multiply_high(t2, t)
    t4 = multiply_high(t2, t2)
    tail = rounding_shift(multiply_high(rounding_shift(t4, 2) + t3, ONE_THIRD) + t2, 1)
    result = EXP_MINUS_EIGHTH + multiply_high(t + tail, EXP_MINUS_EIGHTH)
    quarters = (quarter - x) // 2**24
    for bit, factor in enumerate(EXP_FACTORS):
        if quarters // 2**bit % 2:
            result = multiply_high(result, factor)
    return result


def one_over_one_plus(x: int) -> int:
    """1 / (1 + x) for x in [0, 1), Q0.31: three Newton steps in Q2.29."""
    half_denominator = (x + INT32_MAX + 1) // 2
    y = FORTY_EIGHT_SEVENTEENTHS + saturating_high_multiply(half_denominator, MINUS_THIRTY_TWO_SEVENTEENTHS)
    for _ in range(3):
        error = 2**29 - saturating_high_multiply(half_denominator, y)
        y += saturate(4 * saturating_high_multiply(y, error), 32)
    return saturate(2 * y, 32)


def softmax(row: Sequence[int], multiplier: int, shift: int, diff_min: int) -> list[int]:
    top = max(row)
    exponentials: list[int | None] = []
    for value in row:
        diff = value - top
        scaled = saturating_high_multiply(wrap32(diff * 2**shift), multiplier)
        exponentials.append(exp_on_negative(scaled) if diff >= diff_min else None)
    total = sum(rounding_shift(e, 12) for e in exponentials if e is not None)
    headroom = 32 - total.bit_length()
    scale = one_over_one_plus(wrap32(total * 2**headroom - 2**31))
    return [
        -32768
        if e is None
        else saturate(rounding_shift(saturating_high_multiply(e, scale), 27 - headroom) - 32768, 16)
        for e in exponentials
    ]


# --- input --------------------------------------------------------------------------------------------


def row_in_state_units(codes: Sequence[int], multiplier: int, shift: int, rounding: str) -> list[int]:
    return [requantize(code, multiplier, shift, rounding) for code in codes]


def embed(
    tokens: Sequence[int],
    token_rows: Sequence[Sequence[int]],
    puzzle_row: Sequence[int] | None,
    position_rows: Sequence[Sequence[int]] | None,
    prefix: int,
) -> list[list[int]]:
    """One puzzle; every row is already in state units."""
    width = len(token_rows[0])
    x = [list(token_rows[token]) for token in tokens]
    if puzzle_row is not None:
        flat = list(puzzle_row) + [0] * (prefix * width - len(puzzle_row))
        x = [flat[i * width : (i + 1) * width] for i in range(prefix)] + x
    if position_rows is not None:
        x = [
            [a + b for a, b in zip(row, extra, strict=True)]
            for row, extra in zip(x, position_rows, strict=True)
        ]
    return x
