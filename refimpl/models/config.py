"""Shapes and cycle counts of a recursive reasoner, independent of any number format."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Literal

from refimpl.models.config_rules import check_fields
from refimpl.models.halting import FIXED, StopRule
from refimpl.models.order import Order

Family = Literal["trm", "hrm"]
Positions = Literal["none", "rope", "learned"]


@dataclass(frozen=True)
class ModelConfig:
    """One recursive reasoner.

    ``family`` ``"trm"`` has one shared stack (``L_layers``), ``"hrm"`` two (``L_layers`` and
    ``H_layers``).  ``mlp_t`` selects the MLP token mixer instead of attention.  ``seq_len`` counts
    task tokens, ``puzzle_emb_len`` the prefix positions in front of them; ``positions`` is their sum.
    ``halt_max_steps`` is the largest number of ACT steps of one run; ``stop`` may end it earlier.
    """

    family: Family
    seq_len: int
    vocab_size: int
    hidden_size: int
    num_heads: int
    L_layers: int
    H_cycles: int
    L_cycles: int
    halt_max_steps: int
    mlp_t: bool
    pos_encodings: Positions
    puzzle_emb_len: int
    channel_intermediate_size: int
    token_intermediate_size: int | None = None
    H_layers: int = 0
    num_puzzle_identifiers: int = 1
    rms_norm_eps: float = 1e-5
    rope_theta: float = 10000.0
    task: str = ""
    stop: StopRule = FIXED

    def __post_init__(self) -> None:
        check_fields(vars(self))

    @property
    def positions(self) -> int:
        """Sequence length T the block sees: prefix plus task tokens."""
        return self.puzzle_emb_len + self.seq_len

    @property
    def head_dim(self) -> int:
        return self.hidden_size // self.num_heads

    @property
    def order(self) -> Order:
        """The order of the calls of an ACT step."""
        return Order(self.H_cycles, self.L_cycles)

    @property
    def calls_per_step(self) -> int:
        """Block-stack applications in one ACT step (HRM counts its H and L stacks alike)."""
        return sum(self.order.per_step.values())

    def to_dict(self) -> dict[str, Any]:
        """Plain data; a rule that stops early is there by its spelling."""
        raw = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "stop"}
        return raw if self.stop == FIXED else {**raw, "stop": str(self.stop)}
