"""``read``: tensors from a checkpoint of any known form, recognised by its content."""

from __future__ import annotations

from pathlib import Path

from refimpl.errors import InputError
from workbench.checkpoints.archive import open_zip
from workbench.checkpoints.elements import Array
from workbench.checkpoints.names import canonical_names, find_state
from workbench.checkpoints.npz import read_npz
from workbench.checkpoints.safetensors import looks_like_safetensors, read_safetensors
from workbench.checkpoints.torch_zip import TensorRecord, is_torch, read_tensors, read_tree

_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_PICKLE = tuple(bytes((0x80, protocol)) for protocol in range(2, 6))
_LFS = b"version https://git-lfs"


def read(path: str | Path, state: str | None = None) -> dict[str, Array]:
    """Return the tensors of a checkpoint under their canonical names, as stored (bfloat16 as float32).

    Parameters
    ----------
    path : str or Path
        A NumPy ``.npz``, a safetensors file or a torch zip archive; the content decides, not the name.
    state : str or None
        Which mapping of a torch file to take, if it holds several (:func:`find_state`).

    Raises
    ------
    InputError
        If the file is missing, truncated, damaged, of another form, or would need code to be executed.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            head = file.read(32)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from error
    if head.startswith(_ZIP):
        with open_zip(path) as archive:
            if is_torch(archive):
                records = find_state(read_tree(archive, path), TensorRecord, state, path)
                return canonical_names(read_tensors(archive, records, path), path)
            tensors = read_npz(archive, path)
    elif head.startswith(_PICKLE):
        raise InputError(
            f"{path} is a bare pickle (the torch form before 1.6, or another program's): unpickling can "
            "execute code, so it is refused. Save it again with a torch of today, or as safetensors."
        )
    elif looks_like_safetensors(head):
        tensors = read_safetensors(path)
    else:
        hint = "it is empty" if not head else "it begins with " + head[:8].hex(" ")
        if head.startswith(_LFS):
            hint = "it is a Git LFS pointer, not the file itself"
        raise InputError(f"{path} is no checkpoint of a known form (npz, safetensors, torch zip): {hint}.")
    if state is not None:
        raise InputError(f"{path} holds one set of tensors; --state {state!r} belongs to torch files.")
    if not tensors:
        raise InputError(f"{path} holds no tensors.")
    return canonical_names(tensors, path)
