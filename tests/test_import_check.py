"""``import --check``: an original's outputs confirm an import, or name the setting that is wrong."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import checkpoints_by_hand as by_hand
import numpy as np
import pytest

from refimpl import float_ops
from refimpl.__main__ import main
from refimpl.float_params import build_model
from refimpl.models.recursion import run
from workbench.bfloat16 import bfloat16_model, bfloat16_ops, to_bfloat16
from workbench.checkpoints import load_network
from workbench.model_config import model_config

PARITY = Path(__file__).parent / "data" / "parity"
CASES = ("trm_att", "trm_mlp", "trm_att_learned", "hrm")


def case(name: str) -> dict[str, np.ndarray]:
    with np.load(PARITY / f"{name}.npz") as stored:
        return {key: stored[key] for key in stored.files}


def settings_of(name: str) -> dict[str, Any]:
    return json.loads(bytes(case(name)["config_json"]))


def run_folder(folder: Path, name: str, **changes: Any) -> Path:
    """A run with some settings other than those it was trained with, and the original's outputs beside it."""
    folder.mkdir(exist_ok=True)
    arrays = case(name)
    weights = {key.removeprefix("weights/"): v for key, v in arrays.items() if key.startswith("weights/")}
    by_hand.write_torch_state(folder / "step_1", weights)
    (folder / "config.json").write_text(json.dumps(settings_of(name) | changes))
    np.savez(folder / "ref.npz", **{k: v for k, v in arrays.items() if k.startswith(("inputs/", "step"))})
    return folder


def said(capsys: pytest.CaptureFixture[str], folder: Path, *arguments: str, code: int = 0) -> str:
    capsys.readouterr()
    command = ["import", str(folder), str(folder / "net"), "--check", str(folder / "ref.npz"), *arguments]
    assert main(command) == code
    found = capsys.readouterr()
    return found.err if code else found.out


