"""Claims: an interrupted run is the uninterrupted one, and the schedule is what the recipe says."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from refimpl.errors import InputError  # noqa: E402
from training.config import read_recipe  # noqa: E402
from training.run import train  # noqa: E402

CONFIG = """
name = "tiny"
seed = 3
[model]
model = "MODEL"
seq_len = 36
vocab_size = 8
hidden_size = 16
num_heads = 2
L_layers = 1
H_layers = 1
H_cycles = 1
L_cycles = 1
halt_max_steps = 4
channel_intermediate_size = 16
[data]
pool = 50
size = 6
held_out = 8
held_out_givens = [18]
[optimization]
batch_size = 8
optimizer = "OPTIMIZER"
[run]
threads = 1
evaluate_every = 20
checkpoint_minutes = 0.0
[[stage]]
steps = 200
H_cycles = 1
L_cycles = 1
supervision_steps = 3
givens = [12, 24]
"""


def write(folder: Path, model: str = "trm", optimizer: str = "adamw") -> Path:
    path = folder / "tiny.toml"
    path.write_text(CONFIG.replace("MODEL", model).replace("OPTIMIZER", optimizer))
    return path


def losses(folder: Path) -> list[tuple[int, float]]:
    with (folder / "curve.csv").open() as file:
        return [(int(row["step"]), float(row["loss"])) for row in csv.DictReader(file)]


def test_a_run_killed_after_100_steps_and_resumed_has_the_losses_of_200_straight_steps(
    tmp_path: Path,
) -> None:
    config = write(tmp_path)
    straight = train(read_recipe(config), tmp_path / "straight")
    broken = tmp_path / "broken"
    child = subprocess.Popen(
        [sys.executable, "-m", "training", "run", str(config), "--folder", str(broken)],
        cwd=Path(__file__).parents[1],
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 100
    while time.monotonic() < deadline and (not (broken / "curve.csv").exists() or len(losses(broken)) < 5):
        time.sleep(0.01)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    assert 5 <= len(losses(broken)) < 10, "the kill came too early or too late to mean anything"
    resumed = train(read_recipe(config), broken)
    expected, found = losses(tmp_path / "straight"), losses(broken)
    assert [step for step, _ in found] == [step for step, _ in expected] == list(range(20, 201, 20))
    np.testing.assert_allclose([x for _, x in found], [x for _, x in expected], rtol=0, atol=1e-5)
    for name, value in straight.ema.average.items():
        torch.testing.assert_close(resumed.ema.average[name], value, rtol=0, atol=1e-5)


@pytest.mark.parametrize(("model", "optimizer"), [("trm", "muon"), ("hrm", "adamw")])
def test_a_pause_changes_nothing_whatever_the_model_and_optimizer(
    tmp_path: Path, model: str, optimizer: str
) -> None:
    recipe = read_recipe(write(tmp_path, model, optimizer))
    straight = train(recipe, tmp_path / "straight", stop_at=60)
    train(recipe, tmp_path / "paused", stop_at=31)
    paused = train(recipe, tmp_path / "paused", stop_at=60)
    assert losses(tmp_path / "paused") == losses(tmp_path / "straight")
    for name, value in straight.ema.average.items():
        assert torch.equal(paused.ema.average[name], value), name


def test_training_lowers_the_loss(tmp_path: Path) -> None:
    train(read_recipe(write(tmp_path)), tmp_path)
    found = losses(tmp_path)
    assert found[-1][1] < found[0][1]


def test_the_learning_rate_warms_up_stays_and_decays(tmp_path: Path) -> None:
    recipe = read_recipe(write(tmp_path))
    plan = recipe.optimization
    assert recipe.lr_factor(0) == pytest.approx(1 / plan.warmup_steps)
    assert recipe.lr_factor(plan.warmup_steps) == 1.0
    middle = recipe.steps - round(plan.decay * recipe.steps / 2)
    assert recipe.lr_factor(middle) == pytest.approx((1 + plan.final) / 2)
    assert recipe.lr_factor(recipe.steps) == pytest.approx(plan.final)


def test_a_recipe_survives_its_card(tmp_path: Path) -> None:
    recipe = read_recipe(write(tmp_path))
    assert type(recipe).from_dict(json.loads(json.dumps(asdict(recipe)))) == recipe


def test_a_misspelt_key_is_named_with_its_neighbour(tmp_path: Path) -> None:
    path = write(tmp_path)
    path.write_text(path.read_text().replace("batch_size", "batchsize"))
    with pytest.raises(InputError, match="batch_size"):
        read_recipe(path)
