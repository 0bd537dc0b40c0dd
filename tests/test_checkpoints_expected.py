"""The tensors of a configuration are known by name and shape, and a checkpoint is held to them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from refimpl.errors import InputError
from refimpl.models.config import ModelConfig
from workbench.checkpoints import expected_tensors, validate
from workbench.model_config import model_config

PARITY = Path(__file__).parent / "data" / "parity"
WEIGHT = "inner.L_level.layers.1.mlp.down_proj.weight"
Tensors = dict[str, np.ndarray]


def parity_case(name: str) -> tuple[ModelConfig, Tensors]:
    with np.load(PARITY / f"{name}.npz") as case:
        config = model_config(json.loads(bytes(case["config_json"])))
        weights = {
            key.removeprefix("weights/"): case[key] for key in case.files if key.startswith("weights/")
        }
    return config, weights


@pytest.fixture
def model() -> tuple[ModelConfig, Tensors]:
    return parity_case("trm_mlp")


@pytest.mark.parametrize("name", ["trm_mlp", "trm_att", "trm_att_learned", "hrm"])
def test_the_official_code_has_exactly_the_expected_tensors(name: str) -> None:
    config, weights = parity_case(name)
    assert expected_tensors(config) == {key: values.shape for key, values in weights.items()}
    validate(weights, config)


SUDOKU = ModelConfig(
    family="trm",
    seq_len=81,
    vocab_size=11,
    hidden_size=512,
    num_heads=8,
    L_layers=2,
    H_cycles=3,
    L_cycles=6,
    halt_max_steps=16,
    mlp_t=True,
    pos_encodings="none",
    puzzle_emb_len=16,
    channel_intermediate_size=1536,
    token_intermediate_size=512,
)
ATTENTION = replace(SUDOKU, mlp_t=False, token_intermediate_size=None, pos_encodings="rope")
HRM = replace(ATTENTION, family="hrm", L_layers=4, H_layers=4, puzzle_emb_len=1)


@pytest.mark.parametrize(
    ("config", "parameters"),
    [
        (SUDOKU, 5_028_866),
        (ATTENTION, 6_828_034),
        (HRM, 27_275_266),
        (replace(ATTENTION, seq_len=900, vocab_size=6), 6_822_914),
        (replace(ATTENTION, seq_len=900, vocab_size=12), 6_829_058),
    ],
)
def test_paper_sizes_have_the_published_number_of_parameters(config: ModelConfig, parameters: int) -> None:
    """Published without puzzle table and initial states."""
    left_out = {"inner.puzzle_emb.weights", "inner.H_init", "inner.L_init"}
    shapes = expected_tensors(config)
    assert sum(int(np.prod(shape)) for name, shape in shapes.items() if name not in left_out) == parameters


def test_a_puzzle_table_may_have_any_number_of_rows_but_no_other_width(
    model: tuple[ModelConfig, Tensors],
) -> None:
    config, weights = model
    for rows in (1, 2, 1000):
        validate({**weights, "inner.puzzle_emb.weights": np.zeros((rows, 64), np.float32)}, config)
    for shape in ((0, 64), (5, 63), (64,)):
        with pytest.raises(
            InputError, match=r"tensor inner\.puzzle_emb\.weights has shape .*, expected \(5, 64\)"
        ):
            validate({**weights, "inner.puzzle_emb.weights": np.zeros(shape, np.float32)}, config)


def test_a_wrong_shape_is_named_with_what_was_expected(model: tuple[ModelConfig, Tensors]) -> None:
    config, weights = model
    weights[WEIGHT] = weights[WEIGHT].T
    with pytest.raises(InputError) as caught:
        validate(weights, config)
    assert str(caught.value) == (
        f"tensor {WEIGHT} has shape (256, 64), expected (64, 256) for this TRM "
        "(MLP mixer, hidden 64, 16 + 4 positions, vocab 7)."
    )


def test_missing_and_unknown_tensors_are_listed(model: tuple[ModelConfig, Tensors]) -> None:
    config, weights = model
    weights["inner.extra"] = weights.pop(WEIGHT)
    with pytest.raises(InputError, match=rf"missing {WEIGHT}; unknown inner\.extra\.$"):
        validate(weights, config)
    with pytest.raises(InputError, match=r"missing none; unknown inner\.z0, .*, inner\.z5 and 2 more\.$"):
        validate({**parity_case("trm_mlp")[1], **{f"inner.z{i}": np.ones(1) for i in range(8)}}, config)


@pytest.mark.parametrize(("value", "count"), [(np.nan, 1), (np.inf, 3), (-np.inf, 2)])
def test_values_that_are_not_finite_are_counted(
    model: tuple[ModelConfig, Tensors], value: float, count: int
) -> None:
    config, weights = model
    weights[WEIGHT] = weights[WEIGHT].copy()
    weights[WEIGHT].flat[:count] = value
    with pytest.raises(
        InputError, match=f"tensor {WEIGHT} has {count} values of 16384 that are NaN or infinite"
    ):
        validate(weights, config)


def test_float64_values_beyond_float32_are_refused(model: tuple[ModelConfig, Tensors]) -> None:
    config, weights = model
    validate({name: values.astype(np.float64) for name, values in weights.items()}, config)
    with pytest.raises(
        InputError, match=r"tensor inner\.H_init has 64 values of 64 that are NaN or infinite"
    ):
        validate({**weights, "inner.H_init": np.full(64, 1e39)}, config)


@pytest.mark.parametrize("dtype", ["int8", "int64", "bool", "uint8"])
def test_integers_where_weights_are_due_are_refused(model: tuple[ModelConfig, Tensors], dtype: str) -> None:
    config, weights = model
    with pytest.raises(InputError, match=f"tensor {WEIGHT} has dtype {dtype}, expected a float type"):
        validate({**weights, WEIGHT: weights[WEIGHT].astype(dtype)}, config)
