"""The counting reading: operators that know shapes and types and compute nothing.

Leaves are :class:`refimpl.models.skeleton.Spec`; arrays are zero-stride NumPy arrays of the integer
reading's types, so a 916-token model costs no memory.  Run under :class:`workbench.counting.Metered`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from refimpl.layout import first_position, merge_heads, split, split_heads, task_positions, transpose
from refimpl.models.operators import check_reading
from refimpl.models.skeleton import Spec
from refimpl.models.tree import Embedding
from refimpl.ops.rescale import OUT_DTYPES

__all__ = [
    "add", "argmax", "change", "embed", "first_position", "linear", "merge_heads", "multiply", "quantize",
    "reset", "rms_norm", "rope", "scores", "silu", "softmax", "split", "split_heads", "task_positions",
    "transpose", "weighted_values",
]  # fmt: skip

check_reading(__name__, __all__)

Shaped = npt.NDArray[Any]


def shaped(shape: tuple[int, ...], dtype: npt.DTypeLike) -> Shaped:
    """An array of ``shape`` that occupies one element."""
    return np.ndarray(shape, dtype, np.zeros(1, dtype), strides=(0,) * len(shape))


def embed(tokens: Any, puzzle_ids: Any, p: Embedding) -> Shaped:
    return shaped((len(tokens), p.prefix + tokens.shape[1], p.tokens.shape[1]), np.int32)


def reset(p: Spec, batch: int, positions: int) -> Shaped:
    return shaped((batch, positions, *p.shape), np.int16)


def add(first: Shaped, *others: Shaped) -> Shaped:
    return shaped(first.shape, np.int32)


def quantize(h: Shaped, p: Spec) -> Shaped:
    return shaped(h.shape, np.int8)


def linear(a: Shaped, p: Spec) -> Shaped:
    return shaped((*a.shape[:-1], p.shape[0]), OUT_DTYPES[p.out_bits])


def silu(a: Shaped, p: Spec) -> Shaped:
    return shaped(a.shape, np.int8)


def multiply(a: Shaped, b: Shaped, p: Spec) -> Shaped:
    return shaped(a.shape, np.int8)


def rms_norm(h: Shaped, p: Spec) -> Shaped:
    return shaped(h.shape, np.int16)


def rope(a: Shaped, p: Spec) -> Shaped:
    return shaped(a.shape, np.int8)


def scores(q: Shaped, k: Shaped, p: Spec) -> Shaped:
    return shaped((*q.shape[:-1], k.shape[-2]), np.int8)


def softmax(a: Shaped, p: Spec) -> Shaped:
    return shaped(a.shape, np.int16)


def weighted_values(probabilities: Shaped, v: Shaped, p: Spec) -> Shaped:
    return shaped((*probabilities.shape[:-1], v.shape[-1]), np.int8)


def change(new: Shaped, old: Shaped) -> Shaped:
    return shaped((len(new), 2), np.int64)


def argmax(logits: Shaped) -> Shaped:
    return shaped(logits.shape[:-1], np.int64)
