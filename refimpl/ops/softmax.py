"""Softmax, int8 scores to int16 probabilities.  Spec: OP-SOFTMAX.  CMSIS-NN: arm_softmax_s8_s16.

gemmlowp's fixed-point exponential and reciprocal, constants and all; the row sum has 12 integer bits.
"""

from __future__ import annotations

import numpy as np

from refimpl.fixedpoint import Int64s, clamp, rounding_shift, wrap32
from refimpl.fixedpoint import saturating_high_multiply as multiply_high
from refimpl.params import Int8s, Int16s, Softmax

SUM_INTEGER_BITS = 12
Q31_MAX = 2**31 - 1
# exp(-2^k) in Q0.31 for k = -2 .. 4: one factor for each bit of the exponent above the quarter.
EXP_FACTORS = (1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242)


def exp_on_negative(x: Int64s) -> Int64s:
    """exp of a Q5.26 value in (-32, 0] -> Q0.31."""
    quarter = (x & (1 << 24) - 1) - (1 << 24)  # in [-1/4, 0)
    remainder = quarter - x
    t = (quarter << 5) + (1 << 28)  # centred: Q0.31 in [-1/8, 1/8)
    t2 = multiply_high(t, t)
    t3 = multiply_high(t2, t)
    t4 = multiply_high(t2, t2)
    inner = rounding_shift(multiply_high(rounding_shift(t4, 2) + t3, 715827883) + t2, 1)
    result = 1895147668 + multiply_high(t + inner, 1895147668)  # exp(-1/8) in Q0.31
    for bit, factor in enumerate(EXP_FACTORS):
        result = np.where(remainder & 1 << 24 + bit, multiply_high(result, factor), result)
    return np.where(x == 0, Q31_MAX, result)


def one_over_one_plus(x: Int64s) -> Int64s:
    """1 / (1 + x) for x in [0, 1), Q0.31 in and out: three Newton steps, saturating doublings."""
    total = x + Q31_MAX
    half_denominator = total + 1 >> 1
    y = 1515870810 + multiply_high(half_denominator, -1010580540)
    for _ in range(3):
        y = y + clamp(multiply_high(y, (1 << 29) - multiply_high(half_denominator, y)) << 2, 32)
    return clamp(y << 1, 32)


def leading_zeros(x: Int64s) -> Int64s:
    """CLZ of a positive 32-bit value."""
    count = np.full_like(x, 31)
    for step in (16, 8, 4, 2, 1):
        high = x >> step
        count -= np.where(high > 0, step, 0)
        x = np.where(high > 0, high, x)
    return count


def softmax(a: Int8s, p: Softmax) -> Int16s:
    """Row-wise softmax over the last axis; output ``probability * 65536 - 32768``, saturated.

    Differences to the row maximum below ``p.diff_min`` contribute nothing and give -32768.
    """
    wide = a.astype(np.int64)
    diff = wide - wide.max(axis=-1, keepdims=True)
    counted = diff >= p.diff_min
    scaled = multiply_high(wrap32(np.where(counted, diff, 0) << p.shift), p.multiplier)
    e = np.where(counted, exp_on_negative(scaled), 0)
    total = np.sum(np.where(counted, rounding_shift(e, SUM_INTEGER_BITS), 0), axis=-1, keepdims=True)
    headroom = leading_zeros(total)
    scale = one_over_one_plus(wrap32((total << headroom) - 2**31))
    bits = SUM_INTEGER_BITS - headroom + 15
    probability = rounding_shift(multiply_high(e, scale), bits) - 32768
    return np.where(counted, clamp(probability, 16), -32768).astype(np.int16)
