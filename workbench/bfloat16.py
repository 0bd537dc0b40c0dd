"""The bfloat16 reading of a float model: what the official code computes, which runs in bfloat16.

Weights are rounded to bfloat16, every operator's result is, and what lies within one operator is float32:
sums of products, the norm, and attention from scores to mixed values (fused kernels keep them there).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from refimpl import float_ops
from refimpl.float_params import build_model
from refimpl.models.config import ModelConfig
from refimpl.models.operators import Operators
from refimpl.models.tree import Model

Floats = npt.NDArray[np.float32]

_ROUNDED = frozenset(
    ("embed", "add", "linear", "silu", "multiply", "rms_norm", "rope", "weighted_values")
)  # fmt: skip


def to_bfloat16(values: npt.ArrayLike) -> Floats:
    """Return float32 values rounded to the 8 bits of a bfloat16, half to even; NaN stays NaN."""
    wide = np.ascontiguousarray(values, np.float32)
    bits = wide.view(np.uint32)
    rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) & np.uint32(0xFFFF0000)
    return np.where(np.isfinite(wide), rounded.view(np.float32), wide)


class _Rounding:
    """The float operators, their results rounded."""

    def __getattr__(self, name: str) -> Any:
        operator = getattr(float_ops, name)
        if name not in _ROUNDED:
            return operator
        return lambda *arguments: to_bfloat16(operator(*arguments))


bfloat16_ops = cast(Operators, _Rounding())


def bfloat16_model(config: ModelConfig, tensors: Mapping[str, npt.NDArray[np.floating]]) -> Model:
    """The float tree of weights rounded to bfloat16."""
    return build_model(config, {name: to_bfloat16(values) for name, values in tensors.items()}, np.float32)
