"""What a model read from a flash image must be beyond its shapes.  Spec: FMT-VALID.

Every leaf keeps the preconditions of its operator, what a site leaves is what the operator behind it takes,
and the bounds of section 5 hold for the image's own numbers.  ``rr_model_load`` applies the same rules.
"""

from __future__ import annotations

from refimpl import preconditions
from refimpl.angles import within_one
from refimpl.block_params import BlockLinear, Int8Norm, Keep
from refimpl.errors import InputError
from refimpl.models.skeleton import Spec, skeleton
from refimpl.models.tree import Leaf, Model, leaves
from refimpl.params import Linear, Norm, Rescale, Rope, RowTable, Softmax
from refimpl.quantize.bounds import prove

SITE_BITS = (4, 8, 16)


def _linear(p: Linear | BlockLinear, spec: Spec) -> str | None:
    if p.out_bits != spec.out_bits:
        return f"outputs have {p.out_bits} bits, not {spec.out_bits}"
    if isinstance(p, Linear):
        return _unshifted(p.output_offset) or preconditions.of_rescale(p.multiplier, p.shift)
    if reason := preconditions.of_wide_rescale(p.multiplier, p.shift):
        return reason
    if p.block_scale is None:
        return None if p.factors == "scale" else f"its {p.factors} factors of blocks have no blocks"
    blocks, k = p.block_scale.shape[1], p.codes.shape[1]
    return preconditions.of_blocks(k, p.block, blocks, p.factors, p.block_scale)


def _unshifted(offset: int) -> str | None:
    return f"its output offset is {offset}; a model has none" if offset else None


def _rescale(p: Rescale) -> str | None:
    if p.out_bits not in SITE_BITS:
        return f"it leaves {p.out_bits} bits, not one of 4, 8, 16"
    return _unshifted(p.output_offset) or preconditions.of_rescale(p.multiplier, p.shift)


def _norm(p: Norm, size: int) -> str | None:
    if p.size != size or p.gain != preconditions.gain_of(min(max(p.size, 0), preconditions.MAX_NORM_SIZE)):
        return f"size {p.size} and gain {p.gain} are not those of a norm over {size} values"
    return preconditions.of_norm(p.size, p.gain, p.eps)


def _coded_norm(p: Int8Norm, size: int) -> str | None:
    if (p.to_code.out_bits, p.to_state.out_bits) != (8, 16):
        return "an int8 carry is stored in 8 bits and read as 16"
    return _norm(p.norm, size) or _rescale(p.to_code) or _rescale(p.to_state)


def leaf_problem(leaf: Leaf, spec: Spec, positions: int) -> str | None:
    """The first rule that one leaf breaks by itself, or None."""
    if isinstance(leaf, (Linear, BlockLinear)):
        return _linear(leaf, spec)
    if isinstance(leaf, Rescale):
        return _rescale(leaf)
    if isinstance(leaf, Int8Norm):
        return _coded_norm(leaf, spec.shape[0])
    if isinstance(leaf, Norm):
        return _norm(leaf, spec.shape[0])
    if isinstance(leaf, Softmax):
        return preconditions.of_softmax(positions, leaf.multiplier, leaf.shift, leaf.diff_min)
    if isinstance(leaf, Rope) and not (within_one(leaf.coarse) and within_one(leaf.fine)):
        return "a cosine or sine lies outside -1..1"
    if isinstance(leaf, RowTable):
        return preconditions.of_rescale(leaf.multiplier, leaf.shift)
    return None


def _site_problem(site: Leaf, reader: Linear | BlockLinear | Softmax) -> str | None:
    """Whether what ``site`` leaves is what ``reader`` takes."""
    if isinstance(reader, Softmax):
        return None if site.out_bits == 8 else f"it leaves {site.out_bits} bits; softmax takes 8"
    online = isinstance(reader, BlockLinear) and reader.activations != "static"
    if isinstance(site, Keep) != online:
        return "a linear quantizes its input itself, or a rescale does it in front of it; not both or neither"
    if isinstance(site, Rescale) and isinstance(reader, Linear) and site.out_bits > 8:
        return f"it leaves {site.out_bits} bits in front of a linear that takes 8"
    return None


def check(model: Model) -> None:
    """Refuse a model that breaks a rule.

    Raises
    ------
    InputError
        For a parameter out of range, with the leaf's name.
    DoesNotFit
        For the first bound that does not hold (:func:`refimpl.quantize.bounds.prove`).
    """
    for spec, leaf in zip(leaves(skeleton(model.config)), leaves(model), strict=True):
        if reason := leaf_problem(leaf, spec, model.config.positions):
            raise InputError(f"{spec.name}: {reason}.")
    blocks = [block for level in (model.L_level, model.H_level) for block in level]
    parts = (part for block in blocks for part in (block.token, block.channel))
    heads = ((head.input, head.linear) for head in (model.lm_head, model.q_head))
    for site, reader in (*heads, *(pair for part in parts for pair in part.pairs)):
        if reason := _site_problem(site, reader):
            raise InputError(f"{site.name}: {reason}.")
    prove(model)
