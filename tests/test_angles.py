"""cos and sin of all positions from two small tables."""

from __future__ import annotations

import numpy as np
import oracle
import pytest
from compare import assert_exact

from refimpl.angles import angle_tables, rope_of, turned
from refimpl.float_params import rope_tables
from refimpl.models.config import ModelConfig
from workbench.networks import find_network
from workbench.presets import PRESETS

ONE = 2**30
ROTATED = {name: config for name, config in PRESETS.items() if config.pos_encodings == "rope"}


@pytest.mark.parametrize("config", [*ROTATED.values(), find_network("sudoku9-rope").config],
                         ids=[*ROTATED, "sudoku9-rope"])  # fmt: skip
def test_every_entry_is_the_exact_angle_rounded_once(config: ModelConfig) -> None:
    exact = rope_tables(config, np.float64)
    p = rope_of("rope", *angle_tables(exact.cos, exact.sin), config.positions)
    assert_exact(p.cos, np.rint(exact.cos * 2**14).astype(np.int16))
    assert_exact(p.sin, np.rint(exact.sin * 2**14).astype(np.int16))


@pytest.mark.parametrize(("positions", "rows"),
                         [(916, (29, 32)), (33, (2, 32)), (32, (1, 32)), (11, (1, 11))])  # fmt: skip
def test_a_coarse_row_serves_32_positions(positions: int, rows: tuple[int, int]) -> None:
    """61 rows of 64 int32, 15,616 bytes, for ARC in place of 117,248."""
    coarse, fine = angle_tables(np.ones((positions, 3)), np.zeros((positions, 3)))
    assert (len(coarse), len(fine)) == rows


def test_two_rows_turn_as_integers_of_any_size_say() -> None:
    rng = np.random.default_rng(61)
    coarse, fine = rng.integers(-ONE, ONE + 1, (2, 40, 6)).astype(np.int32)
    corners = np.array([[ONE, -ONE, 0, ONE, -ONE, ONE], [-ONE, ONE, ONE, ONE, 0, -ONE]], np.int32)
    coarse, fine = np.concatenate([coarse, corners]), np.concatenate([fine, corners[::-1]])
    cos, sin = turned(coarse, fine)
    expected = [oracle.angles(a, b) for a, b in zip(coarse.tolist(), fine.tolist(), strict=True)]
    assert_exact(cos, [c for c, _ in expected])
    assert_exact(sin, [s for _, s in expected])


def test_position_zero_keeps_one_and_ties_go_up() -> None:
    cos, sin = turned(np.array([ONE, 0], np.int32), np.array([ONE, 0], np.int32))
    assert (cos.tolist(), sin.tolist()) == ([16384], [0])
    half = np.array([ONE, 0], np.int32), np.array([2**15, -(2**15)], np.int32)
    cos, sin = turned(*half)
    assert (cos.tolist(), sin.tolist()) == ([1], [0])
