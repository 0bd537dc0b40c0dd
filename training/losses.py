"""Losses of the official recipe, and the two that listen to a teacher."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def stablemax_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Return -log of the label's share of s(logit), s(x) = x + 1 for x >= 0 and 1 / (1 - x) below.

    Computed in float64: the shares of a confident network are within float32 rounding of 1.
    """
    wide = logits.double()
    shares = torch.where(wide < 0, 1 / (1 - wide.clamp(max=0)), wide + 1)
    chosen = shares.gather(-1, labels.long()[..., None])[..., 0]
    return (shares.sum(-1).log() - chosen.log()).float()


def token_loss(logits: Tensor, labels: Tensor, kind: str, label_weights: Tensor) -> Tensor:
    """Return one loss per puzzle: the weighted mean over its tokens, by ``stablemax`` or ``softmax``.

    ``labels`` (batch, seq_len); a negative label is not counted.  ``label_weights`` (vocab,)
    weighs a token by its label: path cells of a maze, for one, are few and decide the answer.
    """
    known = labels.long().clamp(min=0)
    if kind == "stablemax":
        per_token = stablemax_cross_entropy(logits, known)
    else:
        per_token = F.cross_entropy(logits.transpose(1, 2), known, reduction="none")
    weight = label_weights[known] * (labels >= 0)
    return (per_token * weight).sum(-1) / weight.sum(-1).clamp(min=1e-9)


def solved(logits: Tensor, labels: Tensor) -> Tensor:
    """Return per puzzle whether every counted token's arg-max equals its label."""
    return ((logits.argmax(-1) == labels) | (labels < 0)).all(-1)


def halt_loss(q: Tensor, target: Tensor) -> Tensor:
    """Return the binary cross-entropy per puzzle; ``target`` is a truth value or a probability."""
    return F.binary_cross_entropy_with_logits(q, target.float(), reduction="none")


def carry_cosine(student: Tensor, teacher: Tensor) -> Tensor:
    """Return the cosine over channels, averaged over positions and puzzles."""
    return F.cosine_similarity(student.float(), teacher.float(), dim=-1).mean()


def distillation_loss(student: Tensor, teacher: Tensor, temperature: float = 2.0) -> Tensor:
    """Return the mean KL divergence per token to the teacher's softened answer, times temperature squared."""
    ours, theirs = (torch.log_softmax(logits / temperature, -1) for logits in (student, teacher))
    return F.kl_div(ours, theirs, log_target=True, reduction="none").sum(-1).mean() * temperature**2
