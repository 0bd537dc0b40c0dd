"""The two activation-by-activation products of attention.  Spec: OP-SCORES, OP-WEIGHTED-VALUES."""

from __future__ import annotations

import numpy as np

from refimpl.block_params import Keep
from refimpl.fixedpoint import Ints
from refimpl.ops.rescale import rescale
from refimpl.params import Int8s, Int16s, Rescale

PROBABILITY_ZERO_POINT = -32768


def scores(q: Int8s, k: Int8s, p: Rescale) -> Ints:
    """``rescale(q @ k^T)``: (B, h, T, d) twice -> (B, h, T, T) int8; 1/sqrt(d) is in ``p``."""
    acc = q.astype(np.int32) @ k.astype(np.int32).swapaxes(-1, -2)
    return rescale(acc, p)


def weighted_values(probabilities: Int16s, v: Int8s, p: Rescale | Keep) -> Ints:
    """``rescale((probabilities + 32768) @ v)``: -> (B, h, T, d) int8.

    A row of ``probabilities + 32768`` sums to at most 65,536 + T, so int32 holds the accumulator.
    """
    weights = probabilities.astype(np.int32) - PROBABILITY_ZERO_POINT
    acc = weights @ v.astype(np.int32)
    return rescale(acc, p)
