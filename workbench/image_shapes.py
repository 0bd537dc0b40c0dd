"""``len(image)`` of a model without its weights: the sections of an image over arrays that occupy nothing.

The tree of shapes goes through :func:`refimpl.model_image.model_sections`, as a lowered model does, so there
is one account of bytes.
"""

from __future__ import annotations

import numpy as np

from refimpl.angles import STEP
from refimpl.block_params import BlockLinear, Int8Norm, Keep
from refimpl.formats import Format
from refimpl.image import ENTRY, HEADER, Section, align
from refimpl.model_image import ImageMeta, model_sections
from refimpl.models.config import ModelConfig
from refimpl.models.skeleton import Spec, skeleton
from refimpl.models.tree import Leaf, Model, map_leaves
from refimpl.params import Linear, Norm, Rescale, Rope, RowTable, Silu, Softmax
from workbench.shape_ops import shaped


def image_size(config: ModelConfig, format: Format, meta: ImageMeta) -> int:
    """Bytes of the image of a model of ``config`` in an integer ``format``."""
    return image_bytes(model_sections(shape_tree(config, format), meta))


def image_bytes(sections: list[Section]) -> int:
    """``len(encode(sections))`` from their shapes alone: arrays that occupy nothing will do."""
    return align(HEADER.size + ENTRY.size * len(sections)) + sum(align(s.size) for s in sections)


def shape_tree(config: ModelConfig, format: Format) -> Model:
    """The integer tree of ``config`` in ``format`` with arrays of the right shapes and no contents."""
    tree = map_leaves(lambda spec: _leaf(spec, format), skeleton(config))
    assert isinstance(tree, Model)
    return tree


def _leaf(spec: Spec, format: Format) -> Leaf:
    name, shape = spec.name, spec.shape
    one = Rescale(name, 0, 0, format.rounding)
    if spec.kind == "linear":
        return linear_shape(spec, format)
    if spec.kind == "table":
        rows = shaped(shape[:1], np.int32)
        return RowTable(name, shaped(shape, np.int8), rows, rows, format.rounding)
    if spec.kind == "norm":
        norm = Norm(name, shape[0], 0, 0)
        return Int8Norm(name, norm, one, one) if format.carry == "int8" else norm
    if spec.kind == "rope":
        codes = shaped(shape, np.int16)
        counts = -(-shape[0] // STEP), min(STEP, shape[0])
        return Rope(name, codes, codes, *(shaped((count, 2 * shape[1]), np.int32) for count in counts))
    if spec.kind == "silu":
        return Silu(name, shaped((256,), np.int8))
    if spec.kind == "softmax":
        return Softmax(name, 0, 0, 0)
    if spec.kind == "rescale":
        return Keep(name) if name.endswith(".input") and format.activations.online != "static" else one
    return shaped(shape, np.int16)


def linear_shape(spec: Spec, format: Format) -> Linear | BlockLinear:
    """The linear of ``spec`` in ``format``, its arrays without contents."""
    name, (rows, inner), weights = spec.name, spec.shape, format.weights_at(spec.name)
    codes, each = shaped(spec.shape, np.int8), shaped((rows,), np.int32)
    bias = each if spec.bias_key else None
    if format.plain_at(name):
        return Linear(name, weights.bits, codes, bias, each, each, format.rounding, spec.out_bits)
    zero_point = shaped((rows,), np.int8) if weights.zero_point else None
    scale = shaped((rows, weights.blocks(inner)), np.uint8) if weights.factors else None
    factors = weights.factors or "scale"
    return BlockLinear(name, weights.bits, codes, zero_point, weights.block, scale, factors, bias,
                       each, each, spec.out_bits, format.activations.online)  # fmt: skip
