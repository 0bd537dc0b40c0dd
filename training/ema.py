"""Exponential moving average of the weights; it is what gets evaluated and shipped."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class Ema:
    """Averages with ``decay``, less at first so that the random start is forgotten."""

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
        self._write(model, self.average)
        try:
            yield
        finally:
            self._write(model, own)

    @staticmethod
    @torch.no_grad()
    def _write(model: nn.Module, values: dict[str, Tensor]) -> None:
        for name, p in model.named_parameters():
            p.copy_(values[name])
