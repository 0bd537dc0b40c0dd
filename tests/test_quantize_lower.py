"""Lowering: every leaf of the integer tree carries the scales it must, degenerate rows included."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from compare import assert_exact, assert_within
from reasoners import PARITY, PARITY_CASES, calibration, float_model, integer_model, puzzles

from refimpl import fast, float_ops, float_params
from refimpl.errors import InputError
from refimpl.fixedpoint import ROUNDINGS, Rounding
from refimpl.float_params import build_model
from refimpl.formats import parse_weights
from refimpl.models.operators import Operators
from refimpl.models.recursion import run
from refimpl.models.tree import Model, leaves, map_leaves
from refimpl.params import Linear, RowTable
from refimpl.quantize.calibration import Calibration
from refimpl.quantize.lower import lower
from workbench.calibrations import read_calibration, write_calibration
from workbench.model_config import model_config
from workbench.sites import SiteOps, calibrate

STATE_UNIT, LOGIT_UNIT = 2.0**-10, 2.0**-12


def factors(p: Linear | RowTable) -> np.ndarray:
    """The real factor of each row."""
    return p.multiplier.astype(np.float64) * 2.0 ** (p.shift.astype(np.float64) - 31)


def linears(model: Model) -> dict[str, Linear]:
    return {p.name: p for p in leaves(model) if isinstance(p, Linear)}


def trm_att_with(change: Callable[[dict[str, np.ndarray]], None]) -> tuple[Model, Calibration]:
    """The attention parity model with some of its tensors changed in place."""
    with np.load(PARITY / "trm_att.npz") as stored:
        config = model_config(json.loads(bytes(stored["config_json"])))
        tensors = {k.removeprefix("weights/"): stored[k] for k in stored.files if k.startswith("weights/")}
    change(tensors)
    model = build_model(config, tensors)
    return model, calibrate(model.with_depth(steps=1), puzzles(config, 1))


# --- scales -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("weights", ["w8c", "w8t", "w4c", "w4t"])
def test_every_row_multiplier_is_weight_scale_times_input_scale_over_output_scale(weights: str) -> None:
    """Worked out here from the float weights and the calibration, for one layer of every kind."""
    scale = calibration("trm_att").scale
    model = float_model("trm_att")
    layer = model.L_level[1]
    q, k, v = (scale(f"L.1.attn.qkv.{part}") for part in "qkv")
    gate, up = (scale(f"L.1.mlp.gate_up.{part}") for part in ("gate", "up"))
    expected = {
        "L.1.attn.qkv": (layer.token.qkv, scale("L.1.attn.qkv.input"), np.repeat([q, k, v], 64)),
        "L.1.attn.o": (layer.token.o, scale("L.1.attn.o.input"), STATE_UNIT),
        "L.1.mlp.gate_up": (
            layer.channel.gate_up,
            scale("L.1.mlp.gate_up.input"),
            np.repeat([gate, up], 256),
        ),
        "L.1.mlp.down": (layer.channel.down, scale("L.1.mlp.down.input"), STATE_UNIT),
        "lm_head": (model.lm_head.linear, scale("lm_head.input"), LOGIT_UNIT),
        "q_head": (model.q_head.linear, scale("q_head.input"), LOGIT_UNIT),
    }
    lowered = linears(integer_model("trm_att", weights))
    qmax = 127 if weights.startswith("w8") else 7
    for name, (source, in_scale, out_scale) in expected.items():
        magnitude = np.abs(source.weight.astype(np.float64))
        absmax = magnitude.max(axis=1) if weights.endswith("c") else np.full(len(magnitude), magnitude.max())
        wanted = absmax / qmax * in_scale / out_scale
        assert_within(factors(lowered[name]) / wanted, np.ones(len(wanted)), 2.0**-30)
        assert lowered[name].weight_bits == int(weights[1])
        assert np.abs(lowered[name].codes).max() == qmax


def test_a_bias_is_stored_in_accumulator_units() -> None:
    p = linears(integer_model("trm_att", "w8c"))["q_head"]
    source = float_model("trm_att").q_head.linear
    assert source.bias is not None
    assert p.bias is not None
    unit = factors(p) * LOGIT_UNIT
    assert_within(p.bias * unit, source.bias, float(unit.max()) / 2 + 1e-12)


def test_states_logits_and_activations_have_their_widths() -> None:
    widths = {
        name.rsplit(".", 1)[-1]: p.out_bits for name, p in linears(integer_model("trm_att", "w4c")).items()
    }
    assert widths == {"qkv": 8, "o": 32, "gate_up": 8, "down": 32, "lm_head": 32, "q_head": 32}


@pytest.mark.parametrize("weights", ["w8c", "w4t"])
def test_embedding_rows_are_int8_with_a_multiplier_each_whatever_the_weights(weights: str) -> None:
    table = integer_model("trm_att", weights).embedding.tokens
    source = float_model("trm_att").embedding.tokens.values.astype(np.float64)
    assert table.codes.dtype == np.int8
    assert_exact(np.abs(table.codes).max(axis=1), np.full(len(source), 127))
    assert_within(
        factors(table) * STATE_UNIT * 127 / np.abs(source).max(axis=1), np.ones(len(source)), 2.0**-30
    )
    rows = fast.embed(
        np.arange(len(source))[None], None, replace(integer_model("trm_att", weights).embedding, puzzles=None)
    )
    half_code = np.abs(source).max() / 127 / 2
    assert_within(rows[0] * STATE_UNIT, source, half_code + STATE_UNIT)


@pytest.mark.parametrize("rounding", ROUNDINGS)
def test_the_rounding_rule_reaches_every_leaf_that_rounds(rounding: Rounding) -> None:
    rules = [p.rounding for p in leaves(integer_model("trm_att", "w8c", rounding)) if hasattr(p, "rounding")]
    assert len(rules) > 10
    assert set(rules) == {rounding}


# --- degenerate rows ------------------------------------------------------------------------------------


def test_a_row_without_a_nonzero_code_gets_multiplier_zero_and_shift_zero() -> None:
    def change(tensors: dict[str, np.ndarray]) -> None:
        tensors["inner.q_head.weight"][1] = 0  # the trained q_continue row is one
        tensors["inner.q_head.bias"][:] = 0
        tensors["inner.L_level.layers.0.mlp.down_proj.weight"][3] = 0
        tensors["inner.embed_tokens.embedding_weight"][2] = 0

    model, scales = trm_att_with(change)
    for weights in ("w8c", "w4c"):
        lowered = lower(model, weights, scales)
        by_name = linears(lowered)
        tables = {"q_head": (by_name["q_head"], 1), "down": (by_name["L.0.mlp.down"], 3)}
        for p, row in [*tables.values(), (lowered.embedding.tokens, 2)]:
            assert (int(p.multiplier[row]), int(p.shift[row])) == (0, 0)
            assert not p.codes[row].any()
            assert np.count_nonzero(p.multiplier) == len(p.multiplier) - 1  # no other row
        _, outputs = run(fast, lowered.with_depth(1, 1), puzzles(model.config, 2))
        assert_exact(outputs.q[:, 1], [0, 0])


def test_a_degenerate_row_with_a_bias_gives_its_bias_in_output_units() -> None:
    def change(tensors: dict[str, np.ndarray]) -> None:
        tensors["inner.q_head.weight"][:] = 0
        tensors["inner.q_head.bias"][:] = [-5.0, 0.25]

    model, scales = trm_att_with(change)
    for rounding in ROUNDINGS:
        lowered = lower(model, f"w8c-{rounding}", scales)
        p = linears(lowered)["q_head"]
        assert_exact(p.multiplier, [2**30, 2**30])
        assert_exact(p.shift, [1, 1])
        _, outputs = run(fast, lowered.with_depth(1, 1), puzzles(model.config, 2))
        assert_exact(outputs.q, [[-5 * 4096, 1024]] * 2)


def test_a_row_too_fine_for_the_tensor_scale_is_degenerate_too() -> None:
    """Under one scale a tensor, a small row rounds to zero codes though its weights are not zero."""

    def change(tensors: dict[str, np.ndarray]) -> None:
        tensors["inner.lm_head.weight"][0] = 1e-6

    model, scales = trm_att_with(change)
    p = linears(lower(model, "w4t", scales))["lm_head"]
    assert not p.codes[0].any()
    assert (int(p.multiplier[0]), int(p.shift[0])) == (0, 0)
    assert lower(model, "w4c", scales).lm_head.linear.codes[0].all()


def test_weights_that_are_not_finite_are_refused() -> None:
    def change(tensors: dict[str, np.ndarray]) -> None:
        tensors["inner.lm_head.weight"][0, :2] = np.nan, np.inf

    with np.errstate(invalid="ignore"):
        model, _ = trm_att_with(change)
    with pytest.raises(InputError, match="2 weights are not finite"):
        lower(model, "w8c", calibration("trm_att"))


@pytest.mark.parametrize("weights", ["w4", "w9c", "int4", ""])
def test_an_unknown_weight_format_is_refused_by_name(weights: str) -> None:
    with pytest.raises(InputError, match="no weight format"):
        lower(float_model("trm_att"), weights, calibration("trm_att"))


# --- structure ----------------------------------------------------------------------------------------


def test_one_image_serves_every_depth() -> None:
    model = integer_model("trm_att", "w8c")
    assert all(a is b for a, b in zip(leaves(model), leaves(model.with_depth(1, 5)), strict=True))


def test_the_stacks_of_an_hrm_are_calibrated_apart() -> None:
    by_name = linears(integer_model("hrm", "w8c"))
    down = {level: by_name[f"{level}.0.mlp.down"] for level in "HL"}
    assert not np.array_equal(down["H"].codes, down["L"].codes)
    scales = calibration("hrm").absmax
    assert scales["H.0.mlp.down.input"] != scales["L.0.mlp.down.input"]


def cosine(x: np.ndarray, y: np.ndarray) -> float:
    """Over channels, mean over positions and puzzles."""
    x, y = x.astype(np.float64), y.astype(np.float64)
    return float(((x * y).sum(-1) / np.sqrt((x * x).sum(-1) * (y * y).sum(-1))).mean())


def states(reading: Operators, model: Model, tokens: np.ndarray) -> list[np.ndarray]:
    found: list[np.ndarray] = []
    run(reading, model, tokens, on_call=lambda call, state: found.append(state))
    return found


def rounded_float(name: str) -> tuple[Operators, Model]:
    """What the integers stand for: float32, every site and every weight rounded to its int8 grid."""
    scale = calibration(name).scale

    def visit(site: str, value: np.ndarray) -> np.ndarray:
        if site.endswith(".norm"):  # the carry stays wide
            return value
        return (np.clip(np.rint(value / scale(site)), -128, 127) * scale(site)).astype(value.dtype)

    def with_int8_rows(p: object) -> object:
        if not isinstance(p, float_params.Linear):
            return p
        weight = parse_weights("w8c").quantize(p.weight).dequantize()
        return replace(p, weight=weight.astype(np.float32))

    return SiteOps(visit), map_leaves(with_int8_rows, float_model(name).with_depth(1, 1))


@pytest.mark.parametrize("name", [*PARITY_CASES, "sudoku9-mlp", "sudoku9-att"])
def test_integers_are_as_close_to_the_float_model_as_rounding_to_int8_allows(name: str) -> None:
    """After every call of an ACT step.  A wrong scale or a swapped half would cost far more than a fifth."""
    model, lowered = float_model(name).with_depth(1, 1), integer_model(name, "w8c").with_depth(1, 1)
    tokens = puzzles(model.config, 2)
    real = states(float_ops, model, tokens)
    allowed = [1 - cosine(*pair) for pair in zip(states(*rounded_float(name), tokens), real, strict=True)]
    found = [1 - cosine(*pair) for pair in zip(states(fast, lowered, tokens), real, strict=True)]
    assert max(allowed) < 0.1
    assert all(f < 1.2 * a + 1e-3 for f, a in zip(found, allowed, strict=True)), (found, allowed)


# --- calibration ----------------------------------------------------------------------------------------


def test_a_site_s_scale_is_its_largest_magnitude_over_127() -> None:
    assert Calibration({"site": 254.0}, "test").scale("site") == 2.0


def test_a_site_that_never_left_zero_gets_scale_one() -> None:
    assert Calibration({"site": 0.0}, "test").scale("site") == 1.0


def test_a_missing_site_is_named() -> None:
    with pytest.raises(InputError, match=r"no site 'L\.0\.mlp\.silu'"):
        Calibration({}, "test").scale("L.0.mlp.silu")


def test_calibration_covers_the_whole_recursion() -> None:
    """More steps can only raise a scale, and do raise some."""
    model = float_model("sudoku9-mlp")
    tokens = puzzles(model.config, 2)
    short, long = (calibrate(model.with_depth(steps=n), tokens).absmax for n in (1, 3))
    assert short.keys() == long.keys()
    assert all(long[site] >= short[site] for site in short)
    assert any(long[site] > short[site] for site in short)


def test_the_largest_activation_of_each_site_is_the_recorded_one() -> None:
    """lm_head reads z_H of the task positions: its scale is that state's largest magnitude."""
    model = float_model("trm_att").with_depth(steps=1)
    tokens = puzzles(model.config, 2)
    carry, _ = run(float_ops, model, tokens)
    recorded: Mapping[str, float] = calibrate(model, tokens).absmax
    prefix = model.config.puzzle_emb_len
    assert recorded["lm_head.input"] == float(np.abs(carry.z_H[:, prefix:]).max())
    assert recorded["q_head.input"] == float(np.abs(carry.z_H[:, 0]).max())


def test_a_calibration_survives_its_file_to_the_last_bit(tmp_path: Path) -> None:
    original = calibration("trm_att")
    path = tmp_path / "calibration.json"
    write_calibration(original, path)
    assert read_calibration(path) == original
    assert [entry.name for entry in tmp_path.iterdir()] == ["calibration.json"]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"source": "x"}', '{"source": "x", "absmax": {"a": "b"}}'])
def test_a_file_that_is_no_calibration_is_refused_by_name(tmp_path: Path, text: str) -> None:
    path = tmp_path / "wrong.json"
    path.write_text(text)
    with pytest.raises(InputError, match=r"the calibration .*wrong\.json"):
        read_calibration(path)
