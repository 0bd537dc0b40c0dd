"""Block formats emulated on floats, against values computed by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from refimpl.formats import parse_weights
from workbench.lab.blocks import MX


def test_a_block_has_the_smallest_power_of_two_that_holds_its_largest_value() -> None:
    values = np.array([[7.0, 1.0, 0.4, -0.5, 7.1, -3.0, 1.0, 0.0]], np.float32)
    assert replace(MX, block=4)(values).tolist() == [[7, 1, 0, 0, 8, -4, 0, 0]]  # the second: scale 2


def test_a_scale_that_is_no_power_of_two_meets_the_largest_value_exactly() -> None:
    values = np.array([[7.1, 1.0, 0.0, 0.0]], np.float32)
    rounded = replace(MX, block=4, exact_scale=True)(values)
    np.testing.assert_allclose(rounded, [[7.1, 7.1 / 7, 0, 0]], rtol=1e-6)  # two float32 roundings


@pytest.mark.parametrize(("qmax", "kept"), [(7, [8, 6]), (31, [8, 5]), (127, [7.875, 5.1875])])
def test_more_bits_have_a_finer_scale(qmax: int, kept: list[float]) -> None:
    assert replace(MX, block=2, qmax=qmax)(np.array([[7.9, 5.2]], np.float32))[0].tolist() == kept


def test_the_last_block_may_be_short_and_zeros_stay_zeros() -> None:
    values = np.zeros((2, 33), np.float32)
    values[:, 32] = 3
    assert MX(values).tolist() == values.tolist()


def test_unchanged_it_is_the_weight_format_of_that_name() -> None:
    values = np.random.default_rng(3).normal(0, 0.1, (40, 70)).astype(np.float32)
    assert MX(values).tolist() == parse_weights("mxint4").emulated(values, "a linear").tolist()