@pytest.mark.parametrize("name", CASES)
def test_outputs_of_the_official_code_confirm_heads_and_cycles(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out = said(capsys, run_folder(tmp_path / "run", name))
    assert "agrees: logits" in out
    assert "100.00 % of answers equal after step" in out
    assert f"H_cycles {settings_of(name)['H_cycles']}" in out
    assert "unverified" not in out


WRONG = [
    ("trm_att", {"num_heads": 2}, "heads", "--set num_heads=4"),
    ("trm_att", {"num_heads": 8}, "heads", "--set num_heads=4"),
    ("hrm", {"num_heads": 1}, "heads", "--set num_heads=4"),
    ("trm_att_learned", {"num_heads": 4}, "heads", "--set num_heads=2"),
    ("trm_att", {"H_cycles": 1}, "H cycles", "--set H_cycles=2"),
    ("trm_mlp", {"L_cycles": 6}, "L cycles", "--set L_cycles=3"),
    ("hrm", {"L_cycles": 1}, "L cycles", "--set L_cycles=2"),
    ("trm_att", {"pos_encodings": "none"}, "positions", "--set pos_encodings=rope"),
    ("trm_att", {"rope_theta": 100.0}, "positions", "--set rope_theta=10000.0"),
    ("trm_att", {"puzzle_emb_len": 16}, "the prefix", "--set puzzle_emb_len=4"),
    ("trm_att", {"num_heads": 2, "H_cycles": 3}, "H cycles and heads", "--set H_cycles=2 --set num_heads=4"),
]


@pytest.mark.parametrize(("name", "changes", "reason", "flags"), WRONG)
def test_a_wrong_setting_that_fits_every_shape_is_named_and_nothing_is_written(
    tmp_path: Path,
    name: str,
    changes: dict[str, Any],
    reason: str,
    flags: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = run_folder(tmp_path / "run", name, **changes)
    err = said(capsys, folder, code=2)
    assert reason in err
    assert flags in err
    assert not (folder / "net").exists()
    assert "agrees" in said(capsys, folder, *flags.split())


def test_a_reference_of_other_weights_is_explained_by_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = run_folder(tmp_path / "run", "trm_mlp")
    arrays = case("trm_mlp")
    rng = np.random.default_rng(0)
    np.savez(folder / "ref.npz", inputs=arrays["inputs/inputs"], logits=rng.standard_normal((3, 16, 7)))
    assert "no other heads, cycles, positions, prefix or eps" in said(capsys, folder, code=2)


def test_answers_after_the_last_step_are_enough(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = run_folder(tmp_path / "run", "trm_att")
    arrays = case("trm_att")
    inputs, ids = arrays["inputs/inputs"], arrays["inputs/puzzle_identifiers"]
    answers = arrays["step2/logits"].argmax(-1)
    np.savez(folder / "ref.npz", inputs=inputs, puzzle_ids=ids, answers=answers)
    assert "agrees: 100.00 % of answers equal after step 3" in said(capsys, folder)
    (folder / "config.json").write_text(json.dumps(settings_of("trm_att") | {"num_heads": 2}))
    assert "--set num_heads=4" in said(capsys, folder, code=2)


@pytest.mark.parametrize(("arrays", "sentence"), [
    ({}, "has no inputs of whole numbers"),
    ({"inputs": np.ones((2, 16))}, "has no inputs of whole numbers"),
    ({"inputs": np.ones((2, 9), int)}, "inputs have 9 positions; the network has 16"),
    ({"inputs": np.full((2, 16), 7)}, "inputs go from 7 to 7"),
    ({"inputs": np.ones((2, 16), int)}, "neither logits nor answers"),
    ({"inputs": np.ones((2, 16), int), "logits": np.ones((2, 16, 8))}, "of shape (2, 16, 7) are due"),
    ({"inputs": np.ones((2, 16), int), "answers": np.ones((2, 16))}, "whole numbers of shape (2, 16) are "
                                                                     "due"),
    ({"inputs": np.ones((2, 16), int), "logits": np.full((2, 16, 7), np.nan)}, "not finite"),
    ({"inputs": np.ones((2, 16), int), "step9/logits": np.ones((2, 16, 7))}, "outputs after step 10"),
    ({"inputs": np.ones((2, 16), int), "logits": np.ones((2, 16, 7)), "puzzle_ids": np.full(2, 5)},
     "puzzle_ids must be 2 rows of the network's 5"),
])  # fmt: skip
def test_a_reference_that_does_not_fit_is_one_sentence(
    tmp_path: Path, arrays: dict[str, np.ndarray], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = run_folder(tmp_path / "run", "trm_att")
    np.savez(folder / "ref.npz", **arrays)
    assert sentence in said(capsys, folder, code=2)


def test_bfloat16_is_rounded_half_to_even() -> None:
    values = np.array([1.0, 1.00390625, 1.01171875, -3.0e38, 2.0**-133, np.nan, np.inf], np.float32)
    assert to_bfloat16(values)[:5].tolist() == [1.0, 1.0, 1.015625, 226 / 128 * -(2.0**127), 2.0**-133]
    assert np.isnan(to_bfloat16(values)[5])
    assert to_bfloat16(values)[6] == np.inf
    rng = np.random.default_rng(0)
    drawn = rng.standard_normal(1000).astype(np.float32)
    assert np.abs(to_bfloat16(drawn) / drawn - 1).max() <= 2.0**-8
    assert not (to_bfloat16(drawn).view(np.uint32) & 0xFFFF).any()


def test_the_bfloat16_reading_is_that_of_an_original_run_in_bfloat16(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its own outputs are nearer to it than to the float32 reading, and still confirm the settings."""
    folder = run_folder(tmp_path / "run", "trm_att")
    config, tensors = load_network(folder / "step_1")
    inputs = case("trm_att")["inputs/inputs"]
    _, outputs = run(bfloat16_ops, bfloat16_model(config, tensors), inputs)
    np.savez(folder / "ref.npz", inputs=inputs, logits=outputs.logits)
    out = said(capsys, folder)
    assert re.search(r"logits 0 % apart \(rms\), 100\.00 % .*, bfloat16 reading", out)
    _, exact = run(float_ops, build_model(config, tensors), inputs)
    assert 1e-4 < np.abs(outputs.logits - exact.logits).mean() / np.abs(exact.logits).mean() < 0.1


def test_a_configuration_alone_is_never_called_confirmed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = run_folder(tmp_path / "run", "trm_att")
    assert main(["import", str(folder), str(folder / "net")]) == 0
    assert "unverified, since no shape depends on them: num_heads 4" in capsys.readouterr().out
    assert model_config(settings_of("trm_att")) == load_network(folder / "net")[0]
