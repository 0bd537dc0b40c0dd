"""What a variant costs to store and to run, by one stated convention.

*Package*: every linear at the format's bits, packed, with its scales (fp32 a row or a tensor, one byte a
group or MX block, one byte a zero point); embedding rows, halting bias and init vectors in fp32.
*Traffic*: linear weights with their scales, each read once a call, heads once an ACT step.
*MACs* with heads and attention products.  All per puzzle at the variant's depth, exact integers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from refimpl.float_params import Linear
from refimpl.formats import Format
from refimpl.formats.symmetric import Symmetric
from refimpl.models.config import ModelConfig
from refimpl.models.tree import Model
from workbench.counting import count_step
from workbench.lab.rewrite import linears
from workbench.lab.variant import Variant, network

FLOAT_BYTES, SCALE_BYTES = 4, 4


@dataclass(frozen=True)
class Costs:
    """Bytes stored, weight bytes read a puzzle, MACs a puzzle."""

    package_bytes: int
    traffic_bytes: int
    macs: int


def linear_bytes(p: Linear, format: Format) -> int:
    """Stored bytes of one linear's weights and scales."""
    rows, inner = p.weight.shape
    fmt = format.weights_at(p.name)
    if not fmt.integer:
        return rows * inner * FLOAT_BYTES
    codes = -(-rows * inner * fmt.bits // 8)
    scales = rows * (SCALE_BYTES + fmt.zero_point)
    if isinstance(fmt, Symmetric) and fmt.scale != "row":
        scales = SCALE_BYTES
    elif fmt.factors == "exponent":
        scales = 0
    return codes + scales + rows * fmt.blocks(inner)


def rest_bytes(model: Model) -> int:
    """Everything that stays in fp32: embedding rows, biases, init vectors; puzzle tables apart."""
    tables = [model.embedding.tokens, model.embedding.positions]
    values = sum(table.values.size for table in tables if table is not None)
    values += sum(p.bias.size for p in linears(model) if p.bias is not None)
    return int((values + model.H_init.size + model.L_init.size) * FLOAT_BYTES)


@lru_cache(maxsize=64)
def _macs_of_step(config: ModelConfig) -> int:
    counts = count_step(config).counts
    return counts.macs + counts.attention_macs


def traffic(model: Model, format: Format, steps: int) -> int:
    """Weight bytes read in ``steps`` ACT steps of a puzzle at the cycles of ``model``."""
    config = model.config
    sizes = {p.name: linear_bytes(p, format) for p in linears(model)}
    heads = sizes.pop("lm_head") + sizes.pop("q_head")
    own = {level: sum(size for name, size in sizes.items() if name.startswith(f"{level}.")) for level in "LH"}
    if model.H_level is model.L_level:
        own["H"] = own["L"]
    return steps * (sum(times * own[level] for level, times in config.order.per_step.items()) + heads)


def costs(variant: Variant) -> Costs:
    """Costs of a variant at its (resolved) depth."""
    model = network(variant.network).float_model.with_depth(variant.H_cycles, variant.steps)
    stored = sum(linear_bytes(p, variant.format) for p in linears(model)) + rest_bytes(model)
    moved = traffic(model, variant.format, variant.steps)
    return Costs(stored, moved, _macs_of_step(model.config) * variant.steps)
