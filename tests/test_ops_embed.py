"""embed, reset and the re-arrangements: NumPy == Numba == unbounded integers."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import oracle
import pytest
from compare import assert_exact
from leaves import int8s

from refimpl import fast, ops
from refimpl.fixedpoint import ROUNDINGS, Rounding
from refimpl.models.tree import Embedding
from refimpl.params import RowTable

readings = pytest.mark.parametrize("reading", [ops, fast], ids=["numpy", "numba"])


def table(rng: np.random.Generator, rows: int, width: int, rounding: Rounding) -> RowTable:
    return RowTable(
        "rows", int8s(rng, rows, width), rng.integers(2**30, 2**31, rows).astype(np.int32),
        rng.integers(-2, 9, rows).astype(np.int32), rounding,
    )  # fmt: skip


def in_state_units(p: RowTable) -> list[list[int]]:
    columns = zip(p.codes.tolist(), p.multiplier.tolist(), p.shift.tolist(), strict=True)
    return [oracle.row_in_state_units(codes, m, s, p.rounding) for codes, m, s in columns]


@readings
@pytest.mark.parametrize("rounding", ROUNDINGS)
@pytest.mark.parametrize(("prefix", "puzzle_width"), [(0, None), (1, 6), (3, 6), (3, 18), (2, 7)])
@pytest.mark.parametrize("positions", [False, True])
def test_rows_prefix_and_positions_agree(
    reading: ModuleType, rounding: Rounding, prefix: int, puzzle_width: int | None, positions: bool
) -> None:
    """A puzzle row narrower than its prefix is padded with zeros behind."""
    rng = np.random.default_rng(50)
    p = Embedding(
        tokens=table(rng, 5, 6, rounding),
        positions=table(rng, prefix + 4, 6, rounding) if positions else None,
        puzzles=None if puzzle_width is None else table(rng, 3, puzzle_width, rounding),
        prefix=prefix,
    )
    tokens, ids = rng.integers(0, 5, (2, 4)), np.array([2, 0])
    token_rows = in_state_units(p.tokens)
    puzzle_rows = None if p.puzzles is None else in_state_units(p.puzzles)
    position_rows = None if p.positions is None else in_state_units(p.positions)
    expected = [
        oracle.embed(row, token_rows, puzzle_rows and puzzle_rows[ids[i]], position_rows, prefix)
        for i, row in enumerate(tokens.tolist())
    ]
    x = reading.embed(tokens, ids, p)
    assert x.dtype == np.int32
    assert_exact(x, expected)


@readings
def test_no_puzzle_id_means_row_zero(reading: ModuleType) -> None:
    rng = np.random.default_rng(51)
    p = Embedding(table(rng, 5, 6, "double"), None, table(rng, 3, 6, "double"), 1)
    tokens = rng.integers(0, 5, (2, 4))
    assert_exact(reading.embed(tokens, None, p), reading.embed(tokens, np.array([0, 0]), p))


@readings
def test_reset_puts_the_same_vector_at_every_position(reading: ModuleType) -> None:
    vector = np.array([-32768, 0, 32767], np.int16)
    assert_exact(reading.reset(vector, 2, 4), np.array([[vector.tolist()] * 4] * 2))


@readings
def test_the_rearrangements_put_every_value_where_the_layout_says(reading: ModuleType) -> None:
    """qkv rows: all q heads, then all k heads, then all v heads; gate rows before up rows."""
    batch, positions, heads, size = 2, 3, 4, 5
    qkv = np.arange(batch * positions * 3 * heads * size).reshape(batch, positions, 3 * heads * size)
    for part, split in enumerate(reading.split_heads(qkv, heads)):
        for b, h, t, j in np.ndindex(batch, heads, positions, size):
            assert split[b, h, t, j] == qkv[b, t, (part * heads + h) * size + j]
    value = reading.split_heads(qkv, heads)[2]
    assert_exact(reading.merge_heads(value), qkv[:, :, 2 * heads * size :])
    gate, up = reading.split(qkv)
    assert_exact(np.concatenate([gate, up], axis=-1), qkv)
    assert_exact(reading.transpose(qkv), qkv.transpose(0, 2, 1))
    assert_exact(reading.task_positions(qkv, 1), qkv[:, 1:])
    assert_exact(reading.first_position(qkv), qkv[:, 0])
