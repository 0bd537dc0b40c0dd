"""Checkpoints of any known form, recognised by content: names and shapes first, values when asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from refimpl.errors import InputError
from workbench.checkpoints.archive import open_zip
from workbench.checkpoints.elements import Array
from workbench.checkpoints.npz import read_npz
from workbench.checkpoints.safetensors import looks_like_safetensors, read_safetensors
from workbench.checkpoints.torch_tree import named_tensors, strings
from workbench.checkpoints.torch_zip import is_torch, read_tensors, read_tree
from workbench.files.inputs import opened, read_json

_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_PICKLE = tuple(bytes((0x80, protocol)) for protocol in range(2, 6))
_LFS = b"version https://git-lfs"
_SHARDS = "weight_map"
_LISTED = 6


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint holds.

    ``shapes`` are those of its tensors by dotted path, as saved; ``load`` reads some of them (bfloat16
    becomes float32).  ``placeholders`` are names of classes and functions of a pickle that were neither
    imported nor called, ``texts`` the strings beside the tensors.
    """

    where: Path
    shapes: Mapping[str, tuple[int, ...]]
    load: Callable[[Iterable[str]], dict[str, Array]]
    placeholders: tuple[str, ...] = ()
    texts: Mapping[str, str] = field(default_factory=dict)


def read(path: str | Path) -> dict[str, Array]:
    """Return all tensors of a checkpoint under the names they were saved by (bfloat16 as float32).

    Raises
    ------
    InputError
        As :func:`open_checkpoint`.
    """
    found = open_checkpoint(path)
    return found.load(found.shapes)


def open_checkpoint(path: str | Path) -> Checkpoint:
    """Return the names and shapes in a checkpoint, and the means to read its values.

    Parameters
    ----------
    path : str or Path
        A NumPy ``.npz``, a safetensors file, a torch zip archive, or the JSON index of a checkpoint in
        several files; the content decides, not the name.

    Raises
    ------
    InputError
        If the file is missing, truncated, damaged, of another form, or holds no tensors.
    """
    path = Path(path)
    with opened(path, "the checkpoint") as file:
        head = file.read(32)
    if head.startswith(_ZIP):
        with open_zip(path) as archive:
            found = _torch(path) if is_torch(archive) else _whole(path, read_npz(archive, path))
    elif head.startswith(_PICKLE):
        raise InputError(
            f"{path} is a bare pickle (the torch form before 1.6, or another program's): unpickling can "
            "execute code, so it is refused. Save it again with a torch of today, or as safetensors."
        )
    elif looks_like_safetensors(head):
        found = _whole(path, read_safetensors(path))
    elif head.lstrip().startswith(b"{"):
        found = _shards(path)
    else:
        hint = "it is empty" if not head else "it begins with " + head[:8].hex(" ")
        if head.startswith(_LFS):
            hint = "it is a Git LFS pointer, not the file itself"
        raise InputError(f"{path} is no checkpoint of a known form (npz, safetensors, torch zip): {hint}.")
    if not found.shapes:
        inert = f"; it names {', '.join(found.placeholders[:_LISTED])}, and nothing of it was executed"
        raise InputError(f"{path} holds no tensors{inert if found.placeholders else ''}.")
    return found


def _whole(path: Path, tensors: dict[str, Array]) -> Checkpoint:
    shapes = {name: values.shape for name, values in tensors.items()}
    return Checkpoint(path, shapes, lambda names: {name: tensors[name] for name in names})


def _torch(path: Path) -> Checkpoint:
    with open_zip(path) as archive:
        records = read_tree(archive, path)
    named = named_tensors(records.tree, path)

    def load(names: Iterable[str]) -> dict[str, Array]:
        with open_zip(path) as archive:
            return read_tensors(archive, {name: named[name] for name in names}, path)

    shapes = {name: record.shape for name, record in named.items()}
    return Checkpoint(path, shapes, load, records.placeholders, strings(records.tree))


def _part(path: Path, index: Path) -> Checkpoint:
    with opened(path, "the part") as file:
        head = file.read(32)
    if head.lstrip().startswith(b"{") and not looks_like_safetensors(head):
        raise InputError(f"{index} names the part {path.name}, an index again; parts hold tensors.")
    return open_checkpoint(path)


def _shards(path: Path) -> Checkpoint:
    """The parts that an index (``weight_map``: name -> file beside it) names."""
    index = read_json(path, "the index").data
    files = index.get(_SHARDS)
    if not isinstance(files, dict) or not all(isinstance(name, str) for name in files.values()):
        raise InputError(f"{path} is JSON without a {_SHARDS!r} of tensor names and files; the index of a "
                         "checkpoint has one.")
    names = sorted(set(files.values()))
    outside = [name for name in names if Path(name).name != name]
    if outside:
        raise InputError(f"{path} names the part {outside[0]!r}; parts lie beside the index.")
    parts = {name: _part(path.parent / name, path) for name in names}
    lost = [tensor for tensor, name in files.items() if tensor not in parts[name].shapes]
    if lost:
        raise InputError(f"{path} says that {files[lost[0]]} holds {lost[0]}; it does not.")

    def load(wanted: Iterable[str]) -> dict[str, Array]:
        chosen = list(wanted)
        return {key: values for name, part in parts.items()
                for key, values in part.load([key for key in chosen if files[key] == name]).items()}

    shapes = {tensor: parts[name].shapes[tensor] for tensor, name in files.items()}
    inert = tuple(sorted({name for part in parts.values() for name in part.placeholders}))
    return Checkpoint(path, shapes, load, inert)
