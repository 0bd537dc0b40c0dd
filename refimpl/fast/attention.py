"""Twin of :mod:`refimpl.ops.attention`."""

from __future__ import annotations

import numpy as np

from refimpl.block_params import Keep
from refimpl.fast.exact_gemm import batched_product, rows_at_once
from refimpl.fast.int8_product import Bytes, Engine, engine
from refimpl.fast.rescale import rescale, rescale_columns
from refimpl.fast.scalar import njit
from refimpl.fixedpoint import Ints
from refimpl.ops.attention import PROBABILITY_ZERO_POINT
from refimpl.ops.rescale import OUT_DTYPES
from refimpl.params import Int8s, Int16s, Int32s, Rescale


def scores(q: Int8s, k: Int8s, p: Rescale) -> Ints:
    """``rescale(q @ k^T)``."""
    chosen = engine()
    if chosen is None:
        return rescale(batched_product(q, k.swapaxes(-1, -2)), p)
    keys = k.shape[-2]
    out = np.empty((*q.shape[:-1], keys), OUT_DTYPES[p.out_bits])
    step = rows_at_once(keys)
    everywhere = np.full(keys, p.multiplier, np.int32), np.full(keys, p.shift, np.int32)
    for group in np.ndindex(q.shape[:-2]):
        packed = chosen.pack(k[group])
        for start in range(0, q.shape[-2], step):
            rows = slice(start, start + step)
            rescale_columns(packed.sums(q[group][rows]), -packed.surplus, *everywhere, p.rounding, p.out_bits,
                            p.output_offset, out=out[group][rows])  # fmt: skip
    return out


def weighted_values(probabilities: Int16s, v: Int8s, p: Rescale | Keep) -> Ints:
    """``rescale((probabilities + 32768) @ v)``; the sums wrap at 32 bits, as those of :mod:`refimpl.ops`."""
    chosen = engine()
    if chosen is not None:
        return rescale(_by_bytes(chosen, probabilities, v), p)
    weights = probabilities.astype(np.int32) - PROBABILITY_ZERO_POINT
    return rescale(batched_product(weights, v), p)


@njit
def _high_bytes(values: Int16s, offset: int, out: Bytes) -> None:
    for r in range(values.shape[0]):
        for c in range(values.shape[1]):
            out[r, c] = np.uint8((values[r, c] >> 8) ^ offset)


@njit
def _low_bytes(values: Int16s, offset: int, out: Bytes) -> None:
    for r in range(values.shape[0]):
        for c in range(values.shape[1]):
            out[r, c] = np.uint8(values[r, c] ^ 128 ^ offset)


def _by_bytes(chosen: Engine, probabilities: Int16s, v: Int8s) -> Int32s:
    """``(probabilities + 32768) @ v``: a code is 256 high + low + 128, and each byte is an int8 product."""
    out = np.empty((*probabilities.shape[:-1], v.shape[-1]), np.int32)
    rows = probabilities.shape[-2]
    for group in np.ndindex(v.shape[:-2]):
        packed = chosen.pack(v[group].T)
        padded = packed.room(rows)
        _high_bytes(probabilities[group], chosen.offset, padded)
        columns = v.shape[-1]
        np.multiply(packed.sums_of(padded)[:rows, :columns], 256, out=out[group])
        _low_bytes(probabilities[group], chosen.offset, padded)
        out[group] += packed.sums_of(padded)[:rows, :columns]
        out[group] += (128 - PROBABILITY_ZERO_POINT) * packed.row_sums - 257 * packed.surplus
    return out
