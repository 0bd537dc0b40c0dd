"""Claims: an exported network is complete without torch, and its card says what was measured."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from test_training_model import tiny

from refimpl import float_ops
from refimpl.errors import InputError
from refimpl.float_params import build_model
from refimpl.models.recursion import run
from training.baselines import PLANS, baseline
from training.config import Data, Optimization, Recipe, Run, Stage
from training.data import final_sets
from training.export import export
from training.run import train
from workbench.checkpoints import load_network


def recipe(steps: int) -> Recipe:
    config = tiny(mlp_t=True, pos="none")
    shapes = {"seq_len": 36, "vocab_size": 8, "task": "sudoku", "halt_max_steps": 3}
    config = type(config)(**{**config.to_dict(), **shapes})
    return Recipe("tiny", 5, config, (Stage(steps, 1, 1, 2, (20, 30)),),
                  Data(pool=100, size=6, held_out=8, held_out_givens=(30,)),
                  Optimization(batch_size=16, warmup_steps=5), Run(threads=1, evaluate_every=20))


def test_the_numpy_reference_reads_the_export_and_finds_the_accuracy_on_its_card(tmp_path: Path) -> None:
    made = recipe(60)
    train(made, tmp_path / "run")
    export(tmp_path / "run", tmp_path / "network", puzzles=20)
    card = json.loads((tmp_path / "network" / "config.json").read_text())
    config, tensors = load_network(tmp_path / "network")
    assert config == made.model
    assert Recipe.from_dict({**card["recipe"], "model": card}) == made
    assert [point["step"] for point in card["curve"]] == [20, 40, 60]
    tokens = final_sets(made.data, 20)[0]
    _, outputs = run(float_ops, build_model(config, tensors, np.float32), tokens.inputs)
    right = outputs.logits.argmax(-1) == tokens.labels
    assert card["held_out"]["30 givens"]["exact"] == right.all(1).mean()
    assert card["held_out"]["30 givens"]["cell"] == pytest.approx(right.mean(), abs=1e-4)
    counted = [v.size for k, v in tensors.items() if not k.endswith("_init") and "puzzle_emb" not in k]
    assert card["parameters"] == sum(counted)


def test_an_unfinished_run_is_not_exported_by_accident(tmp_path: Path) -> None:
    train(recipe(60), tmp_path / "run", stop_at=20)
    with pytest.raises(InputError, match="step 20 of 60"):
        export(tmp_path / "run", tmp_path / "network")
    card = export(tmp_path / "run", tmp_path / "network", puzzles=2, unfinished=True)
    assert card["completed_steps"] == 20


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["qat-published", "prune", "prune-tuned", "distill"])
def test_every_baseline_brings_its_controls(kind: str) -> None:
    plan = replace(PLANS[kind], steps=0 if kind == "prune" else 2)
    row = baseline(kind, "sudoku6-mlp", plan, puzzles=20)
    assert row["fp32"]["exact"] >= 0.8
    assert row["fp32"]["fidelity"] == 1.0
    assert row["before"]["cell"] < row["fp32"]["cell"]
    if kind == "prune":
        assert row["after"] == row["before"]
    else:
        assert row["after"]["cell"] != row["before"]["cell"]
