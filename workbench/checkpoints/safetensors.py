"""The safetensors format: a JSON header of names, types, shapes and byte ranges, then the bytes."""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import Any

from refimpl.errors import InputError
from workbench.checkpoints.elements import ELEMENT_BYTES, Array, decode, plausible
from workbench.files.inputs import MOST_BYTES, parse_json, read_bytes

_ELEMENTS = {
    "F64": "float64",
    "F32": "float32",
    "F16": "float16",
    "BF16": "bfloat16",
    "I64": "int64",
    "I32": "int32",
    "I16": "int16",
    "I8": "int8",
    "U8": "uint8",
    "BOOL": "bool",
}
_LENGTH_BYTES = 8
_MAX_HEADER_BYTES = MOST_BYTES


def looks_like_safetensors(head: bytes) -> bool:
    """Say whether a file that begins with ``head`` (9 bytes or more) has a safetensors header."""
    length = int.from_bytes(head[:_LENGTH_BYTES], "little")
    return head[_LENGTH_BYTES : _LENGTH_BYTES + 1] == b"{" and 2 <= length <= _MAX_HEADER_BYTES


def read_safetensors(path: Path) -> dict[str, Array]:
    """Return every tensor of the file; bfloat16 becomes float32.

    Raises
    ------
    InputError
        If the header is no valid JSON of this format, a type is none of ours, or a byte range does not
        match its shape or ends behind the file.
    """
    content = read_bytes(path, "the checkpoint")
    start = _LENGTH_BYTES + int.from_bytes(content[:_LENGTH_BYTES], "little")
    if start > len(content):
        raise InputError(
            f"{path}: the header ends at byte {start:,} but the file has {len(content):,}; it is truncated."
        )
    header = parse_json(content[_LENGTH_BYTES:start], f"{path}: the safetensors header")
    header.pop("__metadata__", None)
    body = memoryview(content)[start:]
    return {name: _tensor(body, name, entry, path) for name, entry in header.items()}


def _tensor(body: memoryview, name: str, entry: Any, where: Path) -> Array:
    try:
        kind, shape, (begin, end) = str(entry["dtype"]), tuple(entry["shape"]), entry["data_offsets"]
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{where}: tensor {name} lacks dtype, shape or data_offsets.") from error
    if kind not in _ELEMENTS:
        raise InputError(f"{where}: tensor {name} has type {kind}; this reads {', '.join(_ELEMENTS)}.")
    if any(type(number) is not int or number < 0 for number in (*shape, begin, end)):
        raise InputError(f"{where}: tensor {name} has a shape or byte range that is no natural number.")
    if not plausible(shape):
        raise InputError(f"{where}: tensor {name} has the shape {shape}, which no array can have.")
    needed = prod(shape) * ELEMENT_BYTES[_ELEMENTS[kind]]
    if end - begin != needed:
        raise InputError(
            f"{where}: tensor {name} has {end - begin:,} bytes where shape {shape} of {kind} "
            f"needs {needed:,}."
        )
    if end > len(body):
        raise InputError(
            f"{where}: tensor {name} ends at byte {end:,} of the data but the file holds "
            f"{len(body):,}; it is truncated."
        )
    return decode(bytes(body[begin:end]), _ELEMENTS[kind]).reshape(shape)
