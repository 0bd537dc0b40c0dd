"""Made-up ARC tasks for tests: a rule of place, a rule of colour, one too large, in the public layout."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

SIDE = 4
_Grid = np.ndarray


def _pairs(rule: Any, count: int, side: int, seed: int) -> list[dict[str, Any]]:
    rng = np.random.default_rng(seed)
    grids = [rng.integers(0, 4, (side - 1, side)) for _ in range(count)]
    return [{"input": grid.tolist(), "output": rule(grid).tolist()} for grid in grids]


def _recolour(grid: _Grid) -> _Grid:
    return np.where(grid == 2, 3, grid)


RULES = {"0mirror": lambda grid: grid[:, ::-1], "1recolour": _recolour, "2large": lambda grid: grid}


def tasks() -> dict[str, Any]:
    """Three demonstrations and a test each; the last demonstration of 1recolour is its test, turned."""
    made = {}
    for seed, (name, rule) in enumerate(RULES.items()):
        side = SIDE + 1 if name == "2large" else SIDE
        pairs = _pairs(rule, 4, side, seed)
        made[name] = {"train": pairs[:3], "test": pairs[3:]}
    test = made["1recolour"]["test"][0]
    made["1recolour"]["train"][2] = {key: np.rot90(test[key]).tolist() for key in test}
    return made


def write_tasks(path: Path) -> Path:
    path.write_text(json.dumps(tasks()))
    return path
