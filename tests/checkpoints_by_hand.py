"""Checkpoint files assembled byte by byte: no torch, no safetensors package and nothing of ours."""

from __future__ import annotations

import json
import struct
import zipfile
from pathlib import Path

import numpy as np

STORAGE_OF = {
    "float32": "FloatStorage",
    "float16": "HalfStorage",
    "float64": "DoubleStorage",
    "int8": "CharStorage",
    "int16": "ShortStorage",
    "int32": "IntStorage",
    "int64": "LongStorage",
}
SAFE_OF = {"float32": "F32", "float16": "F16", "float64": "F64", "int8": "I8", "int32": "I32", "int64": "I64"}


def name(module: str, attribute: str) -> bytes:
    return f"c{module}\n{attribute}\n".encode()


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value.encode())) + value.encode()


def integer(value: int) -> bytes:
    return b"J" + struct.pack("<i", value)


def tuple_of(*parts: bytes) -> bytes:
    return b"(" + b"".join(parts) + b"t"


def mapping(items: dict[str, bytes]) -> bytes:
    return b"}(" + b"".join(text(key) + value for key, value in items.items()) + b"u"


ORDERED_DICT = name("collections", "OrderedDict") + b")R"


def tensor(
    key: str, storage: str, count: int, offset: int, shape: tuple[int, ...], strides: tuple[int, ...]
) -> bytes:
    """Pickle opcodes of one tensor record that views storage ``key``."""
    persistent = (
        tuple_of(text("storage"), name("torch", storage), text(key), text("cpu"), integer(count)) + b"Q"
    )
    sizes, steps = (tuple_of(*map(integer, numbers)) for numbers in (shape, strides))
    arguments = tuple_of(persistent, integer(offset), sizes, steps, b"\x89", ORDERED_DICT)
    return name("torch._utils", "_rebuild_tensor_v2") + arguments + b"R"


def parameter(record: bytes) -> bytes:
    return name("torch._utils", "_rebuild_parameter") + tuple_of(record, b"\x88", ORDERED_DICT) + b"R"


def contiguous(key: str, array: np.ndarray) -> bytes:
    steps = tuple(stride // array.itemsize for stride in array.copy().strides)
    return tensor(key, STORAGE_OF[array.dtype.name], array.size, 0, array.shape, steps)


def write_torch_zip(
    path: Path, pickle: bytes, storages: dict[str, bytes], byte_order: str = "little"
) -> None:
    """``pickle`` lacks PROTO and STOP, which are added here."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02" + pickle + b".")
        archive.writestr("archive/byteorder", byte_order)
        for key, raw in storages.items():
            archive.writestr(f"archive/data/{key}", raw)
        archive.writestr("archive/version", "3\n")


def write_torch_state(path: Path, tensors: dict[str, np.ndarray], wrapper: str | None = None) -> None:
    """A state_dict, bare or under the key ``wrapper`` beside an epoch number."""
    records = {key: contiguous(str(i), array) for i, (key, array) in enumerate(tensors.items())}
    tree = mapping(records) if wrapper is None else mapping({wrapper: mapping(records), "epoch": integer(7)})
    write_torch_zip(path, tree, {str(i): array.tobytes() for i, array in enumerate(tensors.values())})


def write_safetensors(path: Path, tensors: dict[str, np.ndarray]) -> None:
    header: dict[str, object] = {"__metadata__": {"format": "np"}}
    body = b""
    for key, array in tensors.items():
        raw = array.tobytes()
        header[key] = {
            "dtype": SAFE_OF[array.dtype.name],
            "shape": list(array.shape),
            "data_offsets": [len(body), len(body) + len(raw)],
        }
        body += raw
    encoded = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(encoded)) + encoded + body)
