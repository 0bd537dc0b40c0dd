"""What an operator's parameters must be: one sentence a rule, asked wherever parameters come from outside.

The vectors' contract asks these rules for every request, the image loader for every leaf; the C port holds
the same rules in its ``*_valid`` functions.  Every function returns what is wrong, or None.
"""

from __future__ import annotations

from math import isqrt
from typing import Any

import numpy as np

from refimpl.block_params import EXPONENT_SPAN, Factors
from refimpl.fixedpoint import SHIFT_MAX, SHIFT_MIN

MAX_NORM_SIZE = 1023
MAX_SOFTMAX_KEYS = 4095
WIDE_SHIFT_MAX = 14


def of_rescale(multiplier: Any, shift: Any) -> str | None:
    """OP-REQUANTIZE: multipliers 0 or in [2^30, 2^31), shifts in -31..30."""
    multiplier, shift = np.asarray(multiplier, np.int64), np.asarray(shift, np.int64)
    if ((multiplier != 0) & (multiplier < 2**30)).any():
        return "a multiplier is neither 0 nor in [2^30, 2^31)"
    if ((shift < SHIFT_MIN) | (shift > SHIFT_MAX)).any():
        return f"a shift lies outside {SHIFT_MIN}..{SHIFT_MAX}"
    return None


def of_wide_rescale(multiplier: Any, shift: Any) -> str | None:
    """OP-BLOCK-LINEAR: as :func:`of_rescale`, shifts up to 14."""
    if (np.asarray(shift) > WIDE_SHIFT_MAX).any():
        return f"a shift lies beyond {WIDE_SHIFT_MAX}"
    return of_rescale(multiplier, shift)


def of_blocks(k: int, block: int, blocks: int, factors: Factors, block_scale: Any) -> str | None:
    """OP-BLOCK-LINEAR: block factors of rows of ``k``; ``block_scale`` is not None."""
    if block < 1 or blocks != -(-k // block):
        return "the number of blocks is not that of the row"
    if factors == "exponent" and (block_scale > EXPONENT_SPAN).any():
        return f"an exponent lies beyond {EXPONENT_SPAN}"
    if factors != "exponent" and (block_scale == 0).any():
        return "a group has scale 0"
    return None


def of_norm(size: int, gain: int, eps: int) -> str | None:
    """OP-RMS-NORM: rows whose values stay in Q5.10."""
    if size > MAX_NORM_SIZE:
        return f"a row of {size} values can outgrow Q5.10; {MAX_NORM_SIZE} is the limit"
    if eps < 1 or gain < 1:
        return "eps and gain must be at least 1"
    return None


def of_softmax(keys: int, multiplier: int, shift: int, diff_min: int) -> str | None:
    """OP-SOFTMAX: rows of at most 4,095 keys; an input scale that only shifts left."""
    if keys > MAX_SOFTMAX_KEYS:
        return f"{keys} keys; the sum has room for {MAX_SOFTMAX_KEYS}"
    if not 0 <= shift <= 31 or multiplier < 2**30 or diff_min > 0:
        return "the input scale is no multiplier with a left shift of 0..31, or diff_min is positive"
    return None


def gain_of(size: int) -> int:
    """The gain of a norm in a model: sqrt(size / 2) * 2^25 to nearest, as an integer."""
    root = isqrt(size << 49)
    return root + ((size << 49) - root * root > root)
