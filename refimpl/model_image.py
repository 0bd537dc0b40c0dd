"""An integer tree as image sections and back.  Spec: section 8."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from refimpl.angles import STEP, rope_of
from refimpl.block_params import FACTORS, BlockLinear, Int8Norm, Keep, Online
from refimpl.errors import DoesNotFit, InputError
from refimpl.fixedpoint import ROUNDINGS, Rounding
from refimpl.image import Image, Section, encode
from refimpl.model_rules import check
from refimpl.models.config import ModelConfig
from refimpl.models.halting import FIXED, KINDS, MEASURES, OVER, StopRule
from refimpl.models.skeleton import Spec, skeleton
from refimpl.models.tree import Leaf, Model, leaves, map_leaves
from refimpl.params import Linear, Norm, Rescale, Rope, RowTable, Silu, Softmax

CONFIG_FIELDS = (
    "family", "seq_len", "vocab_size", "hidden_size", "num_heads", "L_layers", "H_layers", "H_cycles",
    "L_cycles", "halt_max_steps", "mlp_t", "pos_encodings", "puzzle_emb_len", "channel_intermediate_size",
    "token_intermediate_size", "num_puzzle_identifiers", "rounding",
)  # fmt: skip
FAMILIES = ("trm", "hrm")
POSITIONS = ("none", "rope", "learned")
MOST_BLOCK = 4096
ONLINE: tuple[Online, ...] = ("static", "token", "mx")
# The one spelling of the ``meta`` section, which the C port reads without a JSON reader.
META = re.compile(
    rb'\{"calibration": "W", "format": "W", "network": "W", "task": "W", "trained": (?:true|false)\}'
    .replace(b"W", rb'[ !#-\[\]-~]*')
)


@dataclass(frozen=True)
class ImageMeta:
    """What the image says about itself in words: network, its whole format as spelled, calibration, task."""

    network: str
    format: str
    calibration: str
    task: str
    trained: bool


def _int32(name: str, *values: int) -> Section:
    return Section(name, "int32", np.array(values, np.int32))


def _rescale(name: str, leaf: Rescale) -> Section:
    return _int32(name, leaf.multiplier, leaf.shift, leaf.out_bits, leaf.output_offset)


def _linear_sections(name: str, leaf: Linear | BlockLinear) -> list[Section]:
    """``format`` has three values for OP-LINEAR, five for OP-BLOCK-LINEAR."""
    if isinstance(leaf, Linear):
        form = _int32(f"{name}/format", leaf.weight_bits, leaf.out_bits, leaf.output_offset)
    else:
        online = ONLINE.index(leaf.activations)
        scales = leaf.block, FACTORS.index(leaf.factors)
        form = _int32(f"{name}/format", leaf.weight_bits, leaf.out_bits, *scales, online)
    sections = [
        form,
        Section(f"{name}/codes", f"int{leaf.weight_bits}", leaf.codes),
        Section(f"{name}/multiplier", "int32", leaf.multiplier),
        Section(f"{name}/shift", "int8", leaf.shift),
    ]
    if leaf.bias is not None:
        sections.append(Section(f"{name}/bias", "int32", leaf.bias))
    if isinstance(leaf, BlockLinear) and leaf.zero_point is not None:
        sections.append(Section(f"{name}/zero_point", "int8", leaf.zero_point))
    if isinstance(leaf, BlockLinear) and leaf.block_scale is not None:
        sections.append(Section(f"{name}/block_scale", "uint8", leaf.block_scale))
    return sections


def leaf_sections(name: str, leaf: Leaf) -> list[Section]:
    """The sections of one leaf; ``name`` is the leaf's name in the skeleton."""
    if isinstance(leaf, (Linear, BlockLinear)):
        return _linear_sections(name, leaf)
    if isinstance(leaf, Keep):
        return []  # the linear that reads the site says how it quantizes
    if isinstance(leaf, Int8Norm):
        code, state = _rescale(f"{name}/to_code", leaf.to_code), _rescale(f"{name}/to_state", leaf.to_state)
        return [*leaf_sections(name, leaf.norm), code, state]
    if isinstance(leaf, Rescale):
        return [_rescale(f"{name}/rescale", leaf)]
    if isinstance(leaf, Silu):
        return [Section(f"{name}/table", "int8", leaf.table)]
    if isinstance(leaf, Norm):
        return [_int32(f"{name}/norm", leaf.size, leaf.gain, leaf.eps)]
    if isinstance(leaf, Rope):
        return [Section(f"{name}/{part}", "int32", getattr(leaf, part)) for part in ("coarse", "fine")]
    if isinstance(leaf, Softmax):
        return [_int32(f"{name}/softmax", leaf.multiplier, leaf.shift, leaf.diff_min)]
    if isinstance(leaf, RowTable):
        return [
            Section(f"{name}/codes", "int8", leaf.codes),
            Section(f"{name}/multiplier", "int32", leaf.multiplier),
            Section(f"{name}/shift", "int8", leaf.shift),
        ]
    if isinstance(leaf, np.ndarray):
        return [Section(f"{name}/values", "int16", leaf)]
    raise InputError(f"{name}: a {type(leaf).__name__} leaf has no place in an image.")


