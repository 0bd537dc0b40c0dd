"""The retraining baselines of the paper, on a trained network: QAT, distillation, pruning, linear attention.

``python -m training baseline KIND NETWORK`` prints one JSON row; FP32 and the untrained variant are
measured on the same puzzles, so that every row carries its own control.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from refimpl.checkpoints import load_network
from refimpl.errors import InputError, unknown_name
from refimpl.models.config import ModelConfig
from training.config import Data, Optimization, Recipe, Run, Stage
from training.data import Tokens, final_sets, open_source
from training.loop import Trainer, evaluate
from training.losses import carry_cosine, distillation_loss
from training.model import Carry, Linear, Reasoner

Extra = Callable[[Carry, Carry, Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Plan:
    """One baseline: optimizer steps, peak rate and loss, and what is added to the loss."""

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
        if not isinstance(module, Linear):
            continue
        if kind.startswith("qat"):
            bits, per_row = int(weights[1]), weights[2:] == "c"
            module.change = lambda w, bits=bits, per_row=per_row: fake_quantize(w, bits, per_row)
        elif kind.startswith("prune") and "head" not in name:
            mask = prune_mask(module.weight)
            module.change = lambda w, mask=mask: w * mask


def data_for(config: ModelConfig) -> tuple[Data, tuple[int, int]]:
    """Return the data a small network was trained on, by its task and size, and the givens to retrain at."""
    size = math.isqrt(config.seq_len)
    if config.task == "maze":
        return Data("maze", pool=8000, size=size, minimum_path=16), (0, 0)
    return Data(pool=8000, size=size, held_out_givens=(32 if size == 9 else 12,)), (
        27,
        54,
    ) if size == 9 else (10, 24)


def student_config(config: ModelConfig) -> ModelConfig:
    """Return half the width, one layer, one cycle, one step: the published student's proportions."""
    half = replace(
        config, hidden_size=config.hidden_size // 2, L_layers=1, H_cycles=1, L_cycles=1, halt_max_steps=1
    )
    return replace(half, channel_intermediate_size=config.channel_intermediate_size // 2)


class Tuner(Trainer):
    """A trainer that starts from a network and may listen to a teacher."""

    teacher: Reasoner | None = None
    fidelity = 0.0
    teacher_steps = 8

    def losses(self, carry: Carry, x: Tensor, logits: Tensor, q: Tensor, last: Tensor) -> Tensor:
        loss = super().losses(carry, x, logits, q, last)
        if self.teacher is None:
            return loss
        tokens, teacher = self.at.inputs, self.teacher
        config = teacher.config
        if self.fidelity:
            with torch.no_grad():
                goal = teacher.advance(
                    (self.at.z_H, self.at.z_L), teacher.embed(tokens), config.H_cycles, config.L_cycles
                )
            return loss + self.fidelity * (carry_cosine(carry[0], goal[0]) + carry_cosine(carry[1], goal[1]))
        with torch.no_grad():
            known, given = teacher.initial(len(tokens)), teacher.embed(tokens)
            for _ in range(self.teacher_steps):
                known = teacher.advance(known, given, config.H_cycles, config.L_cycles)
            answer = teacher.heads(known[0])[0]
        return loss + distillation_loss(logits, answer)


@torch.no_grad()
def fidelity_after_one_step(model: Reasoner, teacher: Reasoner, tokens: Tokens) -> float:
    """Return the mean cosine of z_H after one ACT step from reset: reading (i) of the paper's figure."""
    inputs = torch.from_numpy(tokens.inputs[:128])
    ends = [
        m.advance(m.initial(len(inputs)), m.embed(inputs), m.config.H_cycles, m.config.L_cycles)[0]
        for m in (model, teacher)
    ]
    return 1 - float(carry_cosine(ends[0], ends[1]))


def baseline(
    kind: str,
    network: str,
    weights: str = "w4t",
    puzzles: int = 300,
    steps: int | None = None,
    seed: int = 1,
) -> dict[str, Any]:
    """Run one baseline and return its row.

    ``weights`` (QAT only) is ``w<bits>t`` for one scale per tensor or ``w<bits>c`` for one per row.
    """
    if kind not in PLANS:
        raise unknown_name("baseline", kind, PLANS)
    plan = PLANS[kind]
    plan = plan if steps is None else replace(plan, steps=steps)
    config, tensors = load_network(network)
    if kind == "linear-attention" and config.mlp_t:
        raise InputError(f"{network} mixes tokens by an MLP; linear attention needs an attention network.")
    data, givens = data_for(config)
    state = {k: torch.tensor(np.float32(v)) for k, v in tensors.items()}
    torch.set_num_threads(1)
    teacher = Reasoner(config)
    teacher.load_state_dict(state)
    own = student_config(config) if kind == "distill" else config
    recipe = Recipe(
        f"{kind} {network}",
        seed,
        own,
        (Stage(max(plan.steps, 1), own.H_cycles, own.L_cycles, plan.supervision_steps, givens),),
        data,
        Optimization(
            lr=plan.lr,
            loss=plan.loss,
            warmup_steps=min(100, plan.steps // 10),
            weight_decay=0.0,
            ema=0.99 if plan.steps > 100 else 0.0,
        ),
        Run(threads=1, dtype="bfloat16" if torch.backends.mkldnn.is_available() else "float32"),
    )
    tuner = Tuner(recipe, open_source(data))
    if kind == "linear-attention":
        tuner.model = Reasoner(config, linear_attention=True, dtype=tuner.model.dtype)
    if kind != "distill":
        tuner.model.load_state_dict(state)
    alter(tuner.model, kind, weights)
    tuner.prepare()
    tuner.at.z_H, tuner.at.z_L = tuner.model.initial(recipe.optimization.batch_size)
    if plan.fidelity or kind == "distill":
        tuner.teacher, tuner.fidelity = Reasoner(config, dtype=tuner.model.dtype), plan.fidelity
        tuner.teacher.load_state_dict(state)
    name, test = next(iter(final_sets(data, puzzles).items()))

    def measure(model: Reasoner) -> dict[str, float]:
        dtype, model.dtype = model.dtype, torch.float32
        c = model.config
        exact, cell = evaluate(model, test, c.halt_max_steps, c.H_cycles, c.L_cycles, 100)
        row = {"exact": round(exact, 4), "cell": round(cell, 4)}
        if kind != "distill":
            row["fidelity"] = round(fidelity_after_one_step(model, teacher, test), 4)
        model.dtype = dtype
        return row

    row: dict[str, Any] = {"baseline": kind, "network": network, "held_out": f"{name}, {puzzles} puzzles"}
    row |= {"weights": weights} if kind.startswith("qat") else {}
    row |= {
        "seed": seed,
        "steps": plan.steps,
        "lr": plan.lr,
        "fp32": measure(teacher),
        "before": measure(tuner.model),
    }
    began = time.monotonic()
    for _ in range(plan.steps):
        tuner.step()
    with tuner.ema.applied(tuner.model):
        row["after"] = measure(tuner.model)
    return row | {
        "minutes": round((time.monotonic() - began) / 60, 2),
        "parameters": sum(p.numel() for p in tuner.model.parameters()),
    }
