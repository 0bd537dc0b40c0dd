"""What each field of a model configuration may be: its type, its range, and how fields bind each other."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from refimpl.errors import InputError

# Ends of the ranges are far above every published model and low enough that nothing sized by one field
# (rotary tables, a carry) exhausts a machine before its sentence is said.
WHOLE: dict[str, tuple[int, int]] = {
    "seq_len": (1, 65_536),
    "vocab_size": (1, 1_048_576),
    "hidden_size": (1, 65_536),
    "num_heads": (1, 4_096),
    "L_layers": (1, 256),
    "H_layers": (0, 256),
    "H_cycles": (1, 10_000),
    "L_cycles": (1, 10_000),
    "halt_max_steps": (1, 10_000),
    "puzzle_emb_len": (0, 4_096),
    "channel_intermediate_size": (1, 1_048_576),
    "token_intermediate_size": (1, 1_048_576),
    "num_puzzle_identifiers": (1, 100_000_000),
}
# Real numbers with their ends, both allowed: a norm of an all-zero row divides by sqrt(eps), so 0 is none.
REAL: dict[str, tuple[float, float]] = {"rms_norm_eps": (1e-30, 1.0), "rope_theta": (1.0, 1e30)}
CHOICES: dict[str, tuple[str, ...]] = {"family": ("trm", "hrm"), "pos_encodings": ("none", "rope", "learned")}


def refusal(what: str) -> InputError:
    """The error of a configuration that no model can have; ``what`` is the rest of the sentence."""
    return InputError(f"model config: {what}")


def whole_number(name: str, value: Any, low: int, high: int) -> None:
    """Refuse what is no integer (64.0 and True are none) or lies outside ``low`` to ``high``."""
    if type(value) is not int or not low <= value <= high:
        raise refusal(f"{name} is {value!r}; it must be a whole number from {low} to {high:,}.")


def real_number(name: str, value: Any, low: float, high: float) -> None:
    """Refuse what is no finite number or lies outside ``low`` to ``high``."""
    if type(value) not in (int, float) or not math.isfinite(value) or not low <= value <= high:
        raise refusal(f"{name} is {value!r}; it must be a number from {low:g} to {high:g}.")


def check_fields(values: Mapping[str, Any]) -> None:
    """Check every field by itself, then what they say of each other.

    Raises
    ------
    InputError
        For the first field of a wrong type or range, or the first two that contradict each other.
    """
    for name, choices in CHOICES.items():
        if values[name] not in choices:
            raise refusal(f"{name} is {values[name]!r}; it must be one of {', '.join(choices)}.")
    if type(values["mlp_t"]) is not bool:
        raise refusal(f"mlp_t is {values['mlp_t']!r}; it must be true or false.")
    if type(values["task"]) is not str:
        raise refusal(f"task is {values['task']!r}; it must be a name.")
    for name, (low, high) in WHOLE.items():
        if name != "token_intermediate_size" or values[name] is not None:
            whole_number(name, values[name], low, high)
    for name, ends in REAL.items():
        real_number(name, values[name], *ends)
    _check_together(values)


def _check_together(values: Mapping[str, Any]) -> None:
    hidden, heads = values["hidden_size"], values["num_heads"]
    if values["mlp_t"] != (values["token_intermediate_size"] is not None):
        raise refusal("token_intermediate_size belongs to mlp_t models alone.")
    if (values["family"] == "hrm") != (values["H_layers"] > 0):
        raise refusal("H_layers must be positive for an HRM and 0 for a TRM.")
    if hidden % heads:
        raise refusal(f"hidden_size {hidden} is not a multiple of num_heads {heads}.")
    if values["pos_encodings"] == "rope":
        if values["mlp_t"]:
            raise refusal("pos_encodings 'rope' turns queries and keys, and an mlp_t model has none.")
        if hidden // heads % 2:
            raise refusal(
                f"hidden_size {hidden} over num_heads {heads} makes heads of {hidden // heads}; "
                "RoPE turns pairs of values, so it must be even."
            )