def stop_values(rule: StopRule) -> list[int]:
    """The ``stop`` section: kind (its bits in KINDS), t, of, over, least, more."""
    if rule.by:
        raise InputError(f"stop rule {rule} needs two programs; an image holds one, an export both.")
    return [KINDS[rule.kind], rule.t, MEASURES.index(rule.of), OVER.index(rule.over), rule.least, rule.more]


def _meta_text(meta: ImageMeta) -> bytes:
    """JSON in one spelling; what is no plain ASCII, a quote or a backslash becomes ``?``."""
    plain = {name: re.sub(r"[^ !#-\[\]-~]", "?", value) if isinstance(value, str) else value
             for name, value in vars(meta).items()}  # fmt: skip
    return json.dumps(plain, sort_keys=True).encode()


def _read_stop(image: Image) -> StopRule:
    """The rule of the ``stop`` section; an image without one runs all its steps."""
    if "stop" not in image.entries:
        return FIXED
    values = image.array("stop").tolist()
    try:
        kind, t, of, over, least, more = values
        if min(values) < 0 or not kind:
            raise IndexError
        named = {bits: name for name, bits in KINDS.items()}
        return StopRule(named[kind], t, MEASURES[of], OVER[over], least, more)
    except (ValueError, IndexError, KeyError) as error:
        raise InputError(f"{image.where}: section 'stop' names no stop rule.") from error


def rounding_of(model: Model) -> Rounding:
    """The requantization rule, one for the whole model; row tables have it in every format."""
    rule: Rounding = model.embedding.tokens.rounding
    return rule


def _config_values(model: Model) -> list[int]:
    raw = model.config.to_dict()
    raw["family"] = FAMILIES.index(raw["family"])
    raw["pos_encodings"] = POSITIONS.index(raw["pos_encodings"])
    raw["token_intermediate_size"] = raw["token_intermediate_size"] or 0
    raw["rounding"] = ROUNDINGS.index(rounding_of(model))
    return [int(raw[name]) for name in CONFIG_FIELDS]


def to_image(model: Model, meta: ImageMeta) -> bytes:
    """Return the image of an integer ``model``."""
    return encode(model_sections(model, meta))


def model_sections(model: Model, meta: ImageMeta) -> list[Section]:
    """Every section of the image of ``model``, in stored order."""
    sections = [
        _int32("config", *_config_values(model)),
        Section("meta", "int8", np.frombuffer(_meta_text(meta), np.int8)),
    ]
    if model.config.stop != FIXED:
        sections.append(_int32("stop", *stop_values(model.config.stop)))
    for spec, leaf in zip(leaves(skeleton(model.config)), leaves(model), strict=True):
        sections += leaf_sections(spec.name, leaf)
    return sections


def read_config(image: Image) -> tuple[ModelConfig, Rounding]:
    """Shapes, cycles and the rounding rule from the ``config`` section."""
    values = take(image, "config", "int32", (len(CONFIG_FIELDS),))
    raw: dict[str, Any] = dict(zip(CONFIG_FIELDS, values.tolist(), strict=True))
    choices = ("rounding", "family", "pos_encodings", "mlp_t")
    try:
        if min(raw[name] for name in choices) < 0 or raw["mlp_t"] > 1:
            raise IndexError
        rounding = ROUNDINGS[raw.pop("rounding")]
        raw["family"] = FAMILIES[raw["family"]]
        raw["pos_encodings"] = POSITIONS[raw["pos_encodings"]]
    except IndexError as error:
        raise InputError(f"{image.where}: section 'config' names an unknown choice.") from error
    raw["mlp_t"] = bool(raw["mlp_t"])
    raw["token_intermediate_size"] = raw["token_intermediate_size"] or None
    return ModelConfig(**raw, task=read_meta(image).task, stop=_read_stop(image)), rounding


def read_meta(image: Image) -> ImageMeta:
    """The words of the ``meta`` section."""
    entry = image.entry("meta")
    text = image.array("meta").tobytes()
    if (entry.element, len(entry.shape)) != ("int8", 1) or not META.fullmatch(text):
        raise InputError(f"{image.where}: section 'meta' is not spelled as the image's writer spells it.")
    return ImageMeta(**json.loads(text))


def take(image: Image, name: str, element: str, shape: tuple[int, ...]) -> npt.NDArray[np.integer]:
    """A section of the element type and shape the model gives it."""
    entry = image.entry(name)
    if (entry.element, entry.shape) != (element, shape):
        raise InputError(f"{image.where}: section {name!r} is {entry.element} of shape {entry.shape}; "
                         f"the config needs {element} of {shape}.")  # fmt: skip
    return image.array(name)


