"""linear: NumPy == Numba == unbounded integers; float32 carries it exactly under its bound."""

from __future__ import annotations

import gc
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise
from types import ModuleType

import numpy as np
import oracle
import pytest
from compare import assert_exact
from leaves import int8s, seeded_linear

from refimpl import fast, ops
from refimpl.fast import exact_gemm
from refimpl.fast.exact_gemm import (
    ACTIVATION_MAX,
    EXACT_LIMIT,
    MAX_CHUNKS,
    batched_product,
    chunk_ranges,
    linear_accumulate,
    prepare,
)
from refimpl.fast.int8_product import TILE_ROWS
from refimpl.fixedpoint import ROUNDINGS, Rounding
from refimpl.packing import pack_codes
from refimpl.params import Linear

both_roundings = pytest.mark.parametrize("rounding", ROUNDINGS)
readings = pytest.mark.parametrize("reading", [ops, fast], ids=["numpy", "numba"])


def by_oracle(a: np.ndarray, p: Linear) -> list[list[int]]:
    bias = None if p.bias is None else p.bias.tolist()
    rules = (p.multiplier.tolist(), p.shift.tolist(), p.rounding, p.out_bits, p.output_offset)
    return [oracle.linear(row, p.codes.tolist(), bias, *rules) for row in a.tolist()]


@both_roundings
def test_every_int8_times_every_code_agrees(rounding: Rounding) -> None:
    """K = 1: the accumulator is one product, and each row has its own multiplier and shift."""
    rng = np.random.default_rng(10)
    p = replace(
        seeded_linear(rng, 256, 1, rounding),
        codes=np.arange(-128, 128).astype(np.int8)[:, None],
        shift=rng.integers(-10, 2, 256).astype(np.int32),
    )
    a = np.arange(-128, 128).astype(np.int8)[:, None]
    expected = by_oracle(a, p)
    assert_exact(ops.linear(a, p), expected)
    assert_exact(fast.linear(a, p), expected)


@both_roundings
@pytest.mark.parametrize("bits", [8, 4])
@pytest.mark.parametrize("out_bits", [8, 16, 32])
@pytest.mark.parametrize("bias", [False, True])
def test_seeded_layers_agree(rounding: Rounding, bits: int, out_bits: int, bias: bool) -> None:
    rng = np.random.default_rng([11, bits, out_bits, bias])
    for rows, inner, offset in ((1, 1, 0), (3, 17, 5), (10, 97, 0), (6, 256, -7)):
        p = seeded_linear(rng, rows, inner, rounding, bits=bits, out_bits=out_bits, bias=bias, offset=offset)
        a = int8s(rng, 4, inner)
        expected = by_oracle(a, p)
        assert len({x for row in expected for x in row}) > rows // 2  # not one saturated value throughout
        assert_exact(ops.linear(a, p), expected)
        assert_exact(fast.linear(a, p), expected)


@readings
def test_int4_weights_are_read_from_their_nibbles(reading: ModuleType) -> None:
    """The oracle unpacks the bytes itself; K = 5 makes rows straddle bytes."""
    rng = np.random.default_rng(12)
    p = seeded_linear(rng, 3, 5, "double", bits=4)
    codes = oracle.int4_codes(pack_codes(p.codes, 4).tolist(), 15)
    rows = [codes[5 * n : 5 * n + 5] for n in range(3)]
    a = int8s(rng, 2, 5)
    rules = (p.multiplier.tolist(), p.shift.tolist(), p.rounding, p.out_bits)
    assert_exact(reading.linear(a, p), [oracle.linear(row, rows, None, *rules) for row in a.tolist()])


@both_roundings
@readings
def test_a_degenerate_row_gives_zero_and_a_biased_one_its_bias(
    reading: ModuleType, rounding: Rounding
) -> None:
    """Row 0: multiplier 0, shift 0.  Row 1: the identity 2^30 * 2^(1 - 31) carries the bias through."""
    p = Linear(
        "q_head", 8, np.zeros((2, 3), np.int8), np.array([0, -54321], np.int32),
        np.array([0, 2**30], np.int32), np.array([0, 1], np.int32), rounding, 32,
    )  # fmt: skip
    assert_exact(reading.linear(np.full((2, 3), -128, np.int8), p), [[0, -54321], [0, -54321]])


@readings
def test_leading_dimensions_and_memory_order_do_not_matter(reading: ModuleType) -> None:
    rng = np.random.default_rng(13)
    p = seeded_linear(rng, 7, 6, "double")
    a = int8s(rng, 2, 6, 5)
    views = [
        reading.transpose(a),
        np.asfortranarray(reading.transpose(a)),
        reading.split(int8s(rng, 2, 5, 12))[1],
    ]
    for view in views:
        y = reading.linear(view, p)
        assert y.shape == (2, 5, 7)
        assert_exact(y.reshape(10, 7), reading.linear(np.ascontiguousarray(view).reshape(10, 6), p))


# --- exact_gemm ---------------------------------------------------------------------------------------


