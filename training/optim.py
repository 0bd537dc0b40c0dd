"""AdamW and Muon over one model, stepped together."""

from __future__ import annotations

from collections.abc import Iterable
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

    def __init__(
        self, params: Iterable[Tensor], lr: float, weight_decay: float, momentum: float = 0.95
    ) -> None:
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                buffer = self.state[p].setdefault("momentum", torch.zeros_like(p))
                buffer.mul_(group["momentum"]).add_(p.grad)
                update = orthogonalize(p.grad.add(buffer, alpha=group["momentum"]))
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.add_(update, alpha=-group["lr"] * max(1.0, p.shape[0] / p.shape[1]) ** 0.5)


class Optimizers:
    """The optimizers of one run; every group remembers its peak learning rate."""

    def __init__(self, model: nn.Module, plan: Optimization) -> None:
        if plan.optimizer not in ("adamw", "muon"):
            raise unknown_name("optimizer", plan.optimizer, ("adamw", "muon"))
        matrices, rest = [], []
        for name, p in model.named_parameters():
            stack = "_level." in name and p.ndim == 2 and plan.optimizer == "muon"
            (matrices if stack else rest).append(p)
        self.all: list[torch.optim.Optimizer] = [
            torch.optim.AdamW(rest, lr=plan.lr, betas=plan.betas, weight_decay=plan.weight_decay, fused=True)
        ]
        if matrices:
            self.all.append(Muon(matrices, plan.muon_lr, plan.weight_decay))
        self.peaks = [[group["lr"] for group in o.param_groups] for o in self.all]

    def step(self, factor: float) -> None:
        """Make one update at ``factor`` of the peak rates and clear the gradients."""
        for optimizer, peaks in zip(self.all, self.peaks, strict=True):
            for group, peak in zip(optimizer.param_groups, peaks, strict=True):
                group["lr"] = peak * factor
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)

    def state_dict(self) -> list[dict[str, Any]]:
        return [o.state_dict() for o in self.all]

    def load_state_dict(self, states: list[dict[str, Any]]) -> None:
        for optimizer, state in zip(self.all, states, strict=True):
            optimizer.load_state_dict(state)
