"""From a configuration as training scripts write it to the fields of a :class:`ModelConfig`.

Read are our own JSON form, the official code's flat mapping, and its ``all_config.yaml`` once parsed, with
the model under ``arch`` and its class as ``name: recursive_reasoning.trm@TinyRecursiveReasoningModel_ACTV1``.
Defaults are those of the official classes.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from refimpl.models.config import ModelConfig
from refimpl.models.config_rules import REAL, WHOLE, real_number, refusal, whole_number
from refimpl.models.halting import StopRule
from workbench.stop_text import parse_stop

_CLASSES = {
    "TinyRecursiveReasoningModel_ACTV1": "trm",
    "HierarchicalReasoningModel_ACTV1": "hrm",
}
# Modules of the official code whose classes carry a known name and compute something else.
_OTHER_MODULES = ("trm_singlez", "trm_hier6", "transformers_baseline")
_TRM_PREFIX = 16  # default of the official TRM class; that of HRM is as many positions as the row fills
_EXPANSION = 4.0
_REQUIRED = ("seq_len", "vocab_size", "hidden_size", "num_heads", "L_layers", "H_cycles", "L_cycles",
             "halt_max_steps")  # fmt: skip


def swiglu_width(hidden_size: int, expansion: float = _EXPANSION, multiple: int = 256) -> int:
    """Return the inner width of a SwiGLU: ``expansion * hidden * 2/3`` rounded up to ``multiple``."""
    inner = round(expansion * hidden_size * 2 / 3)
    return -(-inner // multiple) * multiple


def flattened(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return the mapping with what stands under ``arch`` beside the rest, the inner value first."""
    arch = raw.get("arch")
    if arch is None:
        return dict(raw)
    if not isinstance(arch, Mapping):
        raise refusal(f"arch is {arch!r}; it must be the mapping of the model's settings.")
    return {**{key: value for key, value in raw.items() if key != "arch"}, **arch}


def missing_fields(raw: Mapping[str, Any]) -> list[str]:
    """Return the names of the required fields that ``raw`` (own or official form) does not have."""
    data = flattened(raw)
    needed = (*_REQUIRED, "H_layers") if _family(data) == "hrm" else _REQUIRED
    return [name for name in needed if name not in data]


def config_fields(raw: Mapping[str, Any], known: frozenset[str]) -> dict[str, Any]:
    """Return the fields of ``raw`` that are in ``known``, defaults filled in.

    Keys that are no shapes (recipe, curve, batch size) are passed over.

    Raises
    ------
    InputError
        For a missing field, a class that is not implemented here, or a number out of its range.
    """
    data = flattened(raw)
    family = data["family"] = _family(data)
    data.setdefault("mlp_t", False)
    data.setdefault("pos_encodings", "rope")
    if family == "trm":
        data["H_layers"] = 0
    missing = missing_fields(data)
    if missing:
        near = difflib.get_close_matches(missing[0], [key for key in data if key not in known], 1, 0.8)
        meant = f" (is {near[0]!r} meant for {missing[0]!r}?)" if near else ""
        raise refusal(f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing{meant}.")
    hidden, seq_len = data["hidden_size"], data["seq_len"]
    for name in ("hidden_size", "seq_len"):
        whole_number(name, data[name], *WHOLE[name])
    prefix = data["puzzle_emb_len"] = _prefix(data, family, hidden)
    whole_number("puzzle_emb_len", prefix, *WHOLE["puzzle_emb_len"])
    expansion = data.get("expansion", _EXPANSION)
    real_number("expansion", expansion, 1e-3, 1e3)
    data.setdefault("channel_intermediate_size", swiglu_width(hidden, expansion))
    if data["mlp_t"] is True:
        data.setdefault("token_intermediate_size", swiglu_width(seq_len + prefix, expansion))
        if data["pos_encodings"] == "rope":  # the official code builds rotary tables that nothing reads
            data["pos_encodings"] = "none"
    else:
        data["token_intermediate_size"] = None
    for name in REAL.keys() & data.keys():
        if type(data[name]) is int:
            data[name] = float(data[name])
    return {key: value for key, value in data.items() if key in known}


def _family(data: Mapping[str, Any]) -> str:
    model = str(data.get("model", data.get("family", data.get("name", "trm"))))
    module, _, kind = model.rpartition("@")
    if module.rpartition(".")[2] in _OTHER_MODULES:
        raise refusal(f"the model {model!r} computes another recursion; this runs those of the modules trm "
                      "and hrm.")
    family = _CLASSES.get(kind, kind)
    if family in ("trm", "hrm"):
        return family
    if "model" in data or "family" in data or module:
        raise refusal(f"unknown model {model!r}; this reads trm and hrm.")
    return "trm"  # a card's own ``name`` is no class


def _prefix(data: Mapping[str, Any], family: str, hidden: int) -> Any:
    """Positions of the puzzle row: as stated, or as the official classes fill it in."""
    width = data.get("puzzle_emb_ndim", 0)
    whole_number("puzzle_emb_ndim", width, 0, 1_048_576)
    stated = data.get("puzzle_emb_len")
    if stated is None and width and family == "trm":
        stated = _TRM_PREFIX
    if stated is None:
        stated = 0
    if stated == 0 and width:
        stated = -(-width // hidden)
    if width > hidden:
        raise refusal(f"puzzle_emb_ndim {width} is wider than hidden_size {hidden}; puzzle rows of more than "
                      "one position are not implemented.")
    if "puzzle_emb_ndim" in data and not width and stated:
        raise refusal(f"puzzle_emb_len is {stated!r} with puzzle_emb_ndim 0; without puzzle rows there is "
                      "no prefix.")
    return stated


def model_config(raw: Mapping[str, Any]) -> ModelConfig:
    """Read our own JSON form or the official training config.

    Keys that are no shapes (recipe, curve, batch size) are passed over; a missing or impossible one is
    an :class:`InputError` that names it.
    """
    known = config_fields(raw, frozenset(f.name for f in fields(ModelConfig)))
    if "stop" in known:
        known["stop"] = _stop_rule(known["stop"])
    return ModelConfig(**known)


def _stop_rule(stated: Any) -> StopRule:
    """A rule by its spelling, or by its fields as ``dataclasses.asdict`` leaves them in a saved recipe."""
    if not isinstance(stated, Mapping):
        return parse_stop(str(stated))
    try:
        return StopRule(**stated)
    except TypeError as error:
        raise refusal(f"stop is {dict(stated)!r}; it must be a rule such as 'head+settled,t=40'.") from error
