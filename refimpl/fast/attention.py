"""Twin of :mod:`refimpl.ops.attention`."""

from __future__ import annotations

import numpy as np

from refimpl.block_params import Keep
from refimpl.fast.exact_gemm import batched_product
from refimpl.fast.int8_product import Engine, engine, place
from refimpl.fast.rescale import rescale
from refimpl.fixedpoint import Ints
from refimpl.ops.attention import PROBABILITY_ZERO_POINT
from refimpl.ops.rescale import OUT_DTYPES
from refimpl.params import Int8s, Int16s, Int32s, Rescale

TILE_SUMS = 2**18  # of heads multiplied together


def scores(q: Int8s, k: Int8s, p: Rescale) -> Ints:
    """``rescale(q @ k^T)``."""
    chosen = engine()
    if chosen is None:
        return rescale(batched_product(q, k.swapaxes(-1, -2)), p)
    rows, keys = q.shape[-2], k.shape[-2]
    out = np.empty((*q.shape[:-1], keys), OUT_DTYPES[p.out_bits])
    queries, against, into = (v.reshape(-1, *v.shape[-2:]) for v in (q, k, out))
    everywhere = np.full(keys, p.multiplier, np.int32), np.full(keys, p.shift, np.int32)
    for group in _groups(len(queries), rows, keys):
        packed = chosen.pack(against[group])
        factors = packed.factors(None, *everywhere, p.rounding, p.out_bits, p.output_offset)
        packed.multiply(queries[group], factors, into[group])
    return out


def _groups(count: int, rows: int, columns: int) -> list[slice]:
    """Heads whose products (rows, columns) stay in the cache together."""
    together = max(1, TILE_SUMS // columns // rows)
    return [slice(start, start + together) for start in range(0, count, together)]


def weighted_values(probabilities: Int16s, v: Int8s, p: Rescale | Keep) -> Ints:
    """``rescale((probabilities + 32768) @ v)``; the sums wrap at 32 bits, as those of :mod:`refimpl.ops`."""
    chosen = engine()
    if chosen is not None:
        return rescale(_by_bytes(chosen, probabilities, v), p)
    weights = probabilities.astype(np.int32) - PROBABILITY_ZERO_POINT
    return rescale(batched_product(weights, v), p)


def _by_bytes(chosen: Engine, probabilities: Int16s, v: Int8s) -> Int32s:
    """``(probabilities + 32768) @ v``: a code is 256 high + low + 128, and each byte is an int8 product."""
    rows, columns = probabilities.shape[-2], v.shape[-1]
    out = np.empty((*probabilities.shape[:-1], columns), np.int32)
    weights = probabilities.reshape(-1, *probabilities.shape[-2:])
    values, into = v.reshape(-1, *v.shape[-2:]), out.reshape(-1, rows, columns)
    for group in _groups(len(into), rows, v.shape[-2]):
        packed = chosen.pack(values[group].swapaxes(-1, -2))
        into[group] = ((128 - PROBABILITY_ZERO_POINT) * packed.row_sums)[:, None]
        padded, part, whole = packed.room(rows), np.empty_like(into[group]), packed.as_they_are()
        for high, flip, factor in ((True, 0, 256), (False, 128, 1)):
            place(weights[group], high, flip ^ chosen.offset, padded)
            packed.multiply_placed(padded, whole, part)
            part *= factor
            into[group] += part
    return out
