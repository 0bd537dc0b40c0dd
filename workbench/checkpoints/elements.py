"""Element types of checkpoint files and their decoding to NumPy arrays."""

from __future__ import annotations

from math import prod
from typing import Any, Literal

import numpy as np

Array = np.ndarray[Any, Any]

ELEMENT_BYTES = {
    "float64": 8,
    "float32": 4,
    "float16": 2,
    "bfloat16": 2,
    "int64": 8,
    "int32": 4,
    "int16": 2,
    "int8": 1,
    "uint8": 1,
    "bool": 1,
}


def plausible(shape: tuple[int, ...]) -> bool:
    """Say whether NumPy can hold an array of this shape on any machine (empty ones have limits too)."""
    return len(shape) <= 32 and min(shape, default=0) >= 0 and prod(max(n, 1) for n in shape) < 1 << 48


def decode(raw: bytes, element: str, byte_order: Literal["<", ">"] = "<") -> Array:
    """Return ``raw`` as a one-dimensional array in the machine's byte order.

    Parameters
    ----------
    raw : bytes
        A whole number of elements.
    element : str
        A key of :data:`ELEMENT_BYTES`.
    byte_order : "<" or ">"
        Little or big endian.

    Returns
    -------
    numpy.ndarray
        dtype ``element``, but float32 for bfloat16, which NumPy lacks: its 16 bits are the upper half of
        the float32 of the same value, so nothing is lost.
    """
    if element == "bfloat16":
        upper = np.frombuffer(raw, f"{byte_order}u2").astype(np.uint32)
        return (upper << 16).view(np.float32)
    dtype = np.dtype(element)
    return np.frombuffer(raw, dtype.newbyteorder(byte_order)).astype(dtype, copy=False)
