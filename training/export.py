"""From a finished run to a network that ships: ``weights.npz`` and its card ``config.json``."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from refimpl.errors import InputError
from training.config import Recipe
from training.data import final_sets, open_source
from training.states import read_state
from workbench.cards import entry, state
from workbench.checkpoints import read_json, write_card, write_npz
from workbench.checkpoints.networks import CONFIG
from workbench.content import FLOAT
from workbench.evaluate import measure, program
from workbench.networks import find_network
from workbench.sizes import parameters
from workbench.tasks.arc_rows import PUZZLE_ROWS, row_names


def export(folder: Path, target: Path, puzzles: int = 1000, unfinished: bool = False,
           dtype: str = "float16") -> dict[str, Any]:
    """Write the averaged weights of a run, measure them with the NumPy reference, and return the card.

    Raises
    ------
    InputError
        If the run has not finished, unless ``unfinished``; the card's ``completed_steps`` tells.
    """
    path = folder / "state-0.pt"
    if not path.exists():
        raise InputError(f"{folder} holds no state-0.pt; `python -m training run` writes it.")
    saved = read_state(path)
    recipe = Recipe.from_dict(json.loads(saved["recipe"]))
    if saved["completed"] < recipe.steps and not unfinished:
        raise InputError(f"{folder} stands at step {saved['completed']} of {recipe.steps}; finish it first.")
    tensors = {k: v.float().numpy() for k, v in {**saved["model"], **saved["ema"]}.items()}
    shapes = recipe.model.to_dict()
    rows = open_source(recipe.data, recipe.model).rows if recipe.data.source == "arc" else None
    card = {"model": shapes.pop("family"), **shapes,
            "parameters": parameters(recipe.model).total,
            "seed": recipe.seed, "completed_steps": saved["completed"], "minutes": round(saved["minutes"], 1),
            "source": f"trained by this project from {recipe.start or 'random weights'} on "
                      f"{recipe.data.path or 'its own generated puzzles'}; stored as {dtype}",
            "held_out": {}, "recipe": {k: v for k, v in asdict(recipe).items() if k != "model"},
            "curve": saved["curve"]}
    if rows is not None:
        card[PUZZLE_ROWS] = row_names(rows)
    target.mkdir(parents=True, exist_ok=True)
    write_npz(target / "weights.npz", tensors, dtype)
    write_card(target, card)
    runner = program(find_network(str(target.resolve())), FLOAT)
    sets = final_sets(recipe.data, puzzles, recipe.model)
    state(target, {one.name: entry(one, measure(runner, one)) for one in sets})
    return read_json(target / CONFIG)
