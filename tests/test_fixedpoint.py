"""Rounding rules: NumPy, Numba and unbounded integers say the same, and what the spec states holds."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import numpy as np
import oracle
import pytest
from compare import assert_exact
from hypothesis import given
from hypothesis import strategies as st
from leaves import INT32_MAX, INT32_MIN, MULTIPLIERS, WIDE_EDGES, rescales, rule

from refimpl.fast.rescale import rescale as fast_rescale
from refimpl.fast.rescale import rescale_columns
from refimpl.fixedpoint import (
    RECIPROCAL_ROOT_SEED,
    ROUNDINGS,
    SHIFT_MAX,
    SHIFT_MIN,
    Rounding,
    clamp,
    high_multiply,
    normalise_even,
    reciprocal_root,
    requantize,
    rounding_shift,
    saturating_high_multiply,
    wrap32,
)
from refimpl.ops.rescale import rescale as ops_rescale
from refimpl.params import Rescale

int32s = st.integers(INT32_MIN, INT32_MAX)
multipliers = st.one_of(st.sampled_from(MULTIPLIERS), st.integers(2**30, 2**31 - 1))
shifts = st.integers(SHIFT_MIN, SHIFT_MAX)
roundings = st.sampled_from(ROUNDINGS)


@pytest.mark.parametrize("rounding", ROUNDINGS)
def test_requantize_equals_unbounded_integers_on_every_edge(rounding: Rounding) -> None:
    cases = list(product(WIDE_EDGES, MULTIPLIERS, range(SHIFT_MIN, SHIFT_MAX + 1)))
    acc, multiplier, shift = (np.array(column, np.int64) for column in zip(*cases, strict=True))
    expected = [oracle.requantize(*case, rounding) for case in cases]
    assert_exact(requantize(acc, multiplier, shift, rounding), expected)


@pytest.mark.parametrize("out_bits", [8, 16, 32])
def test_rescale_is_the_same_in_all_three_witnesses_on_every_edge(out_bits: int) -> None:
    acc = np.array(WIDE_EDGES, np.int32)
    for p in rescales((-31, -30, -17, -1, 0, 1, 2, 15, 29, 30), out_bits, offset=3 if out_bits == 8 else 0):
        expected = [oracle.rescale(x, *rule(p)) for x in WIDE_EDGES]
        assert_exact(ops_rescale(acc, p), expected)
        assert_exact(fast_rescale(acc, p), expected)


@pytest.mark.parametrize("rounding", ROUNDINGS)
def test_rescale_is_the_same_in_all_three_witnesses_on_seeded_accumulators(rounding: Rounding) -> None:
    rng = np.random.default_rng(1)
    for shift in range(SHIFT_MIN, SHIFT_MAX + 1):
        p = Rescale("", int(rng.integers(2**30, 2**31)), shift, rounding, 32)
        acc = np.concatenate([rng.integers(INT32_MIN, 2**31, 50), rng.integers(-(2**20), 2**20, 150)]).astype(
            np.int32
        )
        expected = [oracle.rescale(int(x), *rule(p)) for x in acc]
        assert_exact(ops_rescale(acc, p), expected)
        assert_exact(fast_rescale(acc, p), expected)


@pytest.mark.parametrize("rounding", ROUNDINGS)
@pytest.mark.parametrize(
    ("out_bits", "offset"), [(8, 0), (8, -128), (16, 0), (32, 0), (32, 2**30), (32, -(2**31))]
)
def test_the_column_kernel_agrees_on_every_edge(rounding: Rounding, out_bits: int, offset: int) -> None:
    """Each column its own multiplier and shift; an offset must not wrap before saturation."""
    columns = [(m, s) for m in MULTIPLIERS for s in range(SHIFT_MIN, SHIFT_MAX + 1)]
    multiplier, shift = (np.array(column, np.int32) for column in zip(*columns, strict=True))
    acc = np.repeat(np.array(WIDE_EDGES, np.int32)[:, None], len(columns), axis=1)
    bias = np.zeros(len(columns), np.int32)
    got = rescale_columns(acc, bias, multiplier, shift, rounding, out_bits, offset)
    expected = [[oracle.rescale(x, m, s, rounding, out_bits, offset) for m, s in columns] for x in WIDE_EDGES]
    assert_exact(got, expected)


@pytest.mark.parametrize("rounding", ROUNDINGS)
def test_the_column_kernel_reads_integers_from_float32_and_adds_the_bias_first(rounding: Rounding) -> None:
    rng = np.random.default_rng(6)
    acc = rng.integers(-(2**24), 2**24 + 1, (3, 50))
    bias, multiplier = rng.integers(-(2**30), 2**30, 50).astype(np.int32), rng.integers(2**30, 2**31, 50)
    shift = rng.integers(-31, 2, 50).astype(np.int32)
    rest = (bias, multiplier.astype(np.int32), shift, rounding, 16, 5)
    rules = list(zip(multiplier.tolist(), shift.tolist(), bias.tolist(), strict=True))
    expected = [
        [oracle.rescale(x + b, m, s, rounding, 16, 5) for x, (m, s, b) in zip(row, rules, strict=True)]
        for row in acc.tolist()
    ]
    assert_exact(rescale_columns(acc.astype(np.float32), *rest), expected)
    assert_exact(rescale_columns(acc.astype(np.int32), *rest), expected)


@given(int32s, multipliers, shifts, roundings)
def test_requantize_equals_unbounded_integers(
    acc: int, multiplier: int, shift: int, rounding: Rounding
) -> None:
    assert int(requantize(np.int64(acc), multiplier, shift, rounding)) == oracle.requantize(
        acc, multiplier, shift, rounding
    )


@given(st.integers(-(2**20), 2**20), st.integers(2**30, 2**31 - 1), st.integers(-31, 8))
def test_single_rounding_is_the_nearest_integer_with_ties_up(acc: int, multiplier: int, shift: int) -> None:
    real = Fraction(acc * multiplier) * Fraction(2) ** (shift - 31)
    assert int(requantize(np.int64(acc), multiplier, shift, "single")) == (real + Fraction(1, 2)).__floor__()


@given(st.integers(-(2**20), 2**20), st.integers(2**30, 2**31 - 1), st.integers(-31, 8))
def test_double_rounding_is_at_most_three_quarters_off(acc: int, multiplier: int, shift: int) -> None:
    real = Fraction(acc * multiplier) * Fraction(2) ** (shift - 31)
    off = abs(int(requantize(np.int64(acc), multiplier, shift, "double")) - real)
    assert off <= (Fraction(1, 2) if shift >= 0 else Fraction(3, 4))


@given(int32s, multipliers, shifts)
def test_single_rounding_rounds_the_real_value_once_and_saturates(
    acc: int, multiplier: int, shift: int
) -> None:
    nearest = (Fraction(acc * multiplier) * Fraction(2) ** (shift - 31) + Fraction(1, 2)).__floor__()
    wanted = min(max(nearest, INT32_MIN), INT32_MAX)
    assert int(requantize(np.int64(acc), multiplier, shift, "single")) == wanted


@pytest.mark.parametrize(("acc", "shift", "wanted"), [
    (2**30, 1, 2**30), (2**30 - 1, 1, 2**30 - 1), (-(2**30) - 1, 1, -(2**30) - 1), (2**31 - 1, 1, 2**31 - 1),
    (2**31 - 1, 2, 2**31 - 1), (-(2**31), 1, -(2**31)), (-(2**31), 2, -(2**31)), (1, 30, 2**29),
    (4, 30, 2**31 - 1),
])  # fmt: skip
def test_single_rounding_is_whole_from_2_to_the_30_on_and_saturates_at_32_bits(
    acc: int, shift: int, wanted: int
) -> None:
    assert int(requantize(np.int64(acc), 2**30, shift, "single")) == wanted


def test_the_two_rounding_rules_part_at_the_memorable_case() -> None:
    assert int(requantize(np.int64(-63), 1518500250, -1, "double")) == -23
    assert int(requantize(np.int64(-63), 1518500250, -1, "single")) == -22


def test_the_left_shift_of_double_rounding_wraps_at_32_bits() -> None:
    assert int(requantize(np.int64(2**30), 2**30, 1, "double")) == -(2**30)


@given(int32s, int32s)
def test_high_multiplies_equal_unbounded_integers(a: int, b: int) -> None:
    assert int(saturating_high_multiply(np.int64(a), b)) == oracle.saturating_high_multiply(a, b)
    if not a == b == INT32_MIN:
        assert int(high_multiply(np.int64(a), b)) == oracle.high_multiply(a, b)


def test_the_product_of_two_int32_minima_saturates() -> None:
    assert int(saturating_high_multiply(np.int64(INT32_MIN), INT32_MIN)) == INT32_MAX


@pytest.mark.parametrize("exponent", range(32))
def test_rounding_shift_sends_ties_away_from_zero(exponent: int) -> None:
    half = 2**exponent // 2
    near = {k * 2**exponent + d * half + e for k in (-3, -1, 0, 1, 3) for d in (-1, 1) for e in (-1, 0, 1)}
    x = sorted(v for v in near | set(WIDE_EDGES) if INT32_MIN <= v <= INT32_MAX)
    assert_exact(rounding_shift(np.array(x), exponent), [oracle.rounding_shift(v, exponent) for v in x])


@given(st.integers(-(2**62), 2**62))
def test_wrap_and_clamp_equal_unbounded_integers(x: int) -> None:
    assert int(wrap32(np.int64(x))) == oracle.wrap32(x)
    for bits in (8, 16, 32):
        assert int(clamp(np.int64(x), bits)) == oracle.saturate(x, bits)


def test_the_seed_table_of_the_reciprocal_root_is_the_stated_one() -> None:
    assert_exact(RECIPROCAL_ROOT_SEED, oracle.SEED)


@given(st.integers(1, 2**62 - 1))
def test_normalise_even_gives_the_only_mantissa_in_range(x: int) -> None:
    m, s = normalise_even(np.int64(x))
    assert (int(m), int(s)) == oracle.normalise_even(x)


def mantissas() -> np.ndarray:
    """Both ends of every seed interval (where the error peaks), a comb over all m, and seeded draws."""
    edges = np.arange(32, 128, dtype=np.int64) << 24
    comb = np.arange(2**29, 2**31, 4001, dtype=np.int64)
    draws = np.random.default_rng(2).integers(2**29, 2**31, 100_000)
    return np.concatenate([edges, edges + 1, edges + 2**24 - 1, edges + 2**23, comb, draws])


def test_the_reciprocal_root_equals_unbounded_integers() -> None:
    m = mantissas()[::53]
    assert_exact(reciprocal_root(m), [oracle.reciprocal_root(int(x)) for x in m])


def test_the_relative_error_of_the_reciprocal_root_is_below_two_to_minus_26() -> None:
    """Within a table interval the seed's error is monotone, so both Newton steps peak at its two ends.

    All 192 ends are measured; between them the truncations of the last step add less than 2^-30 either
    way, hence the margin of two of those.  float64 resolves 2^-52, so it can judge 2^-26.
    """
    m = mantissas()
    exact = 2.0**30 / np.sqrt(m / 2.0**31)
    assert np.abs(reciprocal_root(m) / exact - 1).max() < 2.0**-26 - 2 * 2.0**-30
