"""Twin of :mod:`refimpl.ops.multiply`."""

from __future__ import annotations

import numpy as np

from refimpl.block_params import Keep
from refimpl.fast.scalar import njit, requantize_double, requantize_single
from refimpl.fixedpoint import Ints
from refimpl.ops.rescale import OUT_DTYPES
from refimpl.params import Int8s, Rescale


@njit
def _multiply(a: Int8s, b: Int8s, multiplier: int, shift: int, single: bool, offset: int, low: int, high: int,
              out: Ints) -> None:  # fmt: skip
    if single:
        for i in range(a.size):
            y = requantize_single(np.int64(a[i]) * np.int64(b[i]), multiplier, shift)
            out[i] = min(max(y + offset, low), high)
    else:
        for i in range(a.size):
            y = requantize_double(np.int64(a[i]) * np.int64(b[i]), multiplier, shift)
            out[i] = min(max(y + offset, low), high)


def multiply(a: Int8s, b: Int8s, p: Rescale | Keep) -> Ints:
    """``rescale(a * b)`` to the output type of ``p``; the bare product for :class:`Keep`."""
    if isinstance(p, Keep):
        return a.astype(np.int32) * b.astype(np.int32)
    flat_a, flat_b = (np.ascontiguousarray(x).reshape(-1) for x in (a, b))
    out = np.empty(flat_a.size, OUT_DTYPES[p.out_bits])
    high = 2 ** (p.out_bits - 1) - 1
    single = p.rounding == "single"
    _multiply(flat_a, flat_b, p.multiplier, p.shift, single, p.output_offset, -high - 1, high, out)
    return out.reshape(a.shape)
