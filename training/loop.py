"""Deep supervision: one optimizer step per ACT step, the carry detached and kept between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from training.config import Recipe
from training.data import Source
from training.losses import halt_loss, solved, token_loss
from training.model import Carry, Reasoner
from training.optim import Ema, optimizers_of
from workbench.tasks.sets import PuzzleSet
from workbench.tasks.sudoku import lines


@dataclass
class Position:
    """Where every row of the batch stands; with weights, optimizer and RNG this is the whole run.

    ``puzzle``: rows of the puzzle table, None in networks with one row.
    """

    inputs: Tensor
    labels: Tensor
    z_H: Tensor
    z_L: Tensor
    taken: Tensor
    halted: Tensor
    puzzle: Tensor | None = None


class Trainer:
    """The state of one run and the two things done to it: :meth:`step` and :meth:`evaluate`."""

    def __init__(self, recipe: Recipe, source: Source, rank: int = 0, ranks: int = 1,
                 linear_attention: bool = False) -> None:
        self.recipe, self.source, self.ranks = recipe, source, ranks
        config, plan, device = recipe.model, recipe.optimization, recipe.run.device
        torch.manual_seed(recipe.seed)
        self.model = Reasoner(config, linear_attention, getattr(torch, recipe.run.dtype))
        if config.pos_encodings == "learned" and recipe.data.grouping:
            kinds = np.stack([lines(recipe.data.size)[kind] for kind in recipe.data.grouping])
            kinds = np.pad(kinds, ((0, 0), (config.puzzle_emb_len, 0)))
            self.model.inner.start_positions(torch.from_numpy(kinds))
        self.model.to(device)
        self.optimizers, self.ema = optimizers_of(self.model, plan), Ema(self.model, plan.ema)
        self.rng = np.random.default_rng([recipe.seed, rank])
        self.completed = 0
        self.losses_seen: list[float] = []
        self.curve: list[dict[str, float]] = []
        blank = torch.zeros(plan.batch_size, config.seq_len, dtype=torch.int32, device=device)
        taken = torch.zeros(plan.batch_size, dtype=torch.int32, device=device)
        puzzle = taken.clone() if config.num_puzzle_identifiers > 1 else None
        carry = self.model.initial(plan.batch_size)
        self.at = Position(blank, blank.clone(), *carry, taken, taken == 0, puzzle)
        self.label_weights = torch.tensor(plan.label_weights or (1.0,) * config.vocab_size, device=device)
        if recipe.run.compile:
            torch._dynamo.config.recompile_limit = 64
            for name in ("L_level", "H_level")[: 2 if config.family == "hrm" else 1]:
                getattr(self.model.inner, name).compile(dynamic=False)

    def start_from(self, tensors: dict[str, Any]) -> None:
        """Take weights over from a checkpoint of the same shapes, by their official names."""
        self.model.load_state_dict({k: torch.tensor(np.float32(v)) for k, v in tensors.items()})
        self.ema = Ema(self.model, self.ema.decay)
        self.at.z_H, self.at.z_L = self.model.initial(len(self.at.inputs))

    def _refill(self) -> None:
        """Give every halted row a new puzzle and the reset carry."""
        at, halted = self.at, self.at.halted
        count = int(halted.sum())
        if count:
            drawn = self.source.draw(self.rng, count, self.recipe.stage_at(self.completed))
            at.inputs[halted] = torch.from_numpy(drawn.inputs).to(at.inputs)
            at.labels[halted] = torch.from_numpy(drawn.labels).to(at.labels)
            if at.puzzle is not None and drawn.puzzle_ids is not None:
                at.puzzle[halted] = torch.from_numpy(drawn.puzzle_ids).to(at.puzzle)
            z_H, z_L = self.model.initial(1)
            reset = halted[None, :, None]
            at.z_H, at.z_L = torch.where(reset, z_H, at.z_H), torch.where(reset, z_L, at.z_L)
            at.taken = torch.where(halted, 0, at.taken)

    def _halting(self, q: Tensor, limit: int) -> Tensor:
        """Return which rows stop now: the head's word, delayed for a tenth of them, or the limit."""
        taken = self.at.taken
        wants = q[:, 0] > (q[:, 1] if self.recipe.model.family == "hrm" else 0)
        explores = self.rng.random(len(wants)) < self.recipe.optimization.exploration
        least = np.where(explores, self.rng.integers(2, max(limit, 2) + 1, len(wants)), 0)
        return (taken >= limit) | (wants & (taken >= torch.from_numpy(least).to(taken)))

    def losses(self, carry: Carry, x: Tensor, logits: Tensor, q: Tensor) -> Tensor:
        """Return the mean loss: tokens + half the halting terms (HRM adds its continue value)."""
        at, plan, stage = self.at, self.recipe.optimization, self.recipe.stage_at(self.completed)
        halting = halt_loss(q[:, 0], solved(logits, at.labels))
        if self.recipe.model.family == "hrm":
            with torch.no_grad():
                ahead = self.model.step(carry, x, stage.H_cycles, stage.L_cycles)[2]
                last = at.taken >= stage.supervision_steps
                value = torch.where(last, ahead[:, 0], ahead.amax(-1)).sigmoid()
            halting = halting + halt_loss(q[:, 1], value)
        return (token_loss(logits, at.labels, plan.loss, self.label_weights) + 0.5 * halting).mean()

    def step(self) -> None:
        """Make one optimizer step and note its loss."""
        at, stage = self.at, self.recipe.stage_at(self.completed)
        self._refill()
        x = self.model.embed(at.inputs, at.puzzle)
        carry, logits, q = self.model.step((at.z_H, at.z_L), x, stage.H_cycles, stage.L_cycles)
        at.taken = at.taken + 1
        loss = self.losses(carry, x, logits, q)
        loss.backward()
        if self.ranks > 1:
            for p in self.model.parameters():
                if p.grad is not None:
                    torch.distributed.all_reduce(p.grad)
                    p.grad /= self.ranks
        if self.source.rows is not None and (share := self.recipe.optimization.row_share):
            share_gradient(self.model.inner.puzzle_emb["weights"], self.source.rows.each, share)
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.optimization.clip)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["peak"] * self.recipe.lr_factor(self.completed)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self.ema.update(self.model, self.completed)
        at.z_H, at.z_L = carry[0].detach(), carry[1].detach()
        at.halted = self._halting(q.detach(), stage.supervision_steps)
        self.completed += 1
        self.losses_seen.append(float(loss.detach()))

    def evaluate(self, tokens: PuzzleSet) -> tuple[float, float]:
        """Return (puzzle-exact, cell) of the averaged weights at the present depth."""
        stage = self.recipe.stage_at(self.completed - 1)  # the one whose last step this was
        with self.ema.applied(self.model):
            return evaluate(self.model, tokens, stage.H_cycles, stage.L_cycles, len(self.at.inputs))

    def state_dict(self) -> dict[str, Any]:
        """Return everything :meth:`load_state_dict` needs to go on as if nothing had happened."""
        return {"completed": self.completed, "losses_seen": self.losses_seen, "curve": self.curve,
                "position": vars(self.at), "model": self.model.state_dict(), "ema": self.ema.average,
                "optimizers": [o.state_dict() for o in self.optimizers], "rng": self.rng.bit_generator.state}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.completed, self.losses_seen = state["completed"], state["losses_seen"]
        self.curve = state["curve"]
        self.model.load_state_dict(state["model"])
        self.ema.average = state["ema"]
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        self.rng.bit_generator.state = state["rng"]
        self.at = Position(**state["position"])


