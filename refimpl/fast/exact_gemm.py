"""Integer matrix products: by the host's integer dot products, else carried by float32 BLAS under a bound.

The only module of the integer zone that may use a float.  Where :mod:`refimpl.fast.int8_product` has an
engine, linears use it.  Otherwise: a float32 holds every integer up to 2^24; as long as the sum of absolute
products of one output stays below that, every partial sum in any order, with or without fused multiply-add,
is an integer that float32 represents, so the result is exact.  Long inner dimensions are cut into chunks that
satisfy the bound; where that would need too many chunks, a plain integer loop computes the same numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from refimpl.fast.int8_product import Packed, Scratch, engine
from refimpl.fast.rescale import rescale_columns
from refimpl.fast.scalar import njit
from refimpl.fixedpoint import Int64s, Ints
from refimpl.ops.rescale import OUT_DTYPES
from refimpl.params import Int8s, Int32s, Linear

EXACT_LIMIT = 2**24
EXACT_LIMIT_DOUBLE = 2**53
ACTIVATION_MAX = 128  # |int8|
MAX_CHUNKS = 8
TILE_ROWS = 512  # rows of activations at a time, which bounds the scratch memory
TILE_SUMS, TILE_ROWS_LEAST = 2**18, 32  # a megabyte of sums, a common size of second-level caches

Float32s = npt.NDArray[np.float32]


@dataclass(frozen=True)
class PreparedWeights:
    """The codes as the host multiplies them: packed for an engine, or as float32.

    ``parts``: copies (K_i, N) of consecutive column ranges; empty without an engine: use the loop.
    """

    packed: Packed | None
    ranges: tuple[tuple[int, int], ...] = ()
    parts: tuple[Float32s, ...] = ()


_prepared: WeakKeyDictionary[Linear, PreparedWeights] = WeakKeyDictionary()


def chunk_ranges(codes: Int8s, activation_max: int = ACTIVATION_MAX) -> tuple[tuple[int, int], ...]:
    """Cut K into the fewest equal-as-possible ranges whose row sums ``|w| * activation_max`` stay exact.

    Returns () when more than MAX_CHUNKS would be needed.
    """
    magnitude = np.abs(codes.astype(np.int64)) * activation_max
    inner = codes.shape[1]
    for count in range(1, MAX_CHUNKS + 1):
        edges = [inner * i // count for i in range(count + 1)]
        ranges = tuple(pairwise(edges))
        if all(int(magnitude[:, a:b].sum(axis=1).max(initial=0)) < EXACT_LIMIT for a, b in ranges):
            return ranges
    return ()


def prepare(p: Linear) -> PreparedWeights:
    """Return ``p``'s codes as the host multiplies them, made on first use and kept as long as ``p`` lives."""
    prepared = _prepared.get(p)
    if prepared is None:
        chosen = engine()
        prepared = as_floats(p.codes) if chosen is None else PreparedWeights(chosen.pack(p.codes[None]))
        _prepared[p] = prepared
    return prepared


def as_floats(codes: Int8s) -> PreparedWeights:
    """Codes (N, K) for float32 BLAS, in as few parts as the bound allows."""
    ranges = chunk_ranges(codes)
    parts = tuple(np.ascontiguousarray(codes[:, a:b].T, np.float32) for a, b in ranges)
    return PreparedWeights(None, ranges, parts)


@njit
def _integer_loop(a: Int8s, codes: Int8s, out: Int32s) -> None:
    rows, inner = a.shape
    for r in range(rows):
        for n in range(codes.shape[0]):
            total = np.int64(0)
            for k in range(inner):
                total += np.int64(a[r, k]) * np.int64(codes[n, k])
            out[r, n] = total


