"""Bytes of a deployment's flash image, from shapes alone: no weights are made.

The sections are those that :mod:`refimpl.model_image` writes, filled with arrays that occupy nothing.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from math import prod

import numpy as np

from mcusim.deployments import Deployment
from refimpl.block_params import Int8Norm
from refimpl.formats import FLOAT32, Format
from refimpl.image import ALIGNMENT, CODES, ELEMENTS, ENTRY, HEADER
from refimpl.model_image import CONFIG_FIELDS, ImageMeta, leaf_sections
from refimpl.models.config import ModelConfig
from refimpl.models.skeleton import Spec, skeleton
from refimpl.models.tree import Leaf, leaves
from refimpl.params import Linear, Norm, Rescale, Rope, RowTable, Silu, Softmax
from workbench.networks import find_network
from workbench.presets import PRESETS
from workbench.shape_ops import shaped
from workbench.sizes import FLOAT_BYTES, backbone_bytes, package_bytes

SEEDED = "seeded tokens (1 puzzles, H1 n1)"  # what a preset's calibration says of itself
ROW_SCALE = 5  # int32 multiplier and int8 shift


@dataclass(frozen=True)
class Footprint:
    """Bytes in the two readings of a budget, without the arena.

    ``weights_only``: all parameters x bits, as published, and the puzzle table where it is resident.
    ``image``: the flash image, with a puzzle table that is ``resident``.  ``rows``: puzzle rows outside
    the image, 0 where the table has the one row that every image holds.
    """

    weights_only: int
    image: int
    resident: int
    rows: int


def deployed_config(deployment: Deployment) -> ModelConfig:
    """Shapes of the deployment's model at its depth; a preset needs no weights."""
    known = PRESETS.get(deployment.model)
    config = find_network(deployment.model).config if known is None else known
    return replace(config, H_cycles=deployment.H_cycles, halt_max_steps=deployment.steps)


def footprint(deployment: Deployment) -> Footprint:
    """Size everything that does not depend on a plan."""
    config = deployed_config(deployment)
    table = config.num_puzzle_identifiers * config.hidden_size if config.puzzle_emb_len else 0
    scales = config.num_puzzle_identifiers * ROW_SCALE if config.puzzle_emb_len else 0
    resident = 0
    if deployment.puzzle_rows == "resident-fp32":
        resident = table * FLOAT_BYTES
    elif deployment.puzzle_rows == "resident-int8":
        resident = table + scales
    stored = deployment.format.weights
    bits = stored.stored_bits if stored.integer else stored.bits
    weights_only = backbone_bytes(config, bits) + resident
    outside = 0 if resident or config.num_puzzle_identifiers == 1 else table + scales
    # The image always has room for the one row that a run reads.
    one_row = replace(config, num_puzzle_identifiers=1)
    if deployment.format == FLOAT32:
        image = package_bytes(one_row, 32)
    else:
        image = image_bytes(one_row, deployment.format, _meta(deployment, config))
    return Footprint(weights_only, image + resident, resident, outside)


def image_bytes(config: ModelConfig, format: Format, meta: ImageMeta) -> int:
    """``len`` of the image of a model in ``format``, one scale a row."""
    config_bytes = 4 * len(CONFIG_FIELDS)
    meta_bytes = len(json.dumps(vars(meta), sort_keys=True).encode())
    sizes = [config_bytes, meta_bytes]
    for spec in leaves(skeleton(config)):
        assert isinstance(spec, Spec)
        for section in leaf_sections(spec.name, _shape(spec, format)):
            width = ELEMENTS[CODES[section.element]][1]
            sizes.append((prod(section.values.shape) * width + 7) // 8)
    start = _align(HEADER.size + ENTRY.size * len(sizes))
    return start + sum(_align(size) for size in sizes)


def _meta(deployment: Deployment, config: ModelConfig) -> ImageMeta:
    if deployment.model in PRESETS:
        return ImageMeta(deployment.model, str(deployment.format), SEEDED, config.task, False)
    network = find_network(deployment.model)
    source = network.calibration.source
    return ImageMeta(network.name, str(deployment.format), source, config.task, network.trained)


def _align(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT


def _shape(spec: Spec, format: Format) -> Leaf:
    """A leaf of the integer tree with arrays of the right shape and no contents."""
    name, shape = spec.name, spec.shape
    one = Rescale(name, 0, 0, "double")
    if spec.kind == "linear":
        rows = shaped(shape[:1], np.int32)
        bias = rows if spec.bias_key else None
        bits = format.weights_at(name).stored_bits
        return Linear(name, bits, shaped(shape, np.int8), bias, rows, rows, "double", spec.out_bits)
    if spec.kind == "table":
        rows = shaped(shape[:1], np.int32)
        return RowTable(name, shaped(shape, np.int8), rows, rows, "double")
    if spec.kind == "norm":
        norm = Norm(name, shape[0], 0, 0)
        return Int8Norm(name, norm, one, one) if format.carry == "int8" else norm
    if spec.kind == "rope":
        return Rope(name, shaped(shape, np.int16), shaped(shape, np.int16))
    if spec.kind == "silu":
        return Silu(name, shaped((256,), np.int8))
    if spec.kind == "softmax":
        return Softmax(name, 0, 0, 0)
    return one if spec.kind == "rescale" else shaped(shape, np.int16)
