"""quantize, multiply, silu, add, argmax: NumPy == Numba == unbounded integers, exhaustively for 8 bits."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import oracle
import pytest
from compare import assert_exact
from leaves import WIDE_EDGES, int8s, rescales, rule

from refimpl import fast, ops
from refimpl.fixedpoint import ROUNDINGS, Rounding
from refimpl.params import Rescale, Silu

readings = pytest.mark.parametrize("reading", [ops, fast], ids=["numpy", "numba"])
both_roundings = pytest.mark.parametrize("rounding", ROUNDINGS)

EVERY_INT8 = np.arange(-128, 128).astype(np.int8)
EVERY_INT16 = np.arange(-(2**15), 2**15).astype(np.int16)
EVERY_PAIR = np.meshgrid(EVERY_INT8, EVERY_INT8, indexing="ij")


@both_roundings
@pytest.mark.parametrize(("multiplier", "shift"), [(1518500250, -3), (2**31 - 1, -8), (2**30, 1)])
def test_quantize_agrees_on_every_int16_state(rounding: Rounding, multiplier: int, shift: int) -> None:
    p = Rescale("site", multiplier, shift, rounding)
    expected = [oracle.rescale(h, *rule(p)) for h in range(-(2**15), 2**15)]
    assert_exact(ops.quantize(EVERY_INT16, p), expected)
    assert_exact(fast.quantize(EVERY_INT16, p), expected)


@readings
def test_quantize_agrees_on_the_edges_of_wide_sums(reading: ModuleType) -> None:
    h = np.array(WIDE_EDGES, np.int32)
    for p in rescales((-31, -20, -3, 0, 7, 30)):
        assert_exact(reading.quantize(h, p), [oracle.rescale(x, *rule(p)) for x in WIDE_EDGES])


@both_roundings
@pytest.mark.parametrize(
    ("multiplier", "shift", "offset"), [(1518500250, -6, 0), (2**30, 1, 0), (2**31 - 1, -7, -128)]
)
def test_multiply_agrees_on_every_pair_of_int8(
    rounding: Rounding, multiplier: int, shift: int, offset: int
) -> None:
    p = Rescale("product", multiplier, shift, rounding, 8, offset)
    a, b = EVERY_PAIR
    products = {int(x): oracle.rescale(int(x), *rule(p)) for x in np.unique(a.astype(int) * b)}
    expected = [[products[x * y] for y in range(-128, 128)] for x in range(-128, 128)]
    assert oracle.multiply(-128, -127, *rule(p)) == expected[0][1]
    assert_exact(ops.multiply(a, b, p), expected)
    assert_exact(fast.multiply(a, b, p), expected)


@readings
def test_silu_looks_up_every_int8(reading: ModuleType) -> None:
    table = int8s(np.random.default_rng(4), 256)
    expected = [oracle.silu(a, table.tolist()) for a in range(-128, 128)]
    assert_exact(reading.silu(EVERY_INT8, Silu("silu", table)), expected)


@readings
def test_add_is_an_exact_int32_sum_of_any_mixture_of_widths(reading: ModuleType) -> None:
    wide = np.array([-(2**31) + 2**17, 2**31 - 2**17, -1, 0], np.int32)
    state = np.array([-(2**15), 2**15 - 1, 1, 0], np.int16)
    expected = [sum(terms) for terms in zip(wide.tolist(), state.tolist(), state.tolist(), strict=True)]
    total = reading.add(wide, state, state)
    assert total.dtype == np.int32
    assert_exact(total, expected)
    assert_exact(reading.add(state, state), [2 * h for h in state.tolist()])


@readings
def test_add_leaves_its_terms_alone(reading: ModuleType) -> None:
    first = np.array([1, 2], np.int32)
    reading.add(first, first)
    assert_exact(first, [1, 2])
    assert reading.add(first) is not first


@readings
def test_argmax_gives_ties_to_the_lowest_index(reading: ModuleType) -> None:
    rng = np.random.default_rng(5)
    logits = rng.integers(-2, 3, (4, 50, 7)).astype(np.int32)  # few values, so nearly every row has ties
    logits[0, 0] = -(2**31)
    expected = [[oracle.argmax(row) for row in puzzle] for puzzle in logits.tolist()]
    assert_exact(reading.argmax(logits), expected)


@readings
def test_memory_order_does_not_matter(reading: ModuleType) -> None:
    """Transposed views, halves of a last axis and broadcast views give the bits of their copies."""
    rng = np.random.default_rng(6)
    p = Rescale("site", 1518500250, -3, "double")
    table = Silu("silu", int8s(rng, 256))
    state = rng.integers(-(2**15), 2**15, (2, 5, 8)).astype(np.int16)
    codes = int8s(rng, 2, 5, 8)
    for view in (reading.transpose, lambda a: reading.split(a)[1], lambda a: np.broadcast_to(a[:1], a.shape)):
        h, a = view(state), view(codes)
        assert not (h.flags.c_contiguous and a.flags.c_contiguous)
        assert_exact(reading.quantize(h, p), reading.quantize(h.copy(), p))
        assert_exact(reading.multiply(a, a[::-1], p), reading.multiply(a.copy(), a[::-1].copy(), p))
        assert_exact(reading.silu(a, table), reading.silu(a.copy(), table))
        assert_exact(reading.add(h, h), reading.add(h.copy(), h.copy()))
