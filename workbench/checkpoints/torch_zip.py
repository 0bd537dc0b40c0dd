"""PyTorch checkpoints in the zip form (``torch.save`` since 1.6), read without torch."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, Literal

import numpy as np

from refimpl.errors import InputError
from workbench.checkpoints.archive import read_member
from workbench.checkpoints.elements import ELEMENT_BYTES, Array, decode, plausible
from workbench.checkpoints.pickle_records import Constructor, Global, Records, load_records

_STORAGE_ELEMENTS = {
    "torch.FloatStorage": "float32",
    "torch.HalfStorage": "float16",
    "torch.BFloat16Storage": "bfloat16",
    "torch.DoubleStorage": "float64",
    "torch.CharStorage": "int8",
    "torch.ShortStorage": "int16",
    "torch.IntStorage": "int32",
    "torch.LongStorage": "int64",
    "torch.ByteStorage": "uint8",
    "torch.BoolStorage": "bool",
}


@dataclass(frozen=True)
class Storage:
    """A flat run of elements in the archive, shared by the tensors that view it."""

    key: str
    element: str
    count: int


@dataclass(frozen=True)
class TensorRecord:
    """A strided view of a storage; offset and strides count elements."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def read_tree(archive: zipfile.ZipFile, where: Path) -> Records:
    """Return the saved object with :class:`TensorRecord` in place of tensors; no tensor data is read yet.

    Raises
    ------
    InputError
        For a damaged pickle; classes and functions of the file's choice become inert placeholders.
    """
    prefix = _prefix(archive, where)
    return load_records(read_member(archive, f"{prefix}data.pkl", where), _ALLOWED, _storage, where)


def read_tensors(
    archive: zipfile.ZipFile, records: Mapping[str, TensorRecord], where: Path
) -> dict[str, Array]:
    """Return the arrays of ``records``, contiguous; bfloat16 becomes float32.

    Raises
    ------
    InputError
        If a storage is missing or cut off, or a record reaches outside of its storage.
    """
    prefix = _prefix(archive, where)
    byte_order = _byte_order(archive, prefix, where)
    flat: dict[Storage, Array] = {}
    tensors: dict[str, Array] = {}
    for name, record in records.items():
        storage = record.storage
        if storage not in flat:
            raw = read_member(archive, f"{prefix}data/{storage.key}", where)
            size = storage.count * ELEMENT_BYTES[storage.element]
            if len(raw) != size:
                raise InputError(
                    f"{where}: the storage of tensor {name} has {len(raw)} bytes, its record "
                    f"says {size}; the file is damaged."
                )
            flat[storage] = decode(raw, storage.element, byte_order)
        tensors[name] = _view(flat[storage], record, name, where)
    return tensors


def is_torch(archive: zipfile.ZipFile) -> bool:
    """Say whether an archive has the pickle of a torch file."""
    return bool(_pickles(archive))


def _pickles(archive: zipfile.ZipFile) -> list[str]:
    return [name for name in archive.namelist() if name.rpartition("/")[2] == "data.pkl"]


def _prefix(archive: zipfile.ZipFile, where: Path) -> str:
    """Return the folder name that precedes every member, with its slash."""
    pickles = _pickles(archive)
    if len(pickles) != 1:
        raise InputError(f"{where}: a torch archive has one data.pkl, this has {len(pickles)}.")
    return pickles[0].removesuffix("data.pkl")


def _byte_order(archive: zipfile.ZipFile, prefix: str, where: Path) -> Literal["<", ">"]:
    if f"{prefix}byteorder" not in archive.namelist():
        return "<"  # written since torch 2.1; files before it are of little-endian machines
    return ">" if read_member(archive, f"{prefix}byteorder", where).strip() == b"big" else "<"


def _view(flat: Array, record: TensorRecord, name: str, where: Path) -> Array:
    elements = prod(record.shape)
    axes = list(zip(record.shape, record.strides, strict=True))
    last = record.offset + sum((size - 1) * stride for size, stride in axes)
    # More elements than the storage has is an expanded view: a small file could ask for any amount of memory.
    if elements and (last >= flat.size or elements > flat.size):
        raise InputError(
            f"{where}: tensor {name} of shape {record.shape}, strides {record.strides}, offset "
            f"{record.offset} does not lie within its storage of {flat.size} elements."
        )
    if not elements:
        return np.empty(record.shape, flat.dtype)
    # The stride of an axis of length 1 is never taken, so it may be any number.
    steps = [stride * flat.itemsize if size > 1 else 0 for size, stride in axes]
    return np.ascontiguousarray(
        np.lib.stride_tricks.as_strided(flat[record.offset :], record.shape, steps, writeable=False)
    ).reshape(record.shape)


def _storage(persistent_id: Any) -> Storage:
    """``('storage', type, key, location, count)`` -> :class:`Storage`."""
    kind, element, key, _, count = persistent_id
    if kind != "storage" or not isinstance(element, Global) or not isinstance(key, str):
        raise ValueError("a persistent id is not that of a storage")
    if element.name not in _STORAGE_ELEMENTS:
        raise ValueError(f"{element.name} is not a storage type")
    return Storage(key, _STORAGE_ELEMENTS[element.name], _natural(count))


def _empty_dict(*_: Any) -> dict[str, Any]:
    """A mapping begins empty (a defaultdict names its factory); its items follow as pickle opcodes."""
    return {}


def _rebuild_tensor(storage: Any, offset: Any, shape: Any, strides: Any, *_: Any) -> TensorRecord:
    """The arguments that follow say whether gradients are wanted: nothing a value depends on."""
    if not isinstance(storage, Storage) or not isinstance(shape, tuple) or not isinstance(strides, tuple):
        raise ValueError("a tensor record has no storage, shape or strides")
    if len(shape) != len(strides):
        raise ValueError("a tensor record has unequal numbers of sizes and strides")
    sizes = tuple(map(_natural, shape))
    if not plausible(sizes):
        raise ValueError("a tensor record has a shape that no array can have")
    return TensorRecord(storage, _natural(offset), sizes, tuple(map(_natural, strides)))


def _rebuild_parameter(data: Any, *_: Any) -> TensorRecord:
    if not isinstance(data, TensorRecord):
        raise ValueError("a parameter record has no tensor")
    return data


def _natural(value: Any) -> int:
    if not isinstance(value, int) or value < 0:
        raise ValueError("a size, stride, offset or count is not a natural number")
    return value


_ALLOWED: dict[str, Constructor | None] = {
    "collections.OrderedDict": _empty_dict,
    "collections.defaultdict": _empty_dict,
    "torch._utils._rebuild_tensor_v2": _rebuild_tensor,
    "torch._utils._rebuild_parameter": _rebuild_parameter,
    **dict.fromkeys(_STORAGE_ELEMENTS),
}
