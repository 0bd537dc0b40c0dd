"""From a finished run to a network that ships: ``weights.npz`` (float16) and its card ``config.json``."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from refimpl.checkpoints import read, write_npz
from refimpl.checkpoints.replacing import replacing
from refimpl.errors import InputError
from training.config import FINAL_SEED, Recipe
from training.data import final_sets
from training.loop import evaluate
from training.model import Reasoner


def wilson(share: float, count: int) -> tuple[float, float]:
    """Return the 95 % Wilson interval of a share observed on ``count`` puzzles."""
    z = 1.959964
    middle = share + z * z / (2 * count)
    spread = z * (share * (1 - share) / count + z * z / (4 * count * count)) ** 0.5
    scale = 1 + z * z / count
    return (middle - spread) / scale, (middle + spread) / scale


def export(folder: Path, target: Path, puzzles: int = 1000, unfinished: bool = False) -> dict[str, Any]:
    """Write the averaged weights of a run and measure them, as stored, in float32.

    Raises
    ------
    InputError
        If the run has not finished, unless ``unfinished``; the card then says so.
    """
    state_path = folder / "state-0.pt"
    if not state_path.exists():
        raise InputError(f"{folder} holds no state-0.pt; `python -m training run` writes it.")
    state = torch.load(state_path, map_location="cpu", weights_only=False)
    recipe = Recipe.from_dict(json.loads(state["recipe"]))
    if state["completed"] < recipe.steps and not unfinished:
        raise InputError(f"{folder} stands at step {state['completed']} of {recipe.steps}; finish it first.")
    tensors = {k: v.float().numpy() for k, v in {**state["model"], **state["ema"]}.items()}
    target.mkdir(parents=True, exist_ok=True)
    write_npz(target / "weights.npz", tensors, "float16")
    card = {
        **recipe.model.to_dict(),
        "model": recipe.model.family,
        "parameters": int(sum(v.size for k, v in tensors.items() if not k.endswith("_init"))),
        "seed": recipe.seed,
        "completed_steps": state["completed"],
        "minutes": round(state["minutes"], 1),
        "stored": "float16",
        "held_out": measure(target / "weights.npz", recipe, puzzles),
        "recipe": {k: v for k, v in recipe.to_dict().items() if k != "model"},
        "curve": _curve(folder / "curve.csv"),
    }
    del card["family"]
    with replacing(target / "config.json") as file:
        file.write(_readable(card).encode())
    return card


def measure(weights: Path, recipe: Recipe, puzzles: int, steps: int | None = None) -> dict[str, Any]:
    """Return accuracy with interval of stored weights on each final held-out set."""
    model = Reasoner(recipe.model)
    model.load_state_dict({k: torch.tensor(np.float32(v)) for k, v in read(weights).items()})
    found: dict[str, Any] = {}
    for name, tokens in final_sets(recipe.data, puzzles).items():
        config = recipe.model
        exact, cell = evaluate(
            model, tokens, steps or config.halt_max_steps, config.H_cycles, config.L_cycles, 64
        )
        low, high = wilson(exact, len(tokens.inputs))
        found[name] = {
            "puzzles": len(tokens.inputs),
            "exact": round(exact, 4),
            "cell": round(cell, 4),
            "exact_interval_95": [round(low, 4), round(high, 4)],
            "seed": FINAL_SEED,
        }
    return found


def _curve(path: Path) -> list[dict[str, float]]:
    with path.open() as file:
        return [{k: float(v) for k, v in row.items()} for row in csv.DictReader(file)]


def _readable(card: dict[str, Any]) -> str:
    """Return JSON with one line per key and one per point of the curve."""
    lines = [f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in card.items() if key != "curve"]
    points = ",\n    ".join(json.dumps(point) for point in card["curve"])
    return "{\n" + ",\n".join([*lines, f'  "curve": [\n    {points}\n  ]']) + "\n}\n"
