"""Twin of :mod:`refimpl.ops.linear`."""

from __future__ import annotations

import numpy as np

from refimpl.fast.exact_gemm import linear_accumulate
from refimpl.fast.rescale import rescale_columns
from refimpl.fixedpoint import Ints
from refimpl.params import Int8s, Linear


def linear(a: Int8s, p: Linear) -> Ints:
    """``clamp(requantize(a @ codes.T + bias, multiplier, shift) + output_offset)``."""
    acc = linear_accumulate(a.reshape(-1, a.shape[-1]), p)
    bias = np.zeros(acc.shape[1], np.int32) if p.bias is None else p.bias
    y = rescale_columns(acc, bias, p.multiplier, p.shift, p.rounding, p.out_bits, p.output_offset)
    return y.reshape(*a.shape[:-1], y.shape[-1])
