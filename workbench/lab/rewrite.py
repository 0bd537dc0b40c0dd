"""Replace the linears of a tree, keeping what is shared shared (a TRM's one stack stays one)."""

from __future__ import annotations

from collections.abc import Callable

from refimpl import float_params
from refimpl.models.tree import Model, leaves, map_leaves

LinearRule = Callable[[float_params.Linear], float_params.Linear]


def map_linears(model: Model, rule: LinearRule) -> Model:
    """Return ``model`` with ``rule`` applied to each linear of its stacks and heads."""
    changed: Model = map_leaves(
        lambda leaf: rule(leaf) if isinstance(leaf, float_params.Linear) else leaf, model
    )
    return changed


def linears(model: Model) -> tuple[float_params.Linear, ...]:
    """Every linear once, in stored order, heads last."""
    return tuple(leaf for leaf in leaves(model) if isinstance(leaf, float_params.Linear))
