"""AdamW and Muon over one model, stepped together, and the moving average of its weights."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from refimpl.errors import unknown_name
from training.config import Optimization


def orthogonalize(matrix: Tensor, steps: int = 5) -> Tensor:
    """Return the nearest semi-orthogonal matrix, roughly, by a quintic Newton-Schulz iteration."""
    x = matrix / (matrix.norm() + 1e-7)
    tall = x.shape[0] > x.shape[1]
    x = x.T if tall else x
    for _ in range(steps):
        gram = x @ x.T
        x = 3.4445 * x + (-4.7750 * gram + 2.0315 * gram @ gram) @ x
    return x.T if tall else x


class Muon(torch.optim.Optimizer):
    """Momentum whose matrix updates are orthogonalized; for the 2-d weights of the stacks only."""

    def __init__(self, params: Iterable[dict[str, Any]], lr: float, decay: float) -> None:
        super().__init__(params, {"lr": lr, "weight_decay": decay, "momentum": 0.95})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:
        for group in self.param_groups:
            for p in (p for p in group["params"] if p.grad is not None):
                buffer = self.state[p].setdefault("momentum", torch.zeros_like(p))
                buffer.mul_(group["momentum"]).add_(p.grad)
                update = orthogonalize(p.grad.add(buffer, alpha=group["momentum"]))
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.add_(update, alpha=-group["lr"] * max(1.0, p.shape[0] / p.shape[1]) ** 0.5)


def optimizers_of(model: nn.Module, plan: Optimization) -> list[torch.optim.Optimizer]:
    """Return the optimizers of one run; every group remembers its peak rate under ``peak``."""
    if plan.optimizer not in ("adamw", "muon"):
        raise unknown_name("optimizer", plan.optimizer, ("adamw", "muon"))
    named = dict(model.named_parameters())
    stack = [p for name, p in named.items() if plan.optimizer == "muon" and "_level." in name]
    rest = [p for name, p in named.items() if plan.optimizer == "adamw" or "_level." not in name]
    adamw = {"params": rest, "peak": plan.lr}
    found: list[torch.optim.Optimizer] = [
        torch.optim.AdamW([adamw], betas=plan.betas, weight_decay=plan.weight_decay, fused=True)]
    if stack:
        found.append(Muon([{"params": stack, "peak": plan.muon_lr}], plan.muon_lr, plan.weight_decay))
    return found


class Ema:
    """Averages with ``decay``, less at first so that the random start is forgotten; this is what ships."""

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.average = {k: p.detach().clone() for k, p in model.named_parameters()}

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        weight = 1 - min(self.decay, (1 + step) / (10 + step))
        for name, p in model.named_parameters():
            self.average[name].lerp_(p, weight)

    @contextmanager
    def applied(self, model: nn.Module) -> Iterator[None]:
        """Put the averages into ``model`` for the length of a with block."""
        own = {k: p.detach().clone() for k, p in model.named_parameters()}
        try:
            model.load_state_dict(self.average, strict=False)
            yield
        finally:
            model.load_state_dict(own, strict=False)
