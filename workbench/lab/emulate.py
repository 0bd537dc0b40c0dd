"""Weight-only emulation: float models whose weights went through a format and back.

This is the setting in which the published tables were measured: activations and carry stay float.  It is
no integer program, and every table that shows it says so.
"""

from __future__ import annotations

from dataclasses import replace

from refimpl.float_params import Linear
from refimpl.formats import WeightFormat
from refimpl.models.tree import Model
from workbench.lab.rewrite import map_linears


def weight_only(model: Model, fmt: WeightFormat) -> Model:
    """The float ``model`` with the weights of every linear, heads included, rounded to ``fmt`` and back."""

    def rule(p: Linear) -> Linear:
        return replace(p, weight=fmt.emulated(p.weight, p.name))

    return map_linears(model, rule)
