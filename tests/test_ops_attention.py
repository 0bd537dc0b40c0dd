"""rope, scores, weighted_values: NumPy == Numba == unbounded integers."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import oracle
import pytest
from compare import assert_exact
from leaves import int8s, rule

from refimpl import fast, ops
from refimpl.angles import angle_tables, rope_of
from refimpl.fixedpoint import ROUNDINGS, Rounding
from refimpl.params import Rescale, Rope

readings = pytest.mark.parametrize("reading", [ops, fast], ids=["numpy", "numba"])
both_roundings = pytest.mark.parametrize("rounding", ROUNDINGS)


def rope_leaf(positions: int, size: int) -> Rope:
    angles = np.outer(np.arange(positions), 10000.0 ** (-np.arange(size // 2) / (size // 2)))
    return rope_of("rope", *angle_tables(np.cos(angles), np.sin(angles)), positions)


def test_rope_agrees_on_every_pair_of_int8_at_six_angles() -> None:
    """Angles 0, 1, 2 and 4 rad, the eighth turn (which saturates soonest) and the quarter turn."""
    cos = np.array([16384, 8852, -6818, -10709, 11585, 0], np.int16)
    sin = np.array([0, 13787, 14898, -12399, 11585, 16384], np.int16)
    p = Rope("rope", cos[:, None], sin[:, None])
    first, second = np.meshgrid(np.arange(-128, 128), np.arange(-128, 128), indexing="ij")
    pairs = np.stack([first, second], axis=-1).reshape(-1, 1, 1, 2).astype(np.int8)
    a = np.repeat(pairs, 6, axis=2)
    y = ops.rope(a, p)
    assert_exact(fast.rope(a, p), y)
    for t in range(6):
        c, s = [int(cos[t])], [int(sin[t])]
        stride = 1 if t == 1 else 7  # one angle whole, the others every seventh pair
        expected = [oracle.rope(pair, c, s) for pair in pairs[::stride, 0, 0].tolist()]
        assert_exact(y[::stride, 0, t], expected)


@readings
def test_rope_rotates_each_head_by_its_position(reading: ModuleType) -> None:
    rng = np.random.default_rng(30)
    p = rope_leaf(5, 8)
    a = int8s(rng, 2, 3, 5, 8)
    expected = [
        [
            [oracle.rope(a[b, h, t].tolist(), p.cos[t].tolist(), p.sin[t].tolist()) for t in range(5)]
            for h in range(3)
        ]
        for b in range(2)
    ]
    assert_exact(reading.rope(a, p), expected)


@readings
def test_position_zero_is_not_rotated(reading: ModuleType) -> None:
    a = int8s(np.random.default_rng(31), 1, 1, 1, 64)
    assert_exact(reading.rope(a, rope_leaf(1, 64)), a)


SCORE = Rescale("scores", 1518500250, -9, "double")
VALUES = Rescale("values", 1518500250, -16, "double")


@both_roundings
@pytest.mark.parametrize("shape", [(1, 1, 1, 2), (2, 3, 5, 8), (1, 2, 13, 16)])
def test_scores_and_weighted_values_agree(rounding: Rounding, shape: tuple[int, int, int, int]) -> None:
    rng = np.random.default_rng(32)
    batch, heads, positions, _ = shape
    q, k, v = (int8s(rng, *shape) for _ in range(3))
    probabilities = rng.integers(-(2**15), 2**15, (batch, heads, positions, positions)).astype(np.int16)
    score = Rescale("scores", SCORE.multiplier, -7, rounding)
    values = Rescale("values", VALUES.multiplier, -17, rounding)
    lists = [[x[b, h].tolist() for b in range(batch) for h in range(heads)] for x in (q, k, v, probabilities)]
    flat = (batch * heads, positions, -1)
    expected = [
        oracle.scores(one, other, *rule(score)) for one, other in zip(lists[0], lists[1], strict=True)
    ]
    assert_exact(ops.scores(q, k, score).reshape(flat), expected)
    assert_exact(fast.scores(q, k, score).reshape(flat), expected)
    expected = [
        oracle.weighted_values(one, other, *rule(values))
        for one, other in zip(lists[3], lists[2], strict=True)
    ]
    assert_exact(ops.weighted_values(probabilities, v, values).reshape(flat), expected)
    assert_exact(fast.weighted_values(probabilities, v, values).reshape(flat), expected)


@readings
@pytest.mark.parametrize("size", [64, 1023, 1100])
def test_the_largest_score_is_exact_on_both_sides_of_the_float_bound(reading: ModuleType, size: int) -> None:
    """From d = 1,024 on, d * 128^2 leaves float32's exact range and integers take over."""
    q = np.full((1, 1, 1, size), -128, np.int8)
    p = Rescale("scores", 2**30, 1, "double", 32)
    assert_exact(reading.scores(q, q, p), [[[[size * 2**14]]]])


@readings
@pytest.mark.parametrize("positions", [1, 916, 4095])
def test_the_largest_weighted_value_is_exact(reading: ModuleType, positions: int) -> None:
    """Row sums at the proved bound of 65,536 + T, all on v = -128."""
    weights = np.full(positions, (65536 + positions) // positions)
    probabilities = np.minimum(weights - 32768, 32767).astype(np.int16)[None, None, None, :]
    v = np.full((1, 1, positions, 2), -128, np.int8)
    p = Rescale("values", 2**30, 1, "double", 32)
    expected = oracle.weighted_values(probabilities[0, 0].tolist(), v[0, 0].tolist(), *rule(p))
    assert_exact(reading.weighted_values(probabilities, v, p), [[expected]])


@readings
def test_the_views_that_split_heads_gives_are_read_right(reading: ModuleType) -> None:
    rng = np.random.default_rng(33)
    views = reading.split_heads(int8s(rng, 2, 5, 3 * 4 * 6), 4)
    q, k, v = (x.copy() for x in views)
    p = rope_leaf(5, 6)
    assert not views[0].flags.c_contiguous
    assert_exact(reading.rope(views[0], p), reading.rope(q, p))
    assert_exact(reading.scores(views[0], views[1], SCORE), reading.scores(q, k, SCORE))
    probabilities = rng.integers(-(2**15), 2**15, (5, 5, 4, 2)).astype(np.int16).T
    assert_exact(
        reading.weighted_values(probabilities, views[2], VALUES),
        reading.weighted_values(probabilities.copy(), v, VALUES),
    )
