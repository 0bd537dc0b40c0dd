"""softmax s8 -> s16: three witnesses, its error against the real function, and the bound on row sums."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import oracle
import pytest
from compare import assert_exact
from leaves import int8s

from refimpl import fast, ops
from refimpl.errors import InputError
from refimpl.ops.softmax import exp_on_negative, one_over_one_plus
from refimpl.params import Softmax
from refimpl.quantize.rescales import softmax_constants

readings = pytest.mark.parametrize("reading", [ops, fast], ids=["numpy", "numba"])
SCALES = (0.002, 0.01, 0.03, 0.1, 0.25, 1.0, 8.0, 100.0)
EVERY_DIFFERENCE = np.stack([np.full(256, 127), np.arange(-128, 128)], axis=1).astype(np.int8)


def by_oracle(rows: np.ndarray, p: Softmax) -> list[list[int]]:
    return [oracle.softmax(row, p.multiplier, p.shift, p.diff_min) for row in rows.tolist()]


@pytest.mark.parametrize("scale", SCALES)
def test_every_difference_of_two_scores_agrees(scale: float) -> None:
    p = softmax_constants("softmax", scale)
    expected = by_oracle(EVERY_DIFFERENCE, p)
    assert_exact(ops.softmax(EVERY_DIFFERENCE, p), expected)
    assert_exact(fast.softmax(EVERY_DIFFERENCE, p), expected)


@pytest.mark.parametrize("positions", [1, 3, 97, 916])
def test_seeded_rows_agree(positions: int) -> None:
    rng = np.random.default_rng([40, positions])
    for scale in SCALES:
        p = softmax_constants("softmax", scale)
        rows = np.concatenate([int8s(rng, 2, positions), (int8s(rng, 2, positions) // 16).astype(np.int8)])
        expected = by_oracle(rows, p)
        assert_exact(ops.softmax(rows, p), expected)
        assert_exact(fast.softmax(rows, p), expected)


@readings
@pytest.mark.parametrize("positions", [1, 2, 3, 511, 512, 916, 4095])
def test_equal_keys_share_the_probability(reading: ModuleType, positions: int) -> None:
    """512 equal keys and more are where the int8-output form is undefined in C; this one is not."""
    p = softmax_constants("softmax", 0.1)
    expected = min(round(65536 / positions), 65535) - 32768
    for score in (-128, 0, 127):
        row = np.full((1, positions), score, np.int8)
        assert_exact(reading.softmax(row, p), np.full((1, positions), expected))


@readings
def test_differences_below_diff_min_get_exactly_nothing(reading: ModuleType) -> None:
    """diff_min is the last difference whose rescaled argument stays above -32; e^-15.5 is no unit."""
    p = softmax_constants("softmax", 0.5)
    assert p.diff_min == -31
    row = np.array([[0, -22, -31, -32, -128]], np.int8)
    assert_exact(reading.softmax(row, p), [[32767, -32767, -32768, -32768, -32768]])
    coarse = softmax_constants("softmax", 100.0)  # one step is a factor e^100
    assert coarse.diff_min == 0
    assert_exact(reading.softmax(row, coarse), [[32767, -32768, -32768, -32768, -32768]])


@readings
def test_memory_order_and_leading_dimensions_do_not_matter(reading: ModuleType) -> None:
    rng = np.random.default_rng(41)
    p = softmax_constants("softmax", 0.05)
    a = int8s(rng, 2, 3, 7, 5)
    turned = reading.transpose(a)
    assert_exact(reading.softmax(turned, p), reading.softmax(turned.copy(), p))
    assert_exact(reading.softmax(a, p).reshape(42, 5), reading.softmax(a.reshape(42, 5), p))


def test_the_exponential_agrees_on_a_comb_and_errs_by_less_than_two_to_minus_22() -> None:
    x = -np.concatenate([np.arange(0, 2**31, 1_000_003), np.arange(0, 2**31, 2**24), np.arange(1, 300)])
    y = exp_on_negative(x.astype(np.int64))
    assert_exact(y, [oracle.exp_on_negative(int(v)) for v in x])
    assert np.abs(y / 2.0**31 - np.exp(x / 2.0**26)).max() < 2.0**-22


def test_the_reciprocal_agrees_on_a_comb_and_errs_by_less_than_two_to_minus_28() -> None:
    x = np.concatenate([np.arange(0, 2**31, 1_000_003), [2**31 - 1]]).astype(np.int64)
    y = one_over_one_plus(x)
    assert_exact(y, [oracle.one_over_one_plus(int(v)) for v in x])
    assert np.abs(y / 2.0**31 - 1 / (1 + x / 2.0**31)).max() < 2.0**-28


@pytest.mark.parametrize("positions", [2, 97, 916])
def test_probabilities_are_within_one_unit_of_the_real_softmax(positions: int) -> None:
    """A unit is 2^-16; half of it is the last rounding.  (1 itself saturates to 65,535 units.)

    Seeded rows.  Aimed ones get further: the sum drops what lies below 2^-20, see the next test.
    """
    rng = np.random.default_rng([42, positions])
    for scale in SCALES:
        rows = int8s(rng, 50, positions)
        e = np.exp(scale * (rows.astype(np.float64) - rows.max(axis=1, keepdims=True)))
        exact = np.minimum(65536 * e / e.sum(axis=1, keepdims=True), 65535)
        got = ops.softmax(rows, softmax_constants("softmax", scale)) + 32768.0
        assert np.abs(got - exact).max() < 1


def test_the_tail_that_the_row_sum_drops_goes_to_the_top() -> None:
    """915 keys at e^-14 hold 50 units together; each rounds to no unit, and the sum drops them all."""
    row = np.zeros((1, 916), np.int8)
    row[0, 0] = 14
    p = softmax_constants("softmax", 1.0)
    assert_exact(ops.softmax(row, p)[0, :2], [32767, -32768])
    assert 49 < 65536 * 915 * np.exp(-14) < 50


def row_sums(rows: np.ndarray, p: Softmax) -> np.ndarray:
    return (fast.softmax(rows, p).astype(np.int64) + 32768).sum(axis=-1)


def test_no_row_of_equal_keys_sums_to_more_than_65536_plus_half_its_length() -> None:
    """Every T up to 4,095, the most whose exponentials still sum below 2^31."""
    p = softmax_constants("softmax", 0.1)
    for positions in range(1, 4096):
        assert int(row_sums(np.zeros((1, positions), np.int8), p)[0]) <= 65536 + positions / 2


@pytest.mark.parametrize("positions", [2, 97, 916, 4095])
def test_no_row_found_by_search_sums_to_more_than_65536_plus_its_length(positions: int) -> None:
    """Two-level rows (k keys at the top, the rest d below) aim every rounding in the same direction.

    The proof is in the spec, OP-SOFTMAX: each of T roundings adds at most 1/2, the 12 bits that the sum
    drops at most T / 16, the reciprocal less than 1/8 of a unit.
    """
    worst = 0.0
    for scale in (0.002, 0.011, 0.03, 0.1, 0.4):
        p = softmax_constants("softmax", scale)
        for top in {1, 2, 3, positions // 7 + 1, positions // 2}:
            rows = np.repeat(EVERY_DIFFERENCE[:, 1:], positions, axis=1)
            rows[:, :top] = 127
            worst = max(worst, float((row_sums(rows, p) - 65536).max()) / positions)
    assert worst <= 9 / 16 + 1 / 8 / positions
    if positions == 916:
        assert worst > 0.4  # the search does reach the neighbourhood of the bound


def test_a_score_scale_too_fine_for_the_left_shift_is_refused() -> None:
    with pytest.raises(InputError, match="too fine for the softmax"):
        softmax_constants("L.0.attn.softmax", 2.0**-28)
