"""A product carried by floats is exact at its bound and one beyond it, for the extremes of every type."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from compare import assert_exact

from refimpl import fast, ops
from refimpl.block_params import FACTORS, BlockLinear
from refimpl.fast import exact_gemm
from refimpl.fast.exact_gemm import EXACT_LIMIT, MAX_CHUNKS, as_floats, chunk_ranges, exact_product, magnitude
from refimpl.fast.int8_product import available
from refimpl.params import Linear, Norm, Rescale, Rope, Silu, Softmax

EDGES8 = (-128, -127, -64, -1, 0, 1, 64, 126, 127)
EDGES16 = (-32768, -32767, -16384, -256, -129, -128, -1, 0, 1, 127, 128, 255, 16384, 32766, 32767)
EDGES32 = (
    -(2**31),
    -(2**31) + 1,
    -(2**30),
    -(2**24) - 1,
    -65537,
    *EDGES16,
    65537,
    2**24 + 1,
    2**30,
    2**31 - 1,
)

without_an_engine_and_with_each = pytest.mark.parametrize(
    "engine", [None, *available()], ids=lambda engine: "float32" if engine is None else engine.name
)


def of(edges: tuple[int, ...], dtype: str, *shape: int, step: int = 1) -> np.ndarray:
    """Every edge value in turn, in an order that ``step`` changes, so that operands meet in all pairs."""
    count = int(np.prod(shape))
    at = np.arange(count) * step + np.arange(count) // len(edges)
    return np.array(edges, dtype)[at % len(edges)].reshape(shape)


def exactly(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """``a @ b`` in Python integers."""
    return np.array(a.astype(object) @ b.astype(object))


def as_chosen(monkeypatch: pytest.MonkeyPatch, engine: object) -> None:
    for module in ("exact_gemm", "attention"):
        monkeypatch.setattr(f"refimpl.fast.{module}.engine", lambda: engine)


def test_the_magnitude_of_the_least_int8_is_128() -> None:
    assert [magnitude(np.array([-128, 3], t)) for t in (np.int8, np.int16, np.int64)] == [128] * 3
    assert magnitude(np.array([-(2**31)], np.int32)) == 2**31
    assert magnitude(np.empty((0, 4), np.int8)) == 0


def test_a_group_of_scale_255_under_activations_of_minus_128_keeps_its_last_bits() -> None:
    """A bound that read |-128| as -128 let float32 carry 46,513,530 as 46,513,528."""
    a = np.array([[-128] * 11 + [3] * 5 + [1] * 3], np.int8)
    codes = np.array([[-128] * 11 + [127] * 5 + [127, 127, 23]], np.int8)
    ones = np.array([1], np.int32)
    p = BlockLinear("x", 8, codes, None, 32, np.array([[255]], np.uint8), False, None, ones * 2**30, ones, 32,
                    "static")  # fmt: skip
    values, weights, weight_sum = a, codes.astype(np.int64) * 255, int(np.abs(codes.astype(int)).sum()) * 255
    assert exact_product(values, weights, weight_sum).tolist() == [[46513530]]
    assert_exact(fast.linear(a, p), ops.linear(a, p))
    assert ops.linear(a, p).tolist() == [[46513530]]


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "int64"])
@pytest.mark.parametrize("limit", [2**24, 2**53])
@pytest.mark.parametrize("beyond", [-1, 0, 1])
def test_a_product_of_wide_weights_is_exact_at_and_beyond_each_float(
    dtype: str, limit: int, beyond: int
) -> None:
    """The sums are odd, so that the first format too narrow for one rounds it."""
    wide = limit // 128 + beyond
    values = np.array([[-128, -1], [127, 1], [-128, 1]], dtype)
    weights = np.array([[wide, 1], [-wide, 1], [wide, -3]], np.int64)
    weight_sum = wide + 3
    assert_exact(exact_product(values, weights, weight_sum), exactly(values, weights.T).astype(np.int64))


@pytest.mark.parametrize("inner", [1022, 1023, 1024, 1025])
def test_a_row_of_extremes_is_one_chunk_up_to_the_bound_of_float32_and_two_from_there(inner: int) -> None:
    codes = np.full((1, inner), -128, np.int8)
    assert len(chunk_ranges(codes)) == (1 if inner * 128 * 128 < EXACT_LIMIT else 2)


@without_an_engine_and_with_each
@pytest.mark.parametrize(
    "inner", [1022, 1023, 1024, 1025, 2047, 2048, 1024 * MAX_CHUNKS, 1024 * MAX_CHUNKS + 9]
)
def test_linears_of_extremes_are_exact_at_every_number_of_chunks(
    inner: int, engine: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The longest rows need more chunks than are allowed, and go through the integer loop."""
    as_chosen(monkeypatch, engine)
    codes = np.stack([np.full(inner, -128), np.full(inner, 127), of(EDGES8, "int8", inner)]).astype(np.int8)
    a = np.stack([np.full(inner, -128), np.full(inner, 127), of(EDGES8, "int8", inner, step=2)]).astype(
        np.int8
    )
    a[:, -1] = 127
    codes[:, -1] = -1
    p = Linear("x", 8, codes, None, np.full(3, 2**30, np.int32), np.ones(3, np.int32), "double", 32)
    assert_exact(exact_gemm.linear_accumulate(a, p), exactly(a, codes.T).astype(np.int32))
    assert_exact(fast.linear(a, p), ops.linear(a, p))


def test_the_chunks_of_a_row_are_the_whole_row() -> None:
    prepared = as_floats(np.full((2, 3000), -128, np.int8))
    assert prepared.ranges[0][0] == 0
    assert prepared.ranges[-1][1] == 3000
    assert all(before[1] == after[0] for before, after in pairwise(prepared.ranges))


