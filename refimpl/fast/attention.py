"""Twin of :mod:`refimpl.ops.attention`."""

from __future__ import annotations

import numpy as np

from refimpl.block_params import Keep
from refimpl.fast.exact_gemm import batched_product
from refimpl.fast.rescale import rescale
from refimpl.fixedpoint import Ints
from refimpl.ops.attention import PROBABILITY_ZERO_POINT
from refimpl.params import Int8s, Int16s, Rescale


def scores(q: Int8s, k: Int8s, p: Rescale) -> Ints:
    """``rescale(q @ k^T)``; the bound is d * 128^2."""
    return rescale(batched_product(q, k.swapaxes(-1, -2), q.shape[-1] * 128 * 128), p)


def weighted_values(probabilities: Int16s, v: Int8s, p: Rescale | Keep) -> Ints:
    """``rescale((probabilities + 32768) @ v)``; a row of weights sums to at most 65,536 + T."""
    weights = probabilities.astype(np.int32) - PROBABILITY_ZERO_POINT
    return rescale(batched_product(weights, v, (65536 + v.shape[-2]) * 128), p)
