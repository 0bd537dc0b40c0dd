"""Arrays in JSON: dtype, shape, and the bytes as one little-endian hex string."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from refimpl.errors import InputError
from refimpl.packing import pack_int4, unpack_int4

Array = npt.NDArray[np.integer]
DTYPES = ("int4", "int8", "uint8", "int16", "int32", "int64")


def tensor_bytes(array: Array, dtype: str) -> bytes:
    """Little-endian C-order bytes of ``array`` stored as ``dtype`` (``int4``: packed nibbles)."""
    if dtype == "int4":
        return pack_int4(array.astype(np.int8)).tobytes()
    stored = np.ascontiguousarray(array, np.dtype(dtype).newbyteorder("<"))
    if not np.array_equal(stored, array):
        raise InputError(f"values from {array.min()} to {array.max()} do not fit {dtype}.")
    return stored.tobytes()


def encode(array: Array, dtype: str) -> dict[str, Any]:
    """Return the JSON form of ``array``."""
    return {"dtype": dtype, "shape": list(array.shape), "data": tensor_bytes(array, dtype).hex()}


def decode(item: dict[str, Any]) -> Array:
    """Inverse of :func:`encode`; ``int4`` comes back as int8 codes."""
    dtype, shape = item["dtype"], tuple(item["shape"])
    if dtype not in DTYPES:
        raise InputError(f"a tensor has dtype {dtype!r}; it must be one of {', '.join(DTYPES)}.")
    raw = bytes.fromhex(item["data"])
    if dtype == "int4":
        return unpack_int4(np.frombuffer(raw, np.uint8), shape)
    kind = np.dtype(dtype).newbyteorder("<")
    if len(raw) != prod(shape) * kind.itemsize:
        raise InputError(
            f"{len(raw)} bytes of data, but {dtype} of shape {shape} needs {prod(shape) * kind.itemsize}."
        )
    return np.frombuffer(raw, kind).astype(np.dtype(dtype)).reshape(shape)
