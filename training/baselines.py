"""The retraining baselines of the paper: QAT, distillation, pruning, linear attention.

Every row carries its controls on the same puzzles: the float network, the variant before retraining.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from refimpl.errors import InputError
from refimpl.models.config import ModelConfig
from training.config import Data, Optimization, Recipe, Run, Stage
from training.data import final_sets, open_source
from training.loop import Trainer, evaluate
from training.losses import carry_cosine, distillation_loss
from training.model import Carry, Linear, Reasoner
from workbench.checkpoints import load_network
from workbench.tasks.sets import MAZE_MIN_PATH_SHARE, PuzzleSet


@dataclass(frozen=True)
class Plan:
    """One baseline; ``fidelity`` weighs the cosine of both carries with the teacher's."""

    steps: int
    lr: float
    loss: str = "stablemax"
    supervision_steps: int = 6
    fidelity: float = 0.0


PLANS = {
    "qat-published": Plan(100, 1e-5, "softmax", 1),
    "qat": Plan(1000, 3e-4, fidelity=1.0),
    "prune": Plan(0, 0.0),
    "prune-tuned": Plan(1000, 3e-4),
    "linear-attention": Plan(200, 3e-4),
    "distill": Plan(1500, 2e-3, "softmax", 1),
}
TEACHER_STEPS = 8  # ACT steps the teacher of a distillation takes for its answer


def fake_quantize(weight: Tensor, bits: int, per_row: bool) -> Tensor:
    """Return symmetrically rounded weights; the gradient passes straight through."""
    limit = 2 ** (bits - 1) - 1
    largest = weight.abs().amax(1, keepdim=True) if per_row else weight.abs().max()
    scale = (largest / limit).clamp(min=1e-8)
    rounded = (weight / scale).round().clamp(-limit, limit) * scale
    return weight + (rounded - weight).detach()


def prune_mask(weight: Tensor, share: float = 0.25) -> Tensor:
    """Return 0 for the ``share`` of output rows with the smallest L2 norm, 1 for the others."""
    mask = torch.ones(len(weight), 1)
    mask[weight.detach().norm(dim=1).argsort()[: int(share * len(weight))]] = 0
    return mask


def alter(model: Reasoner, kind: str, weights: str) -> None:
    """Make the linears act as the baseline wants; pruning leaves the two heads alone."""
    for name, module in model.named_modules():
        if isinstance(module, Linear) and kind.startswith("qat"):
            module.change = lambda w: fake_quantize(w, int(weights[1]), weights.endswith("c"))
        elif isinstance(module, Linear) and kind.startswith("prune") and "head" not in name:
            mask = prune_mask(module.weight)
            module.change = lambda w, mask=mask: w * mask


