"""Arrays in JSON: dtype, shape, and the bytes as one little-endian hex string."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from refimpl.errors import InputError, shown
from refimpl.packing import pack_codes, unpack_codes
from workbench.files.fields import Fields

Array = npt.NDArray[np.integer]
MOST_AXES = 8
DTYPES = ("int4", "int8", "uint8", "int16", "int32", "int64")


def tensor_bytes(array: Array, dtype: str) -> bytes:
    """Little-endian C-order bytes of ``array`` stored as ``dtype`` (``int4``: packed nibbles)."""
    if dtype == "int4":
        return pack_codes(array.astype(np.int8), 4).tobytes()
    stored = np.ascontiguousarray(array, np.dtype(dtype).newbyteorder("<"))
    if not np.array_equal(stored, array):
        raise InputError(f"values from {array.min()} to {array.max()} do not fit {dtype}.")
    return stored.tobytes()


def encode(array: Array, dtype: str) -> dict[str, Any]:
    """Return the JSON form of ``array``."""
    return {"dtype": dtype, "shape": list(array.shape), "data": tensor_bytes(array, dtype).hex()}


def decode(item: Mapping[str, Any] | Fields) -> Array:
    """Inverse of :func:`encode`; ``int4`` comes back as int8 codes."""
    tensor = item if isinstance(item, Fields) else Fields("the tensor", item)
    dtype = tensor.choice("dtype", DTYPES)
    shape = tuple(tensor.listed("shape", int, "whole numbers"))
    count = prod(shape)
    if len(shape) > MOST_AXES or min(shape, default=0) < 0:
        raise tensor.error(f"{tensor.label('shape')} is {shown([*shape])}; it must be "
                           f"up to {MOST_AXES} sizes.")  # fmt: skip
    try:
        raw = bytes.fromhex(tensor.get("data", str, "a hex string"))
    except ValueError as error:
        raise tensor.error(f"{tensor.label('data')} is no hex string ({error}).") from error
    needed = -(-count // 2) if dtype == "int4" else count * np.dtype(dtype).itemsize
    if len(raw) != needed:
        raise tensor.error(f"{tensor.label('data')} has {len(raw)} bytes of data, but {dtype} of shape "
                           f"{shape} needs {needed}.")  # fmt: skip
    if dtype == "int4":
        return unpack_codes(np.frombuffer(raw, np.uint8), 4, shape)
    kind = np.dtype(dtype).newbyteorder("<")
    return np.frombuffer(raw, kind).astype(np.dtype(dtype)).reshape(shape)


def from_lists(values: list[Any], dtype: str) -> Array:
    """A tensor written by hand as nested lists of integers."""
    try:
        array = np.array(values)
    except ValueError as error:
        raise InputError("its rows differ in length.") from error
    if array.size and array.dtype.kind != "i":
        raise InputError("it must be nested lists of integers.")
    tensor_bytes(array.astype(np.int64), dtype)
    return array.astype(np.int8 if dtype == "int4" else np.dtype(dtype))
