"""rms_norm: NumPy == Numba == unbounded integers, and a proven distance from the real formula."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import oracle
import pytest
from compare import assert_exact
from hypothesis import given, settings
from hypothesis import strategies as st

from refimpl import fast, ops
from refimpl.params import Norm
from refimpl.quantize.rescales import norm_constants

readings = pytest.mark.parametrize("reading", [ops, fast], ids=["numpy", "numba"])
SIZES = (1, 2, 81, 97, 512, 916, 1023)


def by_oracle(h: np.ndarray, p: Norm) -> list[list[int]]:
    return [oracle.rms_norm(row, p.gain, p.eps) for row in h.tolist()]


def rows_of_every_magnitude(size: int) -> np.ndarray:
    """Seeded rows from one unit to 2^25 (sums stay under 2^62), and the special ones."""
    rng = np.random.default_rng([20, size])
    scaled = [rng.integers(-(2**bits), 2**bits + 1, size) for bits in range(26)]
    special = [
        np.zeros(size), np.ones(size), np.full(size, -1), np.full(size, 2**15 - 1), np.full(size, -(2**15)),
        np.full(size, 2**25), np.full(size, -(2**25)), np.eye(1, size)[0], np.eye(1, size)[0] * -(2**25),
    ]  # fmt: skip
    return np.stack([*scaled, *special]).astype(np.int32)


@pytest.mark.parametrize("size", SIZES)
def test_rows_of_every_magnitude_agree(size: int) -> None:
    p = norm_constants("norm", size, 1e-5)
    h = rows_of_every_magnitude(size)
    expected = by_oracle(h, p)
    assert_exact(ops.rms_norm(h, p), expected)
    assert_exact(fast.rms_norm(h, p), expected)


@settings(max_examples=200)
@given(st.lists(st.integers(-(2**29), 2**29), min_size=1, max_size=6), st.integers(1, 2**40))
def test_short_rows_agree_for_any_eps(row: list[int], eps: int) -> None:
    p = Norm("norm", len(row), norm_constants("norm", len(row), 0.0).gain, eps)
    expected = [oracle.rms_norm(row, p.gain, p.eps)]
    assert_exact(ops.rms_norm(np.array([row], np.int32), p), expected)
    assert_exact(fast.rms_norm(np.array([row], np.int32), p), expected)


@readings
def test_sums_on_both_sides_of_every_power_of_two_agree(reading: ModuleType) -> None:
    """eps alone sets the sum: mantissa and exponent change exactly at the even powers."""
    h = np.array([[0, 0], [1, 0], [0, 1000]], np.int32)
    gain = norm_constants("norm", 2, 0.0).gain
    for power in range(2, 62):
        for eps in (2**power - 1, 2**power, 2**power + 1):
            p = Norm("norm", 2, gain, eps)
            assert_exact(reading.rms_norm(h, p), by_oracle(h, p))


@readings
def test_exact_ties_go_up(reading: ModuleType) -> None:
    """A gain made so that the row's factor is exactly one half: odd values are ties, on both sides of 0."""
    h = np.array([[1, -1, 3, -3, 2, -2]], np.int32)
    eps = 2**30 - 28  # the sum of squares is 28, so m = 2^30 and the exponent is 0
    gain = -(-(2**59) // oracle.reciprocal_root(2**30))
    assert oracle.reciprocal_root(2**30) * gain // 2**30 == 2**29
    assert_exact(reading.rms_norm(h, Norm("norm", 6, gain, eps)), [[1, 0, 2, -1, 1, -1]])


@readings
def test_a_zero_row_stays_zero(reading: ModuleType) -> None:
    for eps in (0.0, 1e-5):
        p = norm_constants("norm", 96, eps)
        assert_exact(reading.rms_norm(np.zeros((1, 96), np.int32), p), np.zeros((1, 96), np.int64))


@readings
def test_a_single_peak_reaches_the_largest_output_and_no_further(reading: ModuleType) -> None:
    """All of the row's energy in one value gives sqrt(size): 31.98 of the 32 that Q5.10 holds at 1,023."""
    p = norm_constants("norm", 1023, 1e-5)
    h = np.zeros((2, 1023), np.int32)
    h[0, 7], h[1, 7] = 2**25, -(2**25)
    peak = round(1023**0.5 * 1024)
    assert peak < 2**15
    y = reading.rms_norm(h, p)
    assert (int(y[0, 7]), int(y[1, 7])) == (peak, -peak)
    assert not y[:, :7].any()
    assert not y[:, 8:].any()


@readings
def test_memory_order_and_width_do_not_matter(reading: ModuleType) -> None:
    rng = np.random.default_rng(21)
    h = rng.integers(-5000, 5000, (2, 12, 9)).astype(np.int16)
    p = norm_constants("norm", 12, 1e-5)
    across = reading.transpose(h)  # the sequence norm reads the transpose
    y = reading.rms_norm(across, p)
    assert y.dtype == np.int16
    assert_exact(y, reading.rms_norm(across.copy(), p))
    assert_exact(y.reshape(18, 12), by_oracle(across.astype(np.int32).reshape(18, 12), p))


@pytest.mark.parametrize("size", SIZES)
def test_the_error_against_the_real_formula_stays_under_its_bound(size: int) -> None:
    """Half a unit of the final rounding, plus the factor's relative error times the largest output.

    The factor errs by 2^-26 (root), 2^-30 (mantissa cut to 30 bits and more) and 1.5 / gain (gain
    rounded, product cut).  At hidden 512 that makes 0.5004 units of 2^-10.
    """
    p = norm_constants("norm", size, 1e-5)
    h = rows_of_every_magnitude(size)
    wide = h.astype(np.float64)
    exact = 1024 * wide / np.sqrt((np.square(wide).sum(axis=1, keepdims=True) + p.eps) / size)
    bound = 0.5 + 1024 * size**0.5 * (2.0**-26 + 2.0**-30 + 1.5 / p.gain)
    assert np.abs(ops.rms_norm(h, p) - exact).max() <= bound
