"""The published configurations by name: shapes and depth, no weights.

``arXiv:2606.26488`` evaluates these; shapes follow the public TRM and HRM code.  Sources of every figure:
docs/sources.md.
"""

from __future__ import annotations

from refimpl.errors import unknown_name
from refimpl.models.config import ModelConfig
from workbench.model_config import swiglu_width

HIDDEN, HEADS = 512, 8
TRM_PREFIX, HRM_PREFIX = 16, 1
# Task -> (task positions, vocabulary): digits 0-9 and PAD; "# SGo" and PAD; colours, EOS and PAD.
TASKS = {"sudoku": (81, 11), "maze": (900, 6), "arc": (900, 12)}
ARC_PUZZLES = 50_911
TRM_CYCLES = {"sudoku": (3, 6), "maze": (3, 4), "arc": (3, 4)}
ACT_STEPS = 16


def _trm(task: str, mlp_t: bool) -> ModelConfig:
    seq_len, vocab = TASKS[task]
    H_cycles, L_cycles = TRM_CYCLES[task]
    return ModelConfig(
        family="trm",
        seq_len=seq_len,
        vocab_size=vocab,
        hidden_size=HIDDEN,
        num_heads=HEADS,
        L_layers=2,
        H_cycles=H_cycles,
        L_cycles=L_cycles,
        halt_max_steps=ACT_STEPS,
        mlp_t=mlp_t,
        pos_encodings="none" if mlp_t else "rope",
        puzzle_emb_len=TRM_PREFIX,
        channel_intermediate_size=swiglu_width(HIDDEN),
        token_intermediate_size=swiglu_width(TRM_PREFIX + seq_len) if mlp_t else None,
        num_puzzle_identifiers=ARC_PUZZLES if task == "arc" else 1,
        task=task,
    )


def _hrm(task: str) -> ModelConfig:
    seq_len, vocab = TASKS[task]
    return ModelConfig(
        family="hrm",
        seq_len=seq_len,
        vocab_size=vocab,
        hidden_size=HIDDEN,
        num_heads=HEADS,
        L_layers=4,
        H_layers=4,
        H_cycles=2,
        L_cycles=2,
        halt_max_steps=ACT_STEPS,
        mlp_t=False,
        pos_encodings="rope",
        puzzle_emb_len=HRM_PREFIX,
        channel_intermediate_size=swiglu_width(HIDDEN),
        task=task,
    )


PRESETS: dict[str, ModelConfig] = {
    "trm-mlp-sudoku": _trm("sudoku", mlp_t=True),
    "trm-att-sudoku": _trm("sudoku", mlp_t=False),
    "trm-att-maze": _trm("maze", mlp_t=False),
    "trm-att-arc": _trm("arc", mlp_t=False),
    "trm-mlp-maze": _trm("maze", mlp_t=True),
    "hrm-sudoku": _hrm("sudoku"),
    "hrm-maze": _hrm("maze"),
}


def preset(name: str) -> ModelConfig:
    """Return the published configuration called ``name``; an unknown name gets the nearest suggested."""
    if name not in PRESETS:
        raise unknown_name("preset", name, PRESETS)
    return PRESETS[name]


def list_presets() -> list[str]:
    """Names of all published configurations, TRM first."""
    return list(PRESETS)
