"""Deep supervision: one optimizer step per ACT step, the carry detached and kept between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.config import Recipe
from training.data import Source, Tokens, lines_of
from training.ema import Ema
from training.losses import halt_loss, solved, token_loss
from training.model import Carry, Reasoner
from training.optim import Optimizers


@dataclass
class Position:
    """Where every row of the batch stands; with weights, optimizer and RNG this is the whole run."""

    inputs: Tensor
    labels: Tensor
    z_H: Tensor
    z_L: Tensor
    taken: Tensor
    halted: Tensor


class Trainer:
    """The state of one run and the two things done to it: :meth:`step` and :meth:`evaluate`."""

    def __init__(self, recipe: Recipe, source: Source, rank: int = 0, ranks: int = 1) -> None:
        self.recipe, self.source, self.ranks = recipe, source, ranks
        torch.manual_seed(recipe.seed)
        self.model = Reasoner(recipe.model, dtype=getattr(torch, recipe.run.dtype)).to(recipe.run.device)
        if recipe.model.pos_encodings == "learned" and recipe.data.grouping:
            self.model.inner.start_positions(lines_of(recipe.data, recipe.model.puzzle_emb_len))
        self.prepare()
        self.rng = np.random.default_rng([recipe.seed, rank])
        self.completed = 0
        self.losses_seen: list[float] = []
        batch = recipe.optimization.batch_size
        z_H, z_L = self.model.initial(batch)
        blank = torch.zeros(batch, recipe.model.seq_len, dtype=torch.int32, device=recipe.run.device)
        zero = torch.zeros(batch, dtype=torch.int32, device=recipe.run.device)
        self.at = Position(blank, blank.clone(), z_H, z_L, zero, torch.ones_like(zero, dtype=torch.bool))
        weights = recipe.optimization.label_weights or (1.0,) * recipe.model.vocab_size
        self.label_weights = torch.tensor(weights, device=recipe.run.device)

    def prepare(self) -> None:
        """Attach optimizers and averages to the model as it is now, and compile it if asked."""
        plan = self.recipe.optimization
        self.optimizers, self.ema = Optimizers(self.model, plan), Ema(self.model, plan.ema)
        if self.recipe.run.compile:
            torch._dynamo.config.recompile_limit = 64
            for name in ("L_level", "H_level"):
                if hasattr(self.model.inner, name):
                    getattr(self.model.inner, name).compile(dynamic=False)

    def start_from(self, tensors: Mapping[str, NDArray[np.generic]]) -> None:
        """Take weights over from a checkpoint of the same shapes, by their official names."""
        self.model.load_state_dict({k: torch.tensor(np.float32(v)) for k, v in tensors.items()})
        self.ema = Ema(self.model, self.recipe.optimization.ema)

    def _refill(self) -> None:
        """Give every halted row a new puzzle and the reset carry."""
        at, halted = self.at, self.at.halted
        count = int(halted.sum())
        if count:
            fresh = self.source.draw(self.rng, count, self.recipe.stage_at(self.completed))
            at.inputs[halted] = torch.from_numpy(fresh.inputs).to(at.inputs)
            at.labels[halted] = torch.from_numpy(fresh.labels).to(at.labels)
            z_H, z_L = self.model.initial(1)
            reset = halted[None, :, None]
            at.z_H, at.z_L = torch.where(reset, z_H, at.z_H), torch.where(reset, z_L, at.z_L)
            at.taken = torch.where(halted, 0, at.taken)

    def _halting(self, q: Tensor, limit: int) -> Tensor:
        """Return which rows stop now: the head's word, delayed for a tenth of them, or the limit."""
        at, plan = self.at, self.recipe.optimization
        hrm = self.recipe.model.family == "hrm"
        wants = q[:, 0] > q[:, 1] if hrm else q[:, 0] > 0
        explores = self.rng.random(len(wants)) < plan.exploration
        least = np.where(explores, self.rng.integers(2, max(limit, 2) + 1, len(wants)), 0)
        return (at.taken >= limit) | (wants & (at.taken >= torch.from_numpy(least).to(at.taken)))

    def losses(self, carry: Carry, x: Tensor, logits: Tensor, q: Tensor, last: Tensor) -> Tensor:
        """Return the mean loss: tokens + half the halting terms (HRM adds its continue value)."""
        at, plan, stage = self.at, self.recipe.optimization, self.recipe.stage_at(self.completed)
        right = solved(logits, at.labels)
        halting = halt_loss(q[:, 0], right)
        if self.recipe.model.family == "hrm":
            with torch.no_grad():
                _, _, ahead = self.model.step(carry, x, stage.H_cycles, stage.L_cycles)
                value = torch.where(last, ahead[:, 0], ahead.max(-1).values).sigmoid()
            halting = halting + halt_loss(q[:, 1], value)
        return (token_loss(logits, at.labels, plan.loss, self.label_weights) + 0.5 * halting).mean()

    def step(self) -> float:
        """Make one optimizer step and return its loss."""
        at, stage = self.at, self.recipe.stage_at(self.completed)
        self._refill()
        x = self.model.embed(at.inputs)
        carry, logits, q = self.model.step((at.z_H, at.z_L), x, stage.H_cycles, stage.L_cycles)
        at.taken = at.taken + 1
        detached = (carry[0].detach(), carry[1].detach())
        loss = self.losses(carry, x, logits, q, at.taken >= stage.supervision_steps)
        loss.backward()
        self._share_gradients()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.optimization.clip)
        self.optimizers.step(self.recipe.lr_factor(self.completed))
        self.ema.update(self.model, self.completed)
        with torch.no_grad():
            at.z_H, at.z_L = detached
            at.halted = self._halting(q.detach(), stage.supervision_steps)
        self.completed += 1
        self.losses_seen.append(float(loss.detach()))
        return self.losses_seen[-1]

    def _share_gradients(self) -> None:
        if self.ranks > 1:
            for p in self.model.parameters():
                if p.grad is not None:
                    torch.distributed.all_reduce(p.grad)
                    p.grad /= self.ranks

    def evaluate(self, tokens: Tokens) -> tuple[float, float]:
        """Return (puzzle-exact, cell) of the averaged weights after all evaluation steps."""
        with self.ema.applied(self.model):
            stage = self.recipe.stage_at(self.completed)
            return evaluate(
                self.model,
                tokens,
                self.recipe.run.evaluate_steps,
                stage.H_cycles,
                stage.L_cycles,
                self.recipe.optimization.batch_size,
            )

    def state_dict(self) -> dict[str, Any]:
        """Return everything :meth:`load_state_dict` needs to go on as if nothing had happened."""
        return {
            "completed": self.completed,
            "losses_seen": self.losses_seen,
            "model": self.model.state_dict(),
            "ema": self.ema.average,
            "optimizers": self.optimizers.state_dict(),
            "rng": self.rng.bit_generator.state,
            "position": vars(self.at),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.completed = state["completed"]
        self.losses_seen = state["losses_seen"]
        self.model.load_state_dict(state["model"])
        self.ema.average = state["ema"]
        self.optimizers.load_state_dict(state["optimizers"])
        self.rng.bit_generator.state = state["rng"]
        self.at = Position(**state["position"])


@torch.no_grad()
def evaluate(
    model: Reasoner, tokens: Tokens, steps: int, H: int, L: int, batch_size: int
) -> tuple[float, float]:
    """Return (puzzle-exact, cell) after ``steps`` ACT steps from the reset carry.

    The last batch is filled up with repeats, so that a compiled model sees one shape.
    """
    exact = right = counted = 0
    device = next(model.parameters()).device
    for start in range(0, len(tokens.inputs), batch_size):
        real = min(batch_size, len(tokens.inputs) - start)
        rows = np.resize(np.arange(start, start + real), batch_size)
        x = model.embed(torch.from_numpy(tokens.inputs[rows]).to(device))
        labels = torch.from_numpy(tokens.labels[rows]).to(device)
        carry = model.initial(batch_size)
        for _ in range(steps):
            carry = model.advance(carry, x, H, L)
        logits = model.heads(carry[0])[0][:real]
        labels = labels[:real]
        hits = (logits.argmax(-1) == labels) & (labels != 0)
        exact += int(solved(logits, labels).sum())
        right += int(hits.sum())
        counted += int((labels != 0).sum())
    return exact / len(tokens.inputs), right / counted
