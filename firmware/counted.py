"""Read what the counting plugin wrote: instructions of each operator, bytes of external flash."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

# Which operator a function of the firmware works for; everything else is checking and start-up.
OPERATORS = {
    "linear": ("rr_linear", "rr_apply"),
    "quantize": ("rr_quantized", "rr_quantize_s32", "rr_quantize_s16"),
    "silu": ("rr_silu",),
    "multiply": ("rr_multiply",),
    "rms_norm": ("rr_rms_norm", "rr_norm_scale_of", "rr_norm_run", "rr_root_of", "rr_add_and_norm"),
    "add": ("rr_add_s16", "rr_add_s32"),
    "softmax": ("rr_softmax_s8_s16", "rr_exp_of", "rr_one_over"),
    "scores": ("rr_scores", "rr_scores_rows"),
    "weighted_values": ("rr_weighted_values", "rr_values_rows"),
    "moving data": (
        "rr_stack_run",
        "rr_block_run",
        "rr_swiglu_run",
        "rr_attention_run",
        "rr_alloc",
        "rr_alloc_activations",
        "memcpy",
        "memset",
        "rr_rescale_run",
        "rr_rescaler_of",
        "rr_solve",
        "rr_cycle",
        "rr_stops",
    ),
}
OPERATOR_OF = {function: operator for operator, functions in OPERATORS.items() for function in functions}
CHECKING = {
    "rr_crc32",
    "rr_on_call",
    "rr_on_step",
    "rr_check_trace",
    "rr_put_word",
    "sh_write",
    "sh_exit",
    "main",
    "rr_main",
    "rr_reset_handler",
}


# Functions of an exported self-test: they compare and print.
SELF_TEST = {"on_call", "rr_crc32", "put_number", "rr_board_put", "semihost"}


@dataclass(frozen=True)
class Phases:
    """Instructions of an exported program, its self-test's own left out, and bytes of flash, by phase."""

    instructions: dict[str, int]
    flash_bytes: dict[str, int]


def read_phases(path: Path) -> Phases:
    """Read what the counting plugin wrote of an exported self-test."""
    instructions: defaultdict[str, int] = defaultdict(int)
    flash: defaultdict[str, int] = defaultdict(int)
    for line in path.read_text().splitlines():
        phase, _, function, count, size = line.split("\t")
        flash[phase] += int(size)
        if function.split(".")[0] not in SELF_TEST:
            instructions[phase] += int(count)
    return Phases(dict(instructions), dict(flash))


@dataclass(frozen=True)
class Counts:
    """Instructions of each operator in the calls, and bytes of each phase, of one ACT step."""

    instructions: dict[str, int]
    flash_bytes: dict[str, int]


def read_counts(path: Path) -> Counts:
    """Read what the counting plugin wrote; an unknown function in a call is an error."""
    instructions: defaultdict[str, int] = defaultdict(int)
    flash: defaultdict[str, int] = defaultdict(int)
    for line in path.read_text().splitlines():
        phase, _, function, count, size = line.split("\t")
        flash[phase] += int(size)
        name = function.split(".")[0]
        if phase == "call" and name not in CHECKING:
            instructions[OPERATOR_OF[name]] += int(count)
    return Counts(dict(instructions), dict(flash))
