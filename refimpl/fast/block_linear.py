"""Twin of :mod:`refimpl.ops.block_linear`."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from refimpl.block_params import BlockLinear
from refimpl.fast.exact_gemm import exact_product
from refimpl.fast.online import mx_codes, token_codes
from refimpl.fast.scalar import inline, njit
from refimpl.fixedpoint import Int64s, Ints
from refimpl.ops.block_linear import LEFT_SHIFT_MAX, REDUCED_MAX, weight_values
from refimpl.ops.rescale import OUT_DTYPES
from refimpl.params import Int32s

_weights: WeakKeyDictionary[BlockLinear, tuple[Int64s, int]] = WeakKeyDictionary()


def prepared(p: BlockLinear) -> tuple[Int64s, int]:
    """Aligned weights and their largest absolute row sum, made on first use."""
    if p not in _weights:
        values = weight_values(p)
        _weights[p] = values, int(np.abs(values).sum(axis=1).max(initial=0))
    return _weights[p]


@inline
def _requantize_wide(acc: Any, multiplier: Any, shift: Any, reduced_max: int, left_max: int) -> Any:
    reduced = min((multiplier + 32768) >> 16, reduced_max)
    right = 14 - shift
    if right >= 0:
        return (((acc * reduced) >> min(right, 62)) + 1) >> 1
    wide = (min(max(acc, -2147483648), 2147483647) * reduced) << min(-right, left_max)
    return (wide + 1) >> 1


@njit
def _finish(acc: Int64s, multiplier: Int32s, shift: Int32s, bias: Int32s, token: Int64s, token_shift: Int64s,
            per_token: bool, reduced_max: int, left_max: int, low: int, high: int,
            out: Ints) -> None:  # fmt: skip
    rows, columns = acc.shape
    for r in range(rows):
        for c in range(columns):
            m, s = np.int64(multiplier[c]), np.int64(shift[c]) + token_shift[r]
            if per_token:
                product = token[r] * m
                if product >= 1 << 61:
                    m = (product + (1 << 30)) >> 31
                else:
                    m = (product + (1 << 29)) >> 30
                    s -= 1
            y = _requantize_wide(acc[r, c], m, s, reduced_max, left_max) + np.int64(bias[c])
            out[r, c] = min(max(y, low), high)


def block_linear(a: Ints, p: BlockLinear) -> Ints:
    """``clamp(requantize_wide(values @ weights.T) + bias)``."""
    flat = np.ascontiguousarray(a).reshape(-1, a.shape[-1])
    token = token_shift = np.zeros(len(flat), np.int64)
    values: Ints = flat
    if p.activations == "token":
        values, token, token_shift = token_codes(flat)
    elif p.activations == "mx":
        values, token_shift = mx_codes(flat)
    weights, weight_sum = prepared(p)
    acc = exact_product(values, weights, weight_sum)
    bias = np.zeros(acc.shape[1], np.int32) if p.bias is None else p.bias
    out = np.empty(acc.shape, OUT_DTYPES[p.out_bits])
    high = 2 ** (p.out_bits - 1) - 1
    _finish(acc, p.multiplier, p.shift, bias, token, token_shift, p.activations == "token", REDUCED_MAX,
            LEFT_SHIFT_MAX, -high - 1, high, out)  # fmt: skip
    return out.reshape(*a.shape[:-1], len(p.codes))
