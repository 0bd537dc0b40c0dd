"""The integer reading, NumPy, written to be read: this package **is** the specification.

One module an operator; the same names and signatures exist in :mod:`refimpl.fast`.
"""

from refimpl.layout import first_position, merge_heads, split, split_heads, task_positions, transpose
from refimpl.models.operators import check_reading
from refimpl.ops.add import add
from refimpl.ops.argmax import argmax
from refimpl.ops.attention import scores, weighted_values
from refimpl.ops.change import change
from refimpl.ops.embed import embed, reset
from refimpl.ops.linear import linear
from refimpl.ops.multiply import multiply
from refimpl.ops.quantize import quantize
from refimpl.ops.rms_norm import rms_norm
from refimpl.ops.rope import rope
from refimpl.ops.silu import silu
from refimpl.ops.softmax import softmax

__all__ = [
    "add", "argmax", "change", "embed", "first_position", "linear", "merge_heads", "multiply", "quantize",
    "reset", "rms_norm", "rope", "scores", "silu", "softmax", "split", "split_heads", "task_positions",
    "transpose", "weighted_values",
]  # fmt: skip

check_reading(__name__, __all__)
