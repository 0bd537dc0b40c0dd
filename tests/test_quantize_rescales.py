"""Real factors become multiplier and shift, and the frozen tables are the nearest integers."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import oracle
import pytest
from compare import assert_exact, assert_within
from hypothesis import given
from hypothesis import strategies as st

from refimpl.errors import InputError
from refimpl.fixedpoint import ROUNDINGS, Rounding, requantize
from refimpl.quantize.rescales import (
    multiplier_and_shift,
    multipliers_and_shifts,
    norm_constants,
    silu_table,
    softmax_constants,
    to_state,
)


@pytest.mark.parametrize(
    ("factor", "expected"),
    [
        (1.0, (2**30, 1)),
        (0.5, (2**30, 0)),
        (2.0**29, (2**30, 30)),
        (0.75, (3 * 2**29, 0)),
        (1 / 3, (1431655765, -1)),
        (1 - 2.0**-53, (2**30, 1)),  # the mantissa rounds up to 2^31, so it halves and the shift grows
        (2.0**30 * (1 - 2.0**-31), (2**31 - 1, 30)),  # the largest factor there is
        (2.0**-32, (2**30, -31)),  # the smallest
        (2.0**-32 * (1 - 2.0**-53), (2**30, -31)),  # rounds up into range
        (2.0**-33, (0, 0)),
        (5e-324, (0, 0)),
        (0.0, (0, 0)),
    ],
)
def test_factors_by_hand(factor: float, expected: tuple[int, int]) -> None:
    assert multiplier_and_shift(factor) == expected


@given(st.floats(2.0**-32, 2.0**29))
def test_the_multiplier_is_the_nearest_of_31_bits(factor: float) -> None:
    multiplier, shift = multiplier_and_shift(factor)
    assert 2**30 <= multiplier < 2**31
    assert -31 <= shift <= 30
    assert abs(Fraction(multiplier) * Fraction(2) ** (shift - 31) / Fraction(factor) - 1) <= Fraction(
        1, 2**31
    )


@pytest.mark.parametrize("rounding", ROUNDINGS)
def test_what_is_dropped_as_too_small_rounds_every_accumulator_to_zero(rounding: Rounding) -> None:
    """The largest dropped factor is under 2^-32; on INT32_MIN it makes less than a half."""
    assert multiplier_and_shift(2.0**-32 * (1 - 2.0**-31)) == (0, 0)
    assert Fraction(2**31) * Fraction(2.0**-32 * (1 - 2.0**-31)) < Fraction(1, 2)
    acc = np.array([-(2**31), -1, 0, 1, 2**31 - 1])
    assert_exact(requantize(acc, 0, 0, rounding), np.zeros(5, np.int64))


@pytest.mark.parametrize("factor", [2.0**30, 1e300])
def test_a_factor_beyond_the_largest_shift_is_refused_with_its_site(factor: float) -> None:
    with pytest.raises(InputError, match=r"L\.0\.mlp\.down: .* needs shift \d+"):
        multiplier_and_shift(factor, "L.0.mlp.down")


def test_a_factor_that_rounds_beyond_the_largest_shift_is_refused() -> None:
    with pytest.raises(InputError, match="needs shift 31"):
        multiplier_and_shift(2.0**30 * (1 - 2.0**-53))


@pytest.mark.parametrize("factor", [-1.0, float("inf"), float("nan")])
def test_a_factor_that_is_no_positive_number_is_refused(factor: float) -> None:
    with pytest.raises(InputError, match="not a positive number"):
        multiplier_and_shift(factor)


def test_rows_get_their_own_multiplier_and_shift() -> None:
    multiplier, shift = multipliers_and_shifts(np.array([1.0, 0.0, 0.375]))
    assert (multiplier.dtype, shift.dtype) == (np.int32, np.int32)
    assert_exact(multiplier, [2**30, 0, 3 * 2**29])
    assert_exact(shift, [1, 0, -1])


def test_states_round_half_to_even_and_end_below_32() -> None:
    assert_exact(to_state(np.array([0.5, 1.5, 2.5, -0.5]) / 1024, "H_init"), [0, 2, 2, 0])
    assert_exact(to_state(np.array([32767, -32767]) / 1024, "H_init"), [32767, -32767])
    with pytest.raises(InputError, match=r"H_init: magnitude 32\.0 exceeds"):
        to_state(np.array([0.0, -32.0]), "H_init")


@pytest.mark.parametrize(
    ("in_scale", "out_scale"), [(0.05, 0.02), (0.031, 0.031), (0.5, 0.5), (1e-3, 1e-4), (9.0, 8.9)]
)
def test_silu_entries_are_the_nearest_integers_to_the_real_function(
    in_scale: float, out_scale: float
) -> None:
    """Sixty decimal digits judge all 256 entries."""
    table = silu_table("silu", in_scale, out_scale).table
    assert table.dtype == np.int8
    assert_exact(table, [oracle.silu_entry(code, in_scale, out_scale) for code in range(-128, 128)])
    assert int(table[128]) == 0


def test_silu_saturates_where_the_output_scale_is_too_fine() -> None:
    table = silu_table("silu", 1.0, 0.5).table
    assert (int(table[255]), int(table[0])) == (127, 0)


def test_norm_constants_by_hand() -> None:
    """gain = sqrt(512 / 2) * 2^25 = 2^29; eps 1e-5 is 10.49 squared units of 2^-20, so 10 each."""
    p = norm_constants("norm", 512, 1e-5)
    assert (p.size, p.gain, p.eps) == (512, 2**29, 5120)


@pytest.mark.parametrize("size", [1, 97, 916, 1023])
def test_the_gain_is_the_nearest_integer(size: int) -> None:
    gain = norm_constants("norm", size, 0.0).gain
    assert (2 * gain - 1) ** 2 * 2 < size * 2**52 < (2 * gain + 1) ** 2 * 2


def test_a_row_that_could_outgrow_the_state_format_is_refused() -> None:
    assert norm_constants("L.0.norm", 1023, 1e-5).size == 1023
    with pytest.raises(InputError, match=r"L\.0\.norm: a row of 1024 values .* 1023 is the limit"):
        norm_constants("L.0.norm", 1024, 1e-5)


@pytest.mark.parametrize("scale", [1e-4, 0.003, 0.1, 1.0, 31.0])
def test_softmax_constants_bring_score_differences_to_q5_26(scale: float) -> None:
    p = softmax_constants("softmax", scale)
    assert 2**30 <= p.multiplier < 2**31
    for diff in (-1, p.diff_min // 2, p.diff_min):
        if diff >= -255:
            scaled = oracle.saturating_high_multiply(diff * 2**p.shift, p.multiplier)
            assert_within(scaled / 2.0**26, diff * scale, 2.0**-26 + abs(diff * scale) * 2.0**-31)


@pytest.mark.parametrize("scale", [0.003, 0.1, 0.25, 1.0, 31.0])
def test_diff_min_is_the_last_difference_whose_argument_fits_q5_26(scale: float) -> None:
    """TFLite's radius: 31 integer units before the multiplier, so e^-15.5 at the latest is dropped."""
    p = softmax_constants("softmax", scale)
    assert -p.diff_min * 2**p.shift <= 31 * 2**26 < (-p.diff_min + 1) * 2**p.shift
    assert -p.diff_min * scale <= 31
    assert (-p.diff_min + 1) * scale > 15.5
