"""Other ways to make a trained network smaller, applied without training: all of them emulated in float.

*pruning*: the output rows of least length of every linear in the stacks are set to 0 (heads stay).
*linear attention*: softmax(q k^T) becomes phi(q) phi(k)^T over its row sum, phi = ELU + 1.
*context truncation*: a position sees only the first part of the sequence; later keys (attention) or later
inputs of the token mixer (MLP) are cut.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from refimpl import float_ops
from refimpl.float_params import Floats, Linear, Site
from refimpl.models.tree import Model
from workbench.fidelity import Reading
from workbench.lab.cell import Choice, puzzle_set
from workbench.lab.rewrite import map_linears
from workbench.lab.sensitivity import compare_programs
from workbench.lab.variant import network
from workbench.render.grid import Grid

PRUNED = (0.10, 0.25, 0.50)
SEEN = (0.75, 0.50)


def pruned(model: Model, share: float) -> Model:
    """``model`` with the ``share`` of shortest rows of every stack linear set to zero."""

    def rule(p: Linear) -> Linear:
        if "." not in p.name:
            return p
        weight = p.weight.copy()
        shortest = np.argsort((weight**2).sum(axis=1), kind="stable")[: round(share * len(weight))]
        weight[shortest] = 0
        return replace(p, weight=weight)

    return map_linears(model, rule)


def truncated_mixer(model: Model, share: float) -> Model:
    """An MLP ``model`` whose token mixers see the first ``share`` of the positions."""
    seen = round(share * model.config.positions)

    def rule(p: Linear) -> Linear:
        if not p.name.endswith("mlp_t.gate_up"):
            return p
        weight = p.weight.copy()
        weight[:, seen:] = 0
        return replace(p, weight=weight)

    return map_linears(model, rule)


class _FloatVariant:
    """The float reading with some operators exchanged."""

    def __getattr__(self, name: str) -> Any:
        return getattr(float_ops, name)


class LinearAttention(_FloatVariant):
    """ELU feature maps in place of the exponential."""

    def scores(self, q: Floats, k: Floats, p: Site) -> Floats:
        return np.asarray(np.matmul(_elu_plus_one(q), _elu_plus_one(k).swapaxes(-1, -2)))

    def softmax(self, a: Floats, p: Site) -> Floats:
        return np.asarray(a / a.sum(axis=-1, keepdims=True))


class TruncatedAttention(_FloatVariant):
    """Attention to the first ``seen`` positions only."""

    def __init__(self, seen: int) -> None:
        self.seen = seen

    def scores(self, q: Floats, k: Floats, p: Site) -> Floats:
        a = float_ops.scores(q, k, p)
        a[..., self.seen :] = -np.inf
        return a


def _elu_plus_one(x: Floats) -> Floats:
    return np.asarray(np.where(x > 0, x + 1, np.exp(np.minimum(x, 0))))


def families_table(name: str, choice: Choice) -> Grid:
    """Every family on one network."""
    model, chosen = network(name).float_model, puzzle_set(name, choice)
    programs = {"float32": Reading(float_ops, model)}
    for share in PRUNED:
        programs[f"pruning {share:.0%}"] = Reading(float_ops, pruned(model, share))
    for share in SEEN:
        label = f"context, first {share:.0%}"
        if model.config.mlp_t:
            programs[label] = Reading(float_ops, truncated_mixer(model, share))
        else:
            programs[label] = Reading(TruncatedAttention(round(share * model.config.positions)), model)
    if not model.config.mlp_t:
        programs["linear attention"] = Reading(LinearAttention(), model)
    return compare_programs(f"{name}: other families, no training (emulated)", model, programs, chosen,
                            "against float32")  # fmt: skip
