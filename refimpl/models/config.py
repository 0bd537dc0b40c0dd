"""Shapes and cycle counts of a recursive reasoner, independent of any number format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from refimpl.errors import InputError

Family = Literal["trm", "hrm"]
Positions = Literal["none", "rope", "learned"]

_OFFICIAL_FAMILIES: dict[str, Family] = {
    "TinyRecursiveReasoningModel_ACTV1": "trm",
    "HierarchicalReasoningModel_ACTV1": "hrm",
}


def swiglu_width(hidden_size: int, expansion: float = 4.0, multiple: int = 256) -> int:
    """Return the inner width of a SwiGLU: ``expansion * hidden * 2/3`` rounded up to ``multiple``."""
    inner = round(expansion * hidden_size * 2 / 3)
    return -(-inner // multiple) * multiple


@dataclass(frozen=True)
class ModelConfig:
    """One recursive reasoner.

    ``family`` ``"trm"`` has one shared stack (``L_layers``), ``"hrm"`` two (``L_layers`` and
    ``H_layers``).  ``mlp_t`` selects the MLP token mixer instead of attention.  ``seq_len`` counts
    task tokens, ``puzzle_emb_len`` the prefix positions in front of them; ``positions`` is their sum.
    ``halt_max_steps`` is the number of ACT steps of one evaluation.
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

    def __post_init__(self) -> None:
        positive = ("seq_len", "vocab_size", "hidden_size", "num_heads", "L_layers", "H_cycles",
                    "L_cycles", "halt_max_steps", "channel_intermediate_size")
        for name in positive:
            if getattr(self, name) < 1:
                raise InputError(f"model config: {name} is {getattr(self, name)}, it must be at least 1.")
        if self.hidden_size % self.num_heads:
            raise InputError(f"model config: hidden_size {self.hidden_size} is not a multiple of "
                             f"num_heads {self.num_heads}.")
        if self.mlp_t != (self.token_intermediate_size is not None):
            raise InputError("model config: token_intermediate_size belongs to mlp_t models alone.")
        if (self.family == "hrm") != (self.H_layers > 0):
            raise InputError("model config: H_layers must be positive for an HRM and 0 for a TRM.")
        if self.pos_encodings not in ("none", "rope", "learned"):
            raise InputError(f"model config: pos_encodings {self.pos_encodings!r} is no known position code.")

    @property
    def positions(self) -> int:
        """Sequence length T the block sees: prefix plus task tokens."""
        return self.puzzle_emb_len + self.seq_len

    @property
    def head_dim(self) -> int:
        return self.hidden_size // self.num_heads

    @property
    def calls_per_step(self) -> int:
        """Block-stack applications in one ACT step (HRM counts its H and L stacks alike)."""
        return self.H_cycles * (self.L_cycles + 1)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> ModelConfig:
        """Read our own JSON form or the official training config.

        Keys that are no shapes (recipe, curve, batch size) are passed over; a missing shape is an
        :class:`InputError` that names it.
        """
        data = dict(raw)
        model = str(data.pop("model", data.pop("family", "trm")))
        family = _OFFICIAL_FAMILIES.get(model, model)
        if family not in ("trm", "hrm"):
            raise InputError(f"model config: unknown model {model!r}; this reads trm and hrm.")
        data["family"] = family
        data.setdefault("mlp_t", False)
        data.setdefault("pos_encodings", "rope")
        if family == "trm":
            data["H_layers"] = 0
        for key in ("seq_len", "hidden_size"):
            if key not in data:
                raise InputError(f"model config: {key} is missing.")
        numbers = [f.name for f in fields(cls) if f.type in ("int", "float", "int | None")]
        for key in (*numbers, "puzzle_emb_ndim", "expansion"):
            if key in data and not isinstance(data[key], (int, float, type(None))):
                raise InputError(f"model config: {key} is {data[key]!r}, it must be a number.")
        hidden = int(data["hidden_size"])
        if data.get("puzzle_emb_len") in (None, 0) and data.get("puzzle_emb_ndim", 0):
            data["puzzle_emb_len"] = -(-int(data["puzzle_emb_ndim"]) // hidden)
        data.setdefault("puzzle_emb_len", 0)
        expansion = float(data.get("expansion", 4.0))
        data.setdefault("channel_intermediate_size", swiglu_width(hidden, expansion))
        if data["mlp_t"]:
            token_width = swiglu_width(int(data["seq_len"]) + int(data["puzzle_emb_len"]), expansion)
            data.setdefault("token_intermediate_size", token_width)
            data["pos_encodings"] = "none"
        else:
            data["token_intermediate_size"] = None
        known = {f.name for f in fields(cls)}
        kept = {key: value for key, value in data.items() if key in known}
        try:
            return cls(**kept)
        except TypeError as error:
            problem = str(error).removeprefix("ModelConfig.__init__() ")
            raise InputError(f"model config: {problem}.") from error