def student_of(config: ModelConfig) -> ModelConfig:
    """Return half the width, one layer, one cycle, one step: the published student's proportions."""
    return replace(config, hidden_size=config.hidden_size // 2, L_layers=1, H_cycles=1, L_cycles=1,
                   halt_max_steps=1, channel_intermediate_size=config.channel_intermediate_size // 2)


def data_of(config: ModelConfig) -> tuple[Data, tuple[int, int]]:
    """Return the data a small network was trained on, by its task and size, and the givens to retrain at."""
    size = math.isqrt(config.seq_len)
    test, givens = (32, (27, 54)) if size == 9 else (12, (10, 24))
    path = round(size * MAZE_MIN_PATH_SHARE)
    return Data(config.task, pool=8000, size=size, held_out_givens=(test,), minimum_path=path), givens


class Tuner(Trainer):
    """A trainer whose loss also listens to a teacher, by its carries or by its answers."""

    teacher: Reasoner | None = None
    fidelity = 0.0

    def losses(self, carry: Carry, x: Tensor, logits: Tensor, q: Tensor) -> Tensor:
        loss = super().losses(carry, x, logits, q)
        if self.teacher is None:
            return loss
        config, at = self.teacher.config, self.at
        with torch.no_grad():
            given = self.teacher.embed(at.inputs)
            goal = (at.z_H, at.z_L) if self.fidelity else self.teacher.initial(len(at.inputs))
            for _ in range(1 if self.fidelity else TEACHER_STEPS):
                goal = self.teacher.advance(goal, given, config.H_cycles, config.L_cycles)
        if self.fidelity:
            alike = carry_cosine(carry[0], goal[0]) + carry_cosine(carry[1], goal[1])
            return loss + self.fidelity * (2 - alike)
        return loss + distillation_loss(logits, self.teacher.heads(goal[0])[0])


@torch.no_grad()
def measure(model: Reasoner, teacher: Reasoner, tokens: PuzzleSet) -> dict[str, float]:
    """Return exact and cell accuracy in float32 and, for equal shapes, fidelity in the paper's reading (i).

    That is the cosine of z_H with the float network's after one ACT step from reset.
    """
    dtype, model.dtype, config = model.dtype, torch.float32, model.config
    exact, cell = evaluate(model, tokens, config.H_cycles, config.L_cycles, 50)
    row = {"exact": round(exact, 4), "cell": round(cell, 4)}
    if config == teacher.config:
        inputs = torch.from_numpy(tokens.inputs[:100])
        ends = [m.advance(m.initial(len(inputs)), m.embed(inputs), config.H_cycles, config.L_cycles)[0]
                for m in (model, teacher)]
        row["fidelity"] = round(float(carry_cosine(*ends)), 4)
    model.dtype = dtype
    return row


def baseline(kind: str, network: str, plan: Plan, weights: str = "w4t", puzzles: int = 300,
             seed: int = 1) -> dict[str, Any]:
    """Run one baseline by ``plan`` (``PLANS[kind]``, or one of its own) on one thread and return its row.

    ``weights`` (QAT only) is ``w<bits>t`` for one scale per tensor or ``w<bits>c`` for one per row.
    """
    config, tensors = load_network(network)
    if kind == "linear-attention" and config.mlp_t:
        raise InputError(f"{network} mixes tokens by an MLP; linear attention needs an attention network.")
    torch.set_num_threads(1)
    state = {k: torch.tensor(v) for k, v in tensors.items()}
    teacher = Reasoner(config)
    teacher.load_state_dict(state)
    own = student_of(config) if kind == "distill" else config
    data, givens = data_of(config)
    stage = Stage(max(plan.steps, 1), own.H_cycles, own.L_cycles, plan.supervision_steps, givens)
    change = Optimization(lr=plan.lr, loss=plan.loss, warmup_steps=plan.steps // 10, weight_decay=0.0,
                          ema=0.99 if plan.steps > 100 else 0.0)
    recipe = Recipe(f"{kind} {network}", seed, own, (stage,), data, change, Run(dtype="bfloat16"))
    tuner = Tuner(recipe, open_source(data), linear_attention=kind == "linear-attention")
    if kind != "distill":
        tuner.start_from(tensors)
    if kind == "distill" or plan.fidelity:
        tuner.teacher, tuner.fidelity = Reasoner(config, dtype=torch.bfloat16), plan.fidelity
        tuner.teacher.load_state_dict(state)
    alter(tuner.model, kind, weights)
    test = final_sets(data, puzzles)[0]
    row: dict[str, Any] = {"baseline": kind, "network": network}
    row |= {"weights": weights} if kind.startswith("qat") else {}
    row |= {"held_out": f"{test.name}, {puzzles} puzzles", "seed": seed, "steps": plan.steps, "lr": plan.lr,
            "loss": plan.loss, "supervision_steps": plan.supervision_steps, "fidelity": plan.fidelity,
            "fp32": measure(teacher, teacher, test), "before": measure(tuner.model, teacher, test)}
    began = time.monotonic()
    for _ in range(plan.steps):
        tuner.step()
    with tuner.ema.applied(tuner.model):
        row["after"] = measure(tuner.model, teacher, test)
    return row | {"minutes": round((time.monotonic() - began) / 60, 2)}
