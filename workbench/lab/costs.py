"""What a variant costs to store and to run; bytes are those of its flash image.

*Stored*: ``len(image)``.  A float run has none: its weights count 4 bytes each.  An emulated run has none
either: it is charged the image of its weights with static int8 activations and an int16 carry.
*Traffic*: what the image holds of each linear, read once a call, heads once an ACT step.
*MACs* with heads and attention products.  Traffic and MACs per puzzle at the variant's depth.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

from refimpl.formats import Format, parse_format
from refimpl.model_image import leaf_sections
from refimpl.models.config import ModelConfig
from refimpl.models.skeleton import Spec, skeleton
from refimpl.models.tree import leaves
from workbench.counting import count_step
from workbench.image_shapes import linear_shape
from workbench.lab.variant import Variant, network
from workbench.networks import image_bytes_of
from workbench.sizes import FLOAT_BYTES, float_bytes

PLAIN = parse_format("w8c")  # static int8 activations, int16 carry


@dataclass(frozen=True)
class Costs:
    """Bytes stored, weight bytes read a puzzle, MACs a puzzle."""

    stored_bytes: int
    traffic_bytes: int
    macs: int


def stored_format(format: Format) -> Format | None:
    """The format whose image ``format`` is charged; None for weights that stay float."""
    if format.integer:
        return format
    weights = (format.weights, *(weights for _, weights in format.overrides))
    if not all(one.integer for one in weights):
        return None
    return Format(format.weights, PLAIN.activations, PLAIN.carry, format.rounding, format.overrides)


@lru_cache(maxsize=256)
def stored_bytes(name: str, format: Format) -> int:
    """Bytes of a network's image in ``format``, or of its float weights."""
    stored = stored_format(format)
    return float_bytes(network(name).config) if stored is None else image_bytes_of(network(name), stored)


def linear_bytes(spec: Spec, format: Format) -> int:
    """Bytes of one linear: codes, scales, zero points, biases."""
    stored = stored_format(format)
    if stored is None:
        rows, inner = spec.shape
        return rows * (inner + bool(spec.bias_key)) * FLOAT_BYTES
    sections = leaf_sections(spec.name, linear_shape(spec, stored))
    return sum(section.size for section in sections if not section.name.endswith("/format"))


@lru_cache(maxsize=64)
def _macs_of_step(config: ModelConfig) -> int:
    counts = count_step(config).counts
    return counts.macs + counts.attention_macs


def traffic(config: ModelConfig, format: Format, steps: int) -> int:
    """Weight bytes read in ``steps`` ACT steps of a puzzle at the cycles of ``config``."""
    model = skeleton(config)
    sizes = {p.name: linear_bytes(p, format) for p in leaves(model) if p.kind == "linear"}
    heads = sizes.pop("lm_head") + sizes.pop("q_head")
    own = {level: sum(size for name, size in sizes.items() if name.startswith(f"{level}.")) for level in "LH"}
    if model.H_level is model.L_level:
        own["H"] = own["L"]
    return steps * (sum(times * own[level] for level, times in config.order.per_step.items()) + heads)


def macs(variant: Variant) -> int:
    """MACs of a puzzle at a variant's (resolved) depth."""
    config = replace(network(variant.network).config, H_cycles=variant.H_cycles)
    return _macs_of_step(config) * variant.steps


def costs(variant: Variant) -> Costs:
    """Costs of a variant at its (resolved) depth."""
    model = network(variant.network).float_model.with_depth(variant.H_cycles, variant.steps)
    moved = traffic(model.config, variant.format, variant.steps)
    return Costs(stored_bytes(variant.network, variant.format), moved, macs(variant))
