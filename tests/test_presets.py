"""The published configurations, and the untrained weights that stand in for theirs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from refimpl.errors import InputError
from workbench.checkpoints import validate
from workbench.checkpoints.expected import expected_tensors
from workbench.model_config import swiglu_width
from workbench.presets import list_presets, preset
from workbench.seeded import CUT, CUT_DEVIATION, PUZZLE_KEY, ROW_BLOCK, row_blocks, seeded_tensors


def test_the_seven_published_configurations_are_presets() -> None:
    assert list_presets() == [
        "trm-mlp-sudoku", "trm-att-sudoku", "trm-att-maze", "trm-att-arc", "trm-mlp-maze",
        "hrm-sudoku", "hrm-maze",
    ]  # fmt: skip


def test_an_unknown_preset_suggests_the_nearest() -> None:
    with pytest.raises(InputError, match="there is no preset 'trm-mlp-sudko'; did you mean 'trm-mlp-sudoku'"):
        preset("trm-mlp-sudko")


@pytest.mark.parametrize(("size", "width"), [(512, 1536), (97, 512), (916, 2560)])
def test_swiglu_widths_are_the_published_ones(size: int, width: int) -> None:
    assert swiglu_width(size) == width


@pytest.mark.parametrize("name", list_presets())
def test_seeded_tensors_are_exactly_those_of_an_official_checkpoint(name: str) -> None:
    config = replace(preset(name), num_puzzle_identifiers=3)
    tensors = seeded_tensors(config)
    validate(tensors, config)
    assert {key: t.shape for key, t in tensors.items()} == expected_tensors(config)


def test_seeded_weights_follow_the_official_initialisation() -> None:
    tensors = seeded_tensors(preset("trm-mlp-sudoku"))
    down = tensors["inner.L_level.layers.0.mlp.down_proj.weight"]
    assert abs(down.std() * 1536**0.5 - 1) < 0.005
    assert np.abs(down).max() <= CUT / CUT_DEVIATION * 1536**-0.5 * (1 + 1e-6)
    assert abs(tensors["inner.H_init"].std() - 1) < 0.1
    assert not tensors["inner.q_head.weight"].any()
    assert (tensors["inner.q_head.bias"] == -5).all()


def test_a_seed_fixes_every_tensor_and_another_changes_it() -> None:
    config = preset("trm-mlp-sudoku")
    first, again, other = seeded_tensors(config, 1), seeded_tensors(config, 1), seeded_tensors(config, 2)
    drawn = [key for key in first if "q_head" not in key]
    assert all(np.array_equal(first[key], again[key]) for key in first)
    assert not any(np.array_equal(first[key], other[key]) for key in drawn)


def test_no_two_layers_share_seeded_weights() -> None:
    tensors = seeded_tensors(preset("hrm-sudoku"))
    layers = [f"{level}_level.layers.{i}" for level in "HL" for i in range(4)]
    downs = [tensors[f"inner.{layer}.mlp.down_proj.weight"] for layer in layers]
    assert len({d.tobytes() for d in downs}) == 8


def test_a_seeded_puzzle_row_does_not_depend_on_the_size_of_its_table() -> None:
    short = np.concatenate(list(row_blocks(5, 16)))
    long = np.concatenate(list(row_blocks(2 * ROW_BLOCK + 7, 16)))
    assert long.shape == (2 * ROW_BLOCK + 7, 16)
    assert np.array_equal(long[:5], short)
    assert not np.array_equal(long[ROW_BLOCK : ROW_BLOCK + 5], short)


def test_the_puzzle_tensor_is_those_rows() -> None:
    config = replace(preset("trm-att-arc"), num_puzzle_identifiers=4)
    assert np.array_equal(seeded_tensors(config)[f"inner.{PUZZLE_KEY}"], next(row_blocks(4, 512)))


def test_blocks_of_a_puzzle_table_differ() -> None:
    first, second = row_blocks(2 * ROW_BLOCK, 4)
    assert (first != second).any(axis=1).all()
