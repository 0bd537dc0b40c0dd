"""Integer matrix products: by the host's integer dot products, else carried by float32 BLAS under a bound.

The only module of the integer zone that may use a float.  Where :mod:`refimpl.fast.int8_product` has an
engine, linears use it.  Otherwise: a float32 holds every integer up to 2^24; as long as the sum of absolute
products of one output stays below that, every partial sum in any order, with or without fused multiply-add,
is an integer that float32 represents, so the result is exact.  Long inner dimensions are cut into chunks that
satisfy the bound; where that would need too many chunks, NumPy multiplies integers.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from refimpl.fast.int8_product import Packed, engine
from refimpl.fast.rescale import rescale_columns
from refimpl.fast.rescale_lanes import Factors
from refimpl.fixedpoint import Int64s, Ints, Rounding
from refimpl.ops.rescale import OUT_DTYPES
from refimpl.params import Int8s, Int32s, Linear

EXACT_LIMIT = 2**24
EXACT_LIMIT_DOUBLE = 2**53
ACTIVATION_MAX = 128  # |int8|
MAX_CHUNKS = 8

Float32s = npt.NDArray[np.float32]


@dataclass(frozen=True)
class PreparedWeights:
    """The codes as the host multiplies them: packed for an engine, with factors, or as float32.

    ``parts``: copies (K_i, N) of consecutive column ranges; none and no engine: as integers.
    """

    packed: tuple[Packed, Factors] | None
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
        if chosen is None:
            prepared = as_floats(p.codes)
        else:
            packed = chosen.pack(p.codes[None])
            prepared = PreparedWeights((packed, packed.factors(*_rule(p))))
        _prepared[p] = prepared
    return prepared


def _rule(p: Linear) -> tuple[Int32s | None, Int32s, Int32s, Rounding, int, int]:
    return p.bias, p.multiplier, p.shift, p.rounding, p.out_bits, p.output_offset


def as_floats(codes: Int8s) -> PreparedWeights:
    """Codes (N, K) for float32 BLAS, in as few parts as the bound allows."""
    ranges = chunk_ranges(codes)
    parts = tuple(np.ascontiguousarray(codes[:, a:b].T, np.float32) for a, b in ranges)
    return PreparedWeights(None, ranges, parts)


def linear_accumulate(a: Int8s, p: Linear) -> Int32s:
    """``a @ codes.T`` for a (M, K) int8 -> (M, N) int32."""
    prepared, out = prepare(p), np.zeros((len(a), len(p.codes)), np.int32)
    if prepared.packed is not None:
        packed, _ = prepared.packed
        packed.multiply(a[None], packed.as_they_are(), out[None])
    elif not prepared.parts:
        np.matmul(a.astype(np.int32), p.codes.T.astype(np.int32), out=out)
    for (start, stop), part in zip(prepared.ranges, prepared.parts, strict=True):
        out += (a[:, start:stop].astype(np.float32) @ part).astype(np.int32)
    return out


def linear_rescaled(a: Int8s, p: Linear) -> Ints:
    """:func:`linear_accumulate` or BLAS's whole float32 sums, with bias and rescaled: (M, K) -> (M, N)."""
    held = prepare(p)
    if held.packed is None:
        acc = a.astype(np.float32) @ held.parts[0] if len(held.parts) == 1 else linear_accumulate(a, p)
        return rescale_columns(acc, *_rule(p))
    (packed, factors), out = held.packed, np.empty((len(a), len(p.codes)), OUT_DTYPES[p.out_bits])
    packed.multiply(a[None], factors, out[None])
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
