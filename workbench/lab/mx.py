"""Where MXInt4 loses: one choice of it changed at a time, emulated on floats as in the published study."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from refimpl import float_ops
from refimpl.float_params import Floats, Linear
from refimpl.models.tree import Model
from workbench.fidelity import Reading
from workbench.lab.blocks import MX, Blocks
from workbench.lab.cell import Choice, puzzle_set
from workbench.lab.rewrite import linears, map_linears
from workbench.lab.sensitivity import compare_programs, kind_of
from workbench.lab.variant import network
from workbench.render.grid import Grid
from workbench.sites import SiteOps, Visitor

_CHANGES = {
    "blocks of 16": replace(MX, block=16),
    "blocks of 8": replace(MX, block=8),
    "scale not a power of two": replace(MX, exact_scale=True),
    "6 bits": replace(MX, qmax=31),
    "8 bits": replace(MX, qmax=127),
}


def mx_table(name: str, choice: Choice) -> Grid:
    """Weights, activations and both in MXInt4; then both but one kind of site, or with one thing changed."""
    model = network(name).float_model
    kinds = tuple(dict.fromkeys(f"{kind_of(p.name)}.input" for p in linears(model)))
    rounded = _weights(model, MX)
    programs = {"float32": Reading(float_ops, model), "weights alone": Reading(float_ops, rounded)}
    programs["activations alone"] = Reading(SiteOps(_inputs(MX)), model)
    programs |= {f"activations at {k} alone": Reading(SiteOps(_inputs(MX, k.__eq__)), model) for k in kinds}
    programs["weights and activations"] = Reading(SiteOps(_inputs(MX)), rounded)
    programs |= {f"both, {k} float": Reading(SiteOps(_inputs(MX, k.__ne__)), rounded) for k in kinds}
    for label, changed in _CHANGES.items():
        programs[f"activations: {label}"] = Reading(SiteOps(_inputs(changed)), rounded)
        programs[f"both: {label}"] = Reading(SiteOps(_inputs(changed)), _weights(model, changed))
    title = f"{name}: MXInt4 at the linears, the rest float (emulated)"
    return compare_programs(title, model, programs, puzzle_set(name, choice), "against float32")


def _weights(model: Model, blocks: Blocks) -> Model:
    def rule(p: Linear) -> Linear:
        return replace(p, weight=blocks(p.weight))

    return map_linears(model, rule)


def _inputs(blocks: Blocks, chosen: Callable[[str], bool] = lambda kind: True) -> Visitor:
    """Round the inputs of linears of the ``chosen`` kinds."""

    def visit(site: str, value: Floats) -> Floats:
        return blocks(value) if site.endswith(".input") and chosen(kind_of(site)) else value

    return visit
