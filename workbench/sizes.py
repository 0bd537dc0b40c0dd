"""Parameters of a configuration and the published convention for its bytes, off the tree of every reading.

What is stored is another matter: the length of the flash image, :mod:`workbench.image_shapes`.  Puzzle
tables are accounted apart, in :mod:`workbench.embeddings`.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from refimpl.models.config import ModelConfig
from refimpl.models.skeleton import Spec, skeleton
from refimpl.models.tree import leaves

FLOAT_BYTES = 4
# Columns of the report: name -> bits of a weight.
FORMATS = {"fp32": 32, "int8": 8, "int4": 4}


@dataclass(frozen=True)
class Parameters:
    """Parameters by component; puzzle rows and init vectors are in no published count."""

    token_rows: int
    position_rows: int
    token_mixers: int
    channel_mixers: int
    lm_head: int
    q_head: int
    init_vectors: int
    puzzle_rows: int

    @property
    def total(self) -> int:
        """The published count: everything but init vectors and puzzle rows."""
        mixers = self.token_mixers + self.channel_mixers
        return self.token_rows + self.position_rows + mixers + self.lm_head + self.q_head


@dataclass(frozen=True)
class Linears:
    """All linears of a model: how many, their weights and their output rows."""

    count: int
    weights: int
    rows: int


def _specs(config: ModelConfig) -> list[Spec]:
    return leaves(skeleton(config))


def _component(spec: Spec) -> str:
    """The field of :class:`Parameters` a leaf with weights belongs to."""
    parts = spec.name.split(".")
    if len(parts) > 2:
        return "channel_mixers" if parts[2] == "mlp" else "token_mixers"
    named = {"embed_tokens": "token_rows", "embed_pos": "position_rows", "puzzle_emb": "puzzle_rows",
             "H_init": "init_vectors", "L_init": "init_vectors"}  # fmt: skip
    return named.get(spec.name, spec.name)


def parameters(config: ModelConfig) -> Parameters:
    """Count the parameters of each component."""
    counted = dict.fromkeys(Parameters.__dataclass_fields__, 0)
    for spec in _specs(config):
        if spec.key:
            counted[_component(spec)] += prod(spec.shape) + (spec.shape[0] if spec.bias_key else 0)
    return Parameters(**counted)


def linears(config: ModelConfig) -> Linears:
    """Count linears, heads included."""
    shapes = [spec.shape for spec in _specs(config) if spec.kind == "linear"]
    return Linears(len(shapes), sum(map(prod, shapes)), sum(shape[0] for shape in shapes))


def backbone_bytes(config: ModelConfig, bits: int) -> int:
    """Bytes in the published convention: all parameters x bits / 8, no scales."""
    return -(-parameters(config).total * bits // 8)


def float_bytes(config: ModelConfig) -> int:
    """Bytes of the weights in float32, init vectors included: what a float run has in place of an image."""
    counted = parameters(config)
    return (counted.total + counted.init_vectors) * FLOAT_BYTES
