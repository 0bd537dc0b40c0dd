"""From a finished run to a network that ships: ``weights.npz`` (float16) and its card ``config.json``."""

from __future__ import annotations

import csv
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from refimpl.checkpoints import load_network, write_npz
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
    """Write the averaged weights of a run, measure them as stored in float32, and return the card.

    Raises
    ------
    InputError
        If the run has not finished, unless ``unfinished``; the card's ``completed_steps`` tells.
    """
    path = folder / "state-0.pt"
    if not path.exists():
        raise InputError(f"{folder} holds no state-0.pt; `python -m training run` writes it.")
    state = torch.load(path, map_location="cpu", weights_only=False)
    recipe = Recipe.from_dict(json.loads(state["recipe"]))
    if state["completed"] < recipe.steps and not unfinished:
        raise InputError(f"{folder} stands at step {state['completed']} of {recipe.steps}; finish it first.")
    tensors = {k: v.float().numpy() for k, v in {**state["model"], **state["ema"]}.items()}
    shapes = recipe.model.to_dict()
    card = {"model": shapes.pop("family"), **shapes,
            "parameters": sum(v.size for k, v in tensors.items() if not k.endswith("_init")),
            "seed": recipe.seed, "completed_steps": state["completed"], "minutes": round(state["minutes"], 1),
            "source": f"trained by this project from {recipe.start or 'random weights'} on "
                      f"{recipe.data.path or 'its own generated puzzles'}; stored as float16",
            "held_out": {},
            "recipe": {k: v for k, v in asdict(recipe).items() if k != "model"}}
    with (folder / "curve.csv").open() as file:
        card["curve"] = [{k: float(v) for k, v in row.items()} for row in csv.DictReader(file)]
    target.mkdir(parents=True, exist_ok=True)
    write_npz(target / "weights.npz", tensors, "float16")
    _write(target / "config.json", card)
    card["held_out"] = measure(target, recipe, puzzles)
    _write(target / "config.json", card)
    return card


def measure(network: Path, recipe: Recipe, puzzles: int) -> dict[str, Any]:
    """Return accuracy with interval of a stored network on each final held-out set of its recipe."""
    torch.set_num_threads(recipe.run.threads)
    config, tensors = load_network(network)
    model = Reasoner(config)
    model.load_state_dict({k: torch.tensor(v) for k, v in tensors.items()})
    found: dict[str, Any] = {}
    for name, tokens in final_sets(recipe.data, puzzles).items():
        exact, cell = evaluate(model, tokens, config.H_cycles, config.L_cycles, 50)
        found[name] = {"puzzles": len(tokens.inputs), "seed": FINAL_SEED, "exact": round(exact, 4),
                       "exact_interval_95": [round(end, 4) for end in wilson(exact, len(tokens.inputs))],
                       "cell": round(cell, 4)}
    return found


def _write(path: Path, card: dict[str, Any]) -> None:
    """Write JSON with one line per key and one per point of the curve."""
    lines = [f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in card.items() if key != "curve"]
    points = ",\n    ".join(json.dumps(point) for point in card["curve"])
    with replacing(path) as file:
        file.write(("{\n" + ",\n".join([*lines, f'  "curve": [\n    {points}\n  ]']) + "\n}\n").encode())