def _numbers(image: Image, name: str, count: int) -> list[int]:
    values: list[int] = take(image, name, "int32", (count,)).tolist()
    return values


def _read_linear(image: Image, spec: Spec, rounding: Rounding) -> Linear | BlockLinear:
    name, (n, k) = spec.name, spec.shape
    plain = image.entry(f"{name}/format").shape == (3,)
    weight_bits, out_bits, *rest = _numbers(image, f"{name}/format", 3 if plain else 5)
    if not 2 <= weight_bits <= 8:
        raise InputError(f"{image.where}: section '{name}/format': weights have {weight_bits} bits, "
                         "not 2 to 8.")  # fmt: skip
    codes = take(image, f"{name}/codes", f"int{weight_bits}", (n, k))
    codes8 = codes.astype(np.int8, copy=False)
    multiplier = take(image, f"{name}/multiplier", "int32", (n,)).astype(np.int32)
    shift = take(image, f"{name}/shift", "int8", (n,)).astype(np.int32)
    bias = take(image, f"{name}/bias", "int32", (n,)).astype(np.int32) if spec.bias_key else None
    if plain:
        return Linear(name, weight_bits, codes8, bias, multiplier, shift, rounding, out_bits, rest[0])
    block, factors, online = rest
    if not (0 <= block <= MOST_BLOCK and 0 <= factors < len(FACTORS) and 0 <= online < len(ONLINE)):
        raise InputError(f"{image.where}: section '{name}/format' names no form of a linear.")
    zero_point = block_scale = None
    if f"{name}/zero_point" in image.entries:
        zero_point = take(image, f"{name}/zero_point", "int8", (n,)).astype(np.int8)
    if block:
        block_scale = take(image, f"{name}/block_scale", "uint8", (n, -(-k // block))).astype(np.uint8)
    return BlockLinear(name, weight_bits, codes8, zero_point, block, block_scale, FACTORS[factors], bias,
                       multiplier, shift, out_bits, ONLINE[online])  # fmt: skip


def _read_rescale(image: Image, name: str, section: str, rounding: Rounding) -> Rescale:
    multiplier, shift, out_bits, offset = _numbers(image, section, 4)
    return Rescale(name, multiplier, shift, rounding, out_bits, offset)


def _read_norm(image: Image, name: str, rounding: Rounding) -> Norm | Int8Norm:
    norm = Norm(name, *_numbers(image, f"{name}/norm", 3))
    if f"{name}/to_code" not in image.entries:
        return norm
    to_code, to_state = (
        _read_rescale(image, f"{name}.{part}", f"{name}/{part}", rounding) for part in ("to_code", "to_state")
    )
    return Int8Norm(name, norm, to_code, to_state)


def _read_leaf(image: Image, spec: Spec, rounding: Rounding) -> Leaf:
    name = spec.name
    if spec.kind == "linear":
        return _read_linear(image, spec, rounding)
    if spec.kind == "rescale":
        if f"{name}/rescale" not in image.entries:
            return Keep(name)
        return _read_rescale(image, name, f"{name}/rescale", rounding)
    if spec.kind == "silu":
        return Silu(name, take(image, f"{name}/table", "int8", (256,)).astype(np.int8))
    if spec.kind == "norm":
        return _read_norm(image, name, rounding)
    if spec.kind == "rope":
        positions, d = spec.shape[0], 2 * spec.shape[1]
        coarse = take(image, f"{name}/coarse", "int32", (-(-positions // STEP), d)).astype(np.int32)
        fine = take(image, f"{name}/fine", "int32", (min(STEP, positions), d)).astype(np.int32)
        return rope_of(name, coarse, fine, positions)
    if spec.kind == "softmax":
        return Softmax(name, *_numbers(image, f"{name}/softmax", 3))
    if spec.kind == "table":
        codes = take(image, f"{name}/codes", "int8", spec.shape).astype(np.int8, copy=False)
        multiplier = take(image, f"{name}/multiplier", "int32", spec.shape[:1]).astype(np.int32)
        shift = take(image, f"{name}/shift", "int8", spec.shape[:1]).astype(np.int32)
        return RowTable(name, codes, multiplier, shift, rounding)
    return take(image, f"{name}/values", "int16", spec.shape).astype(np.int16)


def from_image(image: Image) -> Model:
    """Return the integer tree whose arrays view the image (packed codes are unpacked).

    Raises InputError for an image that breaks a rule: a section too many, too few or of another shape, a
    parameter out of range, or a bound that its own numbers do not prove (:mod:`refimpl.model_rules`).
    """
    config, rounding = read_config(image)
    model = map_leaves(lambda spec: _read_leaf(image, spec, rounding), skeleton(config))
    assert isinstance(model, Model)
    if unread := image.unread():
        raise InputError(f"{image.where}: section {unread[0]!r} belongs to no leaf of this model.")
    try:
        check(model)
    except (InputError, DoesNotFit) as error:
        raise InputError(f"{image.where}: {error}") from error
    return model
