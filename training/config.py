"""A training recipe: one TOML file, checked on reading, stored with the weights it made."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from refimpl.errors import InputError, unknown_name
from refimpl.models.config import ModelConfig

WATCHED_SEED = 2_000_003  # held-out puzzles that the curve of a run shows


@dataclass(frozen=True)
class Stage:
    """A stretch of the run with its own depth and difficulty (``givens`` is for Sudoku only)."""

    steps: int
    H_cycles: int
    L_cycles: int
    supervision_steps: int = 6
    givens: tuple[int, int] = (27, 54)


@dataclass(frozen=True)
class Data:
    """Where puzzles come from: a generator with its seed, or a file; ``pool`` puzzles are kept.

    ``grouping`` names the lines (``row``, ``column``, ``box``) that learned positions start from.
    """

    source: str = "sudoku"
    pool: int = 20_000
    seed: int = 1
    size: int = 9
    path: str = ""
    held_out: int = 256
    held_out_seed: int = WATCHED_SEED
    held_out_givens: tuple[int, ...] = (28, 32, 36)
    minimum_path: int = 0
    grouping: tuple[str, ...] = ()


@dataclass(frozen=True)
class Optimization:
    """Learning rate plan and optimizer; ``decay`` is the share of the run that decays linearly."""

    optimizer: str = "adamw"
    lr: float = 2e-3
    muon_lr: float = 0.01
    weight_decay: float = 0.1
    betas: tuple[float, float] = (0.9, 0.95)
    batch_size: int = 64
    warmup_steps: int = 100
    decay: float = 0.45
    final: float = 0.02
    clip: float = 1.0
    ema: float = 0.997
    loss: str = "stablemax"
    exploration: float = 0.1
    label_weights: tuple[float, ...] = ()


@dataclass(frozen=True)
class Run:
    """Machine side: dtype of the forward pass, compilation, threads, how often to look and to save."""

    dtype: str = "float32"
    compile: bool = False
    device: str = "cpu"
    threads: int = 2
    evaluate_every: int = 1000
    checkpoint_minutes: float = 3.0


@dataclass(frozen=True)
class Recipe:
    """Everything that determines a run; ``start`` names weights to begin from."""

    name: str
    seed: int
    model: ModelConfig
    stage: tuple[Stage, ...]
    data: Data = Data()
    optimization: Optimization = Optimization()
    run: Run = Run()
    start: str = ""

    @property
    def steps(self) -> int:
        return sum(stage.steps for stage in self.stage)

    def stage_at(self, step: int) -> Stage:
        """Return the stage that contains optimizer step ``step`` (from 0)."""
        for stage in self.stage:
            if step < stage.steps:
                return stage
            step -= stage.steps
        return self.stage[-1]

    def lr_factor(self, step: int) -> float:
        """Return the learning rate at ``step`` as a share of its peak."""
        plan = self.optimization
        warm = min(1.0, (step + 1) / max(1, plan.warmup_steps))
        left = min(1.0, (self.steps - step) / max(1.0, plan.decay * self.steps))
        return warm * (plan.final + (1 - plan.final) * left)

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any], where: str = "saved recipe") -> Recipe:
        """Build a recipe from parsed TOML or from a saved run."""
        for key in ("name", "seed", "model", "stage"):
            if key not in raw:
                raise InputError(f"{where}: {key} is missing; a recipe needs name, seed, [model], [[stage]].")
        parts = dict(raw) | {"model": ModelConfig.from_dict(raw["model"])}
        parts["stage"] = tuple(_section(Stage, s, f"{where} [[stage]]") for s in raw["stage"])
        for key, kind in {"data": Data, "optimization": Optimization, "run": Run}.items():
            parts[key] = _section(kind, raw.get(key, {}), f"{where} [{key}]")
        return _section(cls, parts, where)  # type: ignore[no-any-return]


def _section(kind: type[Any], raw: Mapping[str, Any], where: str) -> Any:
    known = {f.name for f in fields(kind)}
    for key in raw:
        if key not in known:
            raise unknown_name(f"key in {where}", key, known)
    return kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in raw.items()})


def read_recipe(path: Path) -> Recipe:
    """Read a recipe; a missing file, broken TOML or an unknown key is an :class:`InputError`."""
    try:
        return Recipe.from_dict(tomllib.loads(path.read_text()), str(path))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"the training config {path} cannot be read: {error}.") from error