@pytest.fixture
def float_carried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A processor without integer dot products: BLAS carries the products."""
    monkeypatch.setattr(exact_gemm, "engine", lambda: None)


def extreme(rows: int, inner: int, code: int = 127) -> Linear:
    """The worst row the symmetric formats produce: every code at the end of its range."""
    rng = np.random.default_rng(14)
    signs = rng.choice([-1, 1], (rows, inner))
    signs[0] = 1
    return replace(seeded_linear(rng, rows, inner, "double"), codes=(signs * code).astype(np.int8))


def int64_product(a: np.ndarray, codes: np.ndarray) -> np.ndarray:
    return a.astype(np.int64) @ codes.T.astype(np.int64)


LONGEST_CHUNK = (EXACT_LIMIT - 1) // (127 * ACTIVATION_MAX)


@pytest.mark.parametrize(
    ("inner", "chunks"),
    [
        (1, 1),
        (LONGEST_CHUNK, 1),
        (LONGEST_CHUNK + 1, 2),
        (3 * LONGEST_CHUNK, 3),
        (MAX_CHUNKS * LONGEST_CHUNK, 8),
    ],
)
def test_chunks_are_the_fewest_that_keep_every_row_exact(inner: int, chunks: int) -> None:
    p = extreme(2, inner)
    ranges = chunk_ranges(p.codes)
    assert len(ranges) == chunks
    assert ranges[0][0] == 0
    assert ranges[-1][1] == inner
    assert all(stop == start for (_, stop), (start, _) in pairwise(ranges))
    for start, stop in ranges:
        assert np.abs(p.codes[:, start:stop].astype(int)).sum(axis=1).max() * ACTIVATION_MAX < EXACT_LIMIT


@pytest.mark.usefixtures("float_carried")
def test_weights_beyond_the_last_chunk_take_the_integer_loop() -> None:
    p = extreme(3, MAX_CHUNKS * LONGEST_CHUNK + 1)
    assert chunk_ranges(p.codes) == ()
    assert prepare(p).parts == ()
    a = np.full((2, p.codes.shape[1]), -128, np.int8)
    assert_exact(linear_accumulate(a, p), int64_product(a, p.codes))


@pytest.mark.usefixtures("float_carried")
@pytest.mark.parametrize("inner", [LONGEST_CHUNK, LONGEST_CHUNK + 1, 3000, 8000])
def test_float32_products_are_exact_at_the_bound(inner: int) -> None:
    """All activations -128 on all weights 127: partial sums climb to just under 2^24 in every chunk."""
    p = extreme(5, inner)
    a = np.stack([np.full(inner, -128), np.full(inner, 127), int8s(np.random.default_rng(15), inner)]).astype(
        np.int8
    )
    assert_exact(linear_accumulate(a, p), int64_product(a, p.codes))


@pytest.mark.usefixtures("float_carried")
def test_several_chunks_and_the_loop_give_the_same_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    p = extreme(4, 2500)
    a = int8s(np.random.default_rng(16), 3, 2500)
    assert len(prepare(p).parts) == 3
    in_chunks = linear_accumulate(a, p)
    monkeypatch.setattr(exact_gemm, "MAX_CHUNKS", 0)
    looped = replace(p)  # a new leaf, so prepared anew
    assert prepare(looped).parts == ()
    assert_exact(linear_accumulate(a, looped), in_chunks)
    assert_exact(fast.linear(a, looped), ops.linear(a, p))


def test_rows_beyond_one_tile_and_shrinking_layers_reuse_the_scratch_memory_unharmed() -> None:
    """Large, then small, then large again: what an earlier layer left behind must not show."""
    rng = np.random.default_rng(17)
    for rows, inner, outputs in (
        (TILE_ROWS + 3, 40, 9),
        (2, 3, 4),
        (2 * TILE_ROWS, 5, 2),
        (TILE_ROWS, 40, 9),
    ):
        p = seeded_linear(rng, outputs, inner, "double")
        a = int8s(rng, rows, inner)
        assert_exact(fast.linear(a, p), ops.linear(a, p))


def test_threads_do_not_share_scratch_memory() -> None:
    rng = np.random.default_rng(18)
    layers = [seeded_linear(rng, 64, 96, "double") for _ in range(8)]
    inputs = [int8s(rng, 700, 96) for _ in layers]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(fast.linear, inputs * 5, layers * 5))
    for y, a, p in zip(together, inputs * 5, layers * 5, strict=True):
        assert_exact(y, ops.linear(a, p))


def test_weights_are_prepared_once_and_dropped_with_their_leaf() -> None:
    p = extreme(2, 8)
    assert prepare(p) is prepare(p)
    gc.collect()  # what earlier tests left
    held = len(exact_gemm._prepared)
    del p
    gc.collect()
    assert len(exact_gemm._prepared) == held - 1


def test_a_batched_product_beyond_its_bound_stays_in_integers() -> None:
    """2^24 + 1 is the first integer float32 cannot hold."""
    a = np.array([[[4096, 1]]], np.int32)
    b = np.array([[[4096], [1]]], np.int32)
    assert_exact(batched_product(a, b), [[[2**24 + 1]]])