def linear_accumulate(a: Int8s, p: Linear) -> Int32s:
    """``a @ codes.T`` for a (M, K) int8 -> (M, N) int32."""
    prepared = prepare(p)
    if prepared.packed is not None:
        return prepared.packed.sums(a[None])[0, : len(a), : len(p.codes)] - prepared.packed.surplus
    if not prepared.parts:
        out = np.empty((a.shape[0], p.codes.shape[0]), np.int32)
        _integer_loop(np.ascontiguousarray(a), p.codes, out)
        return out
    wide = a.astype(np.float32)
    (first, *rest) = zip(prepared.ranges, prepared.parts, strict=True)
    (start, stop), part = first
    acc = (wide[:, start:stop] @ part).astype(np.int32)
    for (start, stop), part in rest:
        acc += (wide[:, start:stop] @ part).astype(np.int32)
    return acc


_inputs, _products = Scratch(), Scratch()


def linear_rescaled(a: Int8s, p: Linear) -> Ints:
    """:func:`linear_accumulate`, then bias and rescaling to the output type of ``p``: (M, K) -> (M, N).

    Rows go in tiles whose sums stay in the cache.  Where one chunk suffices, the rescaling kernel reads
    BLAS's float32 integers as they are.
    """
    rules = (p.multiplier, p.shift, p.rounding, p.out_bits, p.output_offset)
    prepared = prepare(p)
    parts, packed = prepared.parts, prepared.packed
    if packed is None and len(parts) != 1:
        return rescale_columns(linear_accumulate(a, p), p.bias, *rules)
    rows, columns = len(a), len(p.codes)
    out = np.empty((rows, columns), OUT_DTYPES[p.out_bits])
    if packed is not None:
        bias = -packed.surplus if p.bias is None else p.bias - packed.surplus
        step = rows_at_once(columns)
        for start in range(0, rows, step):
            cut = np.s_[None, start : start + step]
            rescale_columns(packed.sums(a[cut]), bias, *rules, out=out[cut])
        return out
    for start in range(0, rows, TILE_ROWS):
        tile = a[start : start + TILE_ROWS]
        wide = _inputs.take(4 * tile.size).view(np.float32).reshape(tile.shape)
        np.copyto(wide, tile)
        room = _products.take(4 * len(tile) * columns).view(np.float32).reshape(-1, columns)
        product = np.matmul(wide, parts[0], out=room)
        rescale_columns(product, p.bias, *rules, out=out[start : start + TILE_ROWS])
    return out


def exact_product(values: Ints, weights: Ints, weight_sum: int) -> Int64s:
    """``values @ weights.T`` in int64: float32 or float64 BLAS where the bound allows, else integers.

    values (M, K), weights (N, K); ``weight_sum``: largest row sum of absolute weights.  A float64 holds
    every integer up to 2^53, so the argument for float32 above carries over.
    """
    bound = magnitude(values) * weight_sum
    if bound >= EXACT_LIMIT_DOUBLE:
        return np.matmul(values.astype(np.int64), weights.T.astype(np.int64))
    kind = np.float32 if bound < EXACT_LIMIT else np.float64
    return np.asarray((values.astype(kind) @ weights.T.astype(kind)).astype(np.int64))


def rows_at_once(columns: int) -> int:
    """Rows of int32 sums that stay in the cache."""
    return max(TILE_ROWS_LEAST, TILE_SUMS // columns)


def magnitude(values: Ints) -> int:
    """Largest absolute value as a Python integer: |-128| is 128, where ``np.abs`` of an int8 leaves -128."""
    return max(int(values.max(initial=0)), -int(values.min(initial=0)))


def batched_product(a: Ints, b: Ints) -> Int32s:
    """``a @ b`` over leading dimensions, wrapping at 32 bits; float32 BLAS where their bound allows.

    The bound: the largest row sum of ``|a|`` times the largest ``|b|``.
    """
    if int(np.abs(a.astype(np.int64)).sum(axis=-1).max(initial=0)) * magnitude(b) >= EXACT_LIMIT:
        return np.matmul(a.astype(np.int32), b.astype(np.int32))
    return np.matmul(a.astype(np.float32), b.astype(np.float32)).astype(np.int32)
