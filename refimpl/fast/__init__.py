"""The integer reading for speed: Numba and exact BLAS, same names, signatures and bits as
:mod:`refimpl.ops`."""

from refimpl.fast.attention import scores, weighted_values
from refimpl.fast.change import change
from refimpl.fast.linear import linear
from refimpl.fast.multiply import multiply
from refimpl.fast.quantize import quantize
from refimpl.fast.rms_norm import rms_norm
from refimpl.fast.rope import rope
from refimpl.fast.silu import silu
from refimpl.fast.softmax import softmax
from refimpl.layout import first_position, merge_heads, split, split_heads, task_positions, transpose
from refimpl.models.operators import check_reading
from refimpl.ops.add import add
from refimpl.ops.argmax import argmax
from refimpl.ops.embed import embed, reset

__all__ = [
    "add", "argmax", "change", "embed", "first_position", "linear", "merge_heads", "multiply", "quantize",
    "reset", "rms_norm", "rope", "scores", "silu", "softmax", "split", "split_heads", "task_positions",
    "transpose", "weighted_values",
]  # fmt: skip

check_reading(__name__, __all__)
