"""Which tensors a configuration needs, and the check that a checkpoint has exactly those, usable."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from refimpl.errors import InputError
from refimpl.models.config import ModelConfig
from workbench.checkpoints.elements import Array

PUZZLE_ROWS = "inner.puzzle_emb.weights"
_LISTED = 6  # names printed before "and N more"


def expected_tensors(config: ModelConfig) -> dict[str, tuple[int, ...]]:
    """Return name -> shape of every tensor of ``config``, in the order of the official state_dict.

    Linear weights are (out, in).  The puzzle table has ``num_puzzle_identifiers`` rows here;
    :func:`validate` accepts any number of rows from 1 on.
    """
    hidden, vocab = config.hidden_size, config.vocab_size
    shapes: dict[str, tuple[int, ...]] = {
        "inner.H_init": (hidden,),
        "inner.L_init": (hidden,),
        "inner.embed_tokens.embedding_weight": (vocab, hidden),
        "inner.lm_head.weight": (vocab, hidden),
        "inner.q_head.weight": (2, hidden),
        "inner.q_head.bias": (2,),
    }
    if config.puzzle_emb_len:
        shapes[PUZZLE_ROWS] = (config.num_puzzle_identifiers, hidden)
    if config.pos_encodings == "learned":
        shapes["inner.embed_pos.embedding_weight"] = (config.positions, hidden)
    for level, layers in (("H", config.H_layers), ("L", config.L_layers)):
        for layer in range(layers):
            shapes |= _layer(config, f"inner.{level}_level.layers.{layer}")
    return shapes


def validate(tensors: Mapping[str, Array], config: ModelConfig) -> None:
    """Check that ``tensors`` (canonical names) are those of ``config``.

    Raises
    ------
    InputError
        Listing missing and unknown tensors; or for the first tensor of another shape or type, or with
        values that are not finite, its name and what was found.
    """
    expected = expected_tensors(config)
    missing = [name for name in expected if name not in tensors]
    unknown = [name for name in tensors if name not in expected]
    if missing or unknown:
        raise InputError(
            f"the tensors are not those of {describe(config)}: missing {_listing(missing)}; "
            f"unknown {_listing(unknown)}."
        )
    for name, shape in expected.items():
        found = tensors[name].shape
        if name == PUZZLE_ROWS and len(found) == 2 and found[0] >= 1:
            shape = (found[0], shape[1])
        if found != shape:
            raise InputError(f"tensor {name} has shape {found}, expected {shape} for {describe(config)}.")
    validate_values(tensors)


def validate_values(tensors: Mapping[str, Array]) -> None:
    """Check that every tensor is float and finite in float32, whatever the configuration."""
    for name, values in tensors.items():
        if values.dtype.kind != "f":
            raise InputError(
                f"tensor {name} has dtype {values.dtype}, expected a float type: trained weights "
                "are read here, not quantized codes."
            )
        with np.errstate(over="ignore"):
            finite = np.isfinite(values.astype(np.float32, copy=False))
        bad = values.size - int(np.count_nonzero(finite))
        if bad:
            raise InputError(
                f"tensor {name} has {bad} values of {values.size} that are NaN or infinite in "
                "float32; the training diverged or the file is damaged."
            )


def describe(config: ModelConfig) -> str:
    """Name a configuration in a few words for an error."""
    mixer = "MLP mixer" if config.mlp_t else f"attention with {config.pos_encodings} positions"
    return (
        f"this {config.family.upper()} ({mixer}, hidden {config.hidden_size}, {config.seq_len} + "
        f"{config.puzzle_emb_len} positions, vocab {config.vocab_size})"
    )


def _layer(config: ModelConfig, name: str) -> dict[str, tuple[int, ...]]:
    hidden = config.hidden_size
    if config.token_intermediate_size is not None:
        mixer = _swiglu(f"{name}.mlp_t", config.positions, config.token_intermediate_size)
    else:
        mixer = {
            f"{name}.self_attn.qkv_proj.weight": (3 * hidden, hidden),
            f"{name}.self_attn.o_proj.weight": (hidden, hidden),
        }
    return mixer | _swiglu(f"{name}.mlp", hidden, config.channel_intermediate_size)


def _swiglu(name: str, width: int, inner: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.gate_up_proj.weight": (2 * inner, width), f"{name}.down_proj.weight": (width, inner)}


def _listing(names: list[str]) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return (", ".join(names[:_LISTED]) or "none") + more
