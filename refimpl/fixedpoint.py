"""Every rounding rule of the integer zone, on NumPy arrays.  Spec: section 2.

Values are held in int64 here so that nothing wraps by accident; where the specified machine has a
32-bit register the wrap is written out (:func:`wrap32`).
"""

from __future__ import annotations

from math import isqrt
from typing import Literal

import numpy as np
import numpy.typing as npt

Rounding = Literal["double", "single"]
Ints = npt.NDArray[np.integer]
Int64s = npt.NDArray[np.int64]

ROUNDINGS: tuple[Rounding, Rounding] = ("double", "single")
STATE_FRAC_BITS = 10  # Q5.10: the carry, x, and every sum that meets the carry
LOGIT_FRAC_BITS = 12  # the common scale of all logits and of both q values
ROPE_FRAC_BITS = 14  # Q1.14, so that cos 0 = 1 is exact
SHIFT_MIN, SHIFT_MAX = -31, 30


def wrap32(x: Int64s) -> Int64s:
    """Reduce to the signed 32-bit value a C ``int32_t`` register would hold."""
    return (x + 2**31 & 0xFFFFFFFF) - 2**31


def high_multiply(a: Ints, b: Ints | int) -> Int64s:
    """``(a * b + 2^30) >> 31``: rounding doubling high multiply, ties up (towards +infinity).

    ``a`` int32, ``b`` int32; not both INT32_MIN.  CMSIS-NN: arm_nn_doubling_high_mult_no_sat.
    """
    return np.asarray(a, np.int64) * np.asarray(b, np.int64) + 2**30 >> 31


def saturating_high_multiply(a: Ints, b: Ints | int) -> Int64s:
    """:func:`high_multiply` with INT32_MIN * INT32_MIN -> INT32_MAX (gemmlowp SRDHM)."""
    return np.minimum(high_multiply(a, b), 2**31 - 1)


def rounding_shift(x: Ints, exponent: Ints | int) -> Int64s:
    """``x / 2^exponent`` rounded to nearest, ties away from zero; ``exponent`` in 0..31.

    gemmlowp RoundingDivideByPOT, CMSIS-NN arm_nn_divide_by_power_of_two.
    """
    x = np.asarray(x, np.int64)
    exponent = np.asarray(exponent, np.int64)
    mask = (np.int64(1) << exponent) - 1
    threshold = (mask >> 1) + (x < 0)
    return (x >> exponent) + ((x & mask) > threshold)


def requantize(acc: Ints, multiplier: Ints | int, shift: Ints | int, rounding: Rounding) -> Int64s:
    """Scale an int32 accumulator by ``multiplier * 2^(shift - 31)``.

    Parameters
    ----------
    acc : int32 values.
    multiplier : Q0.31, 0 or in [2^30, 2^31), broadcast against ``acc``.
    shift : -31..30, positive to the left.
    rounding : ``"double"``: left shift (wraps at 32 bits), :func:`high_multiply`, then
        :func:`rounding_shift`; TFLite Micro, CMSIS-NN and TOSA agree on it.  ``"single"``: the
        64-bit product rounded once, ties up, saturated to 32 bits (LiteRT and CMSIS-NN built with
        single rounding; theirs is not defined where this one saturates).

    Returns
    -------
    int64 array holding int32 values, not yet clamped to the output type.
    """
    acc = np.asarray(acc, np.int64)
    multiplier = np.asarray(multiplier, np.int64)
    shift = np.asarray(shift, np.int64)
    if rounding == "double":
        left = np.maximum(shift, 0)
        right = np.maximum(-shift, 0)
        return rounding_shift(high_multiply(wrap32(acc << left), multiplier), right)
    return clamp((acc * multiplier >> 30 - shift) + 1 >> 1, 32)


def clamp(x: Ints, bits: int) -> Int64s:
    """Saturate to a signed ``bits``-bit integer."""
    return np.clip(x, -(2 ** (bits - 1)), 2 ** (bits - 1) - 1).astype(np.int64)


# 1/sqrt(mu) in Q1.14 at the middle of each of the 96 intervals of mu in [1/4, 1): entry i covers
# mu = (i + 32 .. i + 33) / 128.  Integer arithmetic only: isqrt(2^28 * 256 / (2 i + 65)).
RECIPROCAL_ROOT_SEED = np.array([isqrt(2**28 * 256 // (2 * i + 65)) for i in range(96)], np.int64)


def normalise_even(x: Int64s) -> tuple[Int64s, Int64s]:
    """Return (m, s), s even, with ``m = floor(x / 2^s)`` in [2^29, 2^31) for int64 ``x > 0``.

    ``s`` may be negative (then ``m = x * 2^-s`` exactly).
    """
    x = np.asarray(x, np.int64)
    length = np.zeros_like(x)
    rest = x.copy()
    for step in (32, 16, 8, 4, 2, 1):
        high = rest >> step
        length += np.where(high > 0, step, 0)
        rest = np.where(high > 0, high, rest)
    s = length - 29 & ~np.int64(1)  # bit length - 1 is 29 or 30 after the shift
    return np.where(s >= 0, x >> np.maximum(s, 0), x << np.maximum(-s, 0)), s


def reciprocal_root(m: Int64s) -> Int64s:
    """``2^30 / sqrt(m / 2^31)`` for m in [2^29, 2^31): Q1.30, table and two Newton steps.

    Relative error below 2^-26; it peaks at the ends of the 96 table intervals (tests/test_fixedpoint.py).
    """
    m = np.asarray(m, np.int64)
    y = RECIPROCAL_ROOT_SEED[(m >> 24) - 32] << 16
    for _ in range(2):
        square = y * y >> 30
        y = y * (3 * 2**30 - (m * square >> 31)) >> 31
    return y