RESCALES = [Rescale("", 1518500250, shift, rounding, 8, offset)
            for shift in (-31, -16, -1, 0, 5) for rounding in ("double", "single") for offset in (0, -128)]  # type: ignore[arg-type]  # fmt: skip
ALL8 = np.arange(-128, 128).astype(np.int8)
ALL16 = np.arange(-32768, 32768).astype(np.int16)


@pytest.mark.parametrize("p", RESCALES, ids=lambda p: f"{p.shift}-{p.rounding}-{p.output_offset}")
def test_every_int8_pair_and_every_int16_is_rescaled_alike(p: Rescale) -> None:
    a, b = (pair.reshape(-1) for pair in np.meshgrid(ALL8, ALL8))
    assert_exact(fast.multiply(a, b, p), ops.multiply(a, b, p))
    assert_exact(fast.quantize(ALL16, p), ops.quantize(ALL16, p))
    wide = np.array(EDGES32, np.int32)
    assert_exact(fast.quantize(wide, p), ops.quantize(wide, p))


@without_an_engine_and_with_each
@pytest.mark.parametrize("t", [1, 3, 17, 97])
def test_attention_over_edge_values_is_exact_whatever_a_row_of_weights_sums_to(
    t: int, engine: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows of 65,535 each lie far beyond what a softmax gives; the sums are the specification's still."""
    as_chosen(monkeypatch, engine)
    q, k, v = (of(EDGES8, "int8", 1, 2, t, 16, step=step) for step in (1, 2, 4))
    for p in RESCALES[::3]:
        assert_exact(fast.scores(q, k, p), ops.scores(q, k, p))
        for probabilities in (
            of(EDGES16, "int16", 1, 2, t, t, step=2),
            np.full((1, 2, t, t), 32767, np.int16),
        ):
            assert_exact(fast.weighted_values(probabilities, v, p), ops.weighted_values(probabilities, v, p))


@pytest.mark.parametrize("extra", [-1, 0, 1])
def test_weighted_values_are_exact_at_the_bound_of_float32_and_one_beyond(
    extra: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_chosen(monkeypatch, None)
    weights = np.array([65535, 65535, 2 + extra], np.int64)  # times 128: 2^24 + 128 extra
    probabilities = np.zeros((1, 1, 3, 3), np.int16)
    probabilities[...] = (weights - 32768).astype(np.int16)
    v = np.full((1, 1, 3, 1), -128, np.int8)
    v[0, 0, 2] = -127
    p = Rescale("", 2**30, 1, "double", 32)
    wanted = -(128 * 131070 + 127 * (2 + extra))
    assert fast.weighted_values(probabilities, v, p).ravel().tolist() == [wanted] * 3
    assert ops.weighted_values(probabilities, v, p).ravel().tolist() == [wanted] * 3


def test_the_elementwise_kernels_agree_on_all_edge_values() -> None:
    table = np.roll(ALL8, 77)
    assert_exact(fast.silu(ALL8, Silu("", table)), ops.silu(ALL8, Silu("", table)))
    x = of(EDGES8, "int8", 1, 2, 9, 16)
    cos, sin = of(EDGES16, "int16", 9, 8), of(EDGES16, "int16", 9, 8, step=2)
    assert_exact(fast.rope(x, Rope("", cos, sin)), ops.rope(x, Rope("", cos, sin)))
    new, old = of(EDGES16, "int16", 2, 15, 15), of(EDGES16, "int16", 2, 15, 15, step=2)
    assert_exact(fast.change(new, old), ops.change(new, old))
    rows = of(EDGES8, "int8", 1, 1, 40, 97, step=2)
    for multiplier, shift, diff_min in ((2**30, 0, -(2**31)), (2**31 - 1, 31, 0), (1518500250, 20, -255)):
        leaf = Softmax("", multiplier, shift, diff_min)
        assert_exact(fast.softmax(rows, leaf), ops.softmax(rows, leaf))


@pytest.mark.parametrize("size", [1, 2, 15, 1023])
def test_norms_of_edge_values_agree(size: int) -> None:
    for edges in (EDGES16, tuple(e for e in EDGES32 if abs(e) <= 2**26)):
        h = of(edges, "int32", 20, size, step=2)
        for gain, eps in ((1, 1), (1024, 9), (32767, 2**31 - 1)):
            assert_exact(
                fast.rms_norm(h, Norm("", size, gain, eps)), ops.rms_norm(h, Norm("", size, gain, eps))
            )


@pytest.mark.parametrize("activations", ["static", "token", "mx"])
@pytest.mark.parametrize("power_of_two", [False, True])
def test_block_linears_of_edge_values_agree(activations: str, power_of_two: bool) -> None:
    inner, block = 130, 32
    codes = of(EDGES8, "int8", 7, inner, step=2)
    factors = np.array([15, 0, 7, 15, 15] if power_of_two else [255, 1, 254, 255, 255], np.uint8)
    p = BlockLinear("x", 8, codes, None if power_of_two else of(EDGES8, "int8", 7), block,
                    np.tile(factors, (7, 1)), FACTORS[power_of_two], of(EDGES32, "int32", 7),
                    np.full(7, 2**31 - 1, np.int32), np.array([-31, -20, -8, -1, 0, 1, 14], np.int32), 32,
                    activations)  # type: ignore[arg-type]  # fmt: skip
    inputs = [of(EDGES32, "int32", 20, inner, step=2)]
    if activations == "static":
        inputs = [of(EDGES8, "int8", 20, inner), of(EDGES16, "int16", 20, inner, step=2)]
    for a in inputs:
        assert_exact(fast.linear(a, p), ops.linear(a, p))
