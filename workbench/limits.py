"""How large a network may be for the integer programs and for the C port: one table, asked at import."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from refimpl.models.config import ModelConfig
from refimpl.preconditions import MAX_NORM_SIZE

Program = Literal["integer", "C"]


@dataclass(frozen=True)
class Limit:
    """``size`` of a configuration may be at most ``most``; ``why`` is the reason in a few words.

    A limit of the ``integer`` programs binds the C port as well, which is one of them.
    """

    what: str
    size: Callable[[ModelConfig], int]
    most: int
    why: str
    program: Program


def _norm_row(config: ModelConfig) -> int:
    return max(config.hidden_size, config.positions if config.mlp_t else 0)


def _keys(config: ModelConfig) -> int:
    return 0 if config.mlp_t else config.positions


def _longest_row(config: ModelConfig) -> int:
    widths = [config.hidden_size, config.channel_intermediate_size]
    if config.token_intermediate_size is not None:
        widths += [config.positions, config.token_intermediate_size]
    return max(widths)


def _largest_field(config: ModelConfig) -> int:
    return max(config.seq_len, config.vocab_size, config.H_cycles, config.L_cycles, config.halt_max_steps,
               config.num_puzzle_identifiers)  # fmt: skip


LIMITS = (
    Limit("a normalised row", _norm_row, MAX_NORM_SIZE, "its values can reach the square root of its length, "
          "and the Q5.10 state ends at 32", "integer"),
    Limit("the positions that attention weighs", _keys, 4095, "softmax sums them in 12 bits of head room",
          "integer"),
    Limit("the layers of a stack", lambda config: max(config.L_layers, config.H_layers), 4,
          "RR_MAX_LAYERS of rr_model.h", "C"),
    Limit("the longest row of a linear", _longest_row, 2560, "RR_MAX_K of rr_dot.h", "C"),
    Limit("the largest of seq_len, vocab_size, cycles, steps and puzzle rows", _largest_field, 4096,
          "RR_MAX_SIZE of rr_model.c", "C"),
)  # fmt: skip


def beyond(config: ModelConfig, program: Program) -> tuple[str, ...]:
    """Return one clause for each limit of ``program`` that ``config`` exceeds; none means that it runs."""
    binding = [limit for limit in LIMITS if program == "C" or limit.program == "integer"]
    return tuple(
        f"{limit.what} is {limit.size(config):,}, at most {limit.most:,} ({limit.why})"
        for limit in binding
        if limit.size(config) > limit.most
    )


def remarks(config: ModelConfig) -> list[str]:
    """Return one sentence for each program that ``config`` is too large for."""
    inexact, in_c = beyond(config, "integer"), beyond(config, "C")
    if inexact:
        return [f"No integer program runs this network: {'; '.join(inexact)}."]
    return [f"The C port does not run this network: {'; '.join(in_c)}."] if in_c else []