def share_gradient(rows: Tensor, each: int, share: float) -> None:
    """Let every ``each`` rows, the views of a task, take ``share`` of each other's gradient.

    What a task is about does not depend on the view, and a row alone is seen too seldom to learn it soon.
    """
    assert rows.grad is not None
    own = rows.grad.view(-1, each, rows.shape[1])
    rows.grad = ((1 - share) * own + share * own.sum(1, keepdim=True)).view_as(rows)


@torch.no_grad()
def evaluate(model: Reasoner, tokens: PuzzleSet, H: int, L: int, batch_size: int) -> tuple[float, float]:
    """Return (puzzle-exact, cell) after ``halt_max_steps`` ACT steps from the reset carry.

    The last batch is filled up with repeats, so that a compiled model sees one shape.
    """
    exact = right = counted = 0
    device = model.inner.H_init.device
    for start in range(0, len(tokens.inputs), batch_size):
        rows = np.arange(start, min(start + batch_size, len(tokens.inputs)))
        chosen = np.resize(rows, batch_size)
        ids = None if tokens.puzzle_ids is None else torch.from_numpy(tokens.puzzle_ids[chosen]).to(device)
        x = model.embed(torch.from_numpy(tokens.inputs[chosen]).to(device), ids)
        carry = model.initial(batch_size)
        for _ in range(model.config.halt_max_steps):
            carry = model.advance(carry, x, H, L)
        logits = model.heads(carry[0])[0][: len(rows)]
        labels = torch.from_numpy(tokens.labels[rows]).to(device)
        exact += int(solved(logits, labels).sum())
        right += int(((logits.argmax(-1) == labels) & (labels >= 0)).sum())
        counted += int((labels >= 0).sum())
    return exact / len(tokens.inputs), right / counted
