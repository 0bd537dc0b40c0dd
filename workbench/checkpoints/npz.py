"""NumPy ``.npz`` archives: our own checkpoint form, read without pickle and written reproducibly."""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy

from refimpl.errors import InputError
from workbench.bfloat16 import to_bfloat16
from workbench.checkpoints.archive import read_member
from workbench.checkpoints.elements import Array, plausible
from workbench.files.outputs import replacing

STORED_DTYPES = ("float32", "float16", "bfloat16")
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time a zip can carry: the same bytes on every day
_READ_HEADER = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


def read_npz(archive: zipfile.ZipFile, where: Path) -> dict[str, Array]:
    """Return every array of an open ``.npz``.

    Parameters
    ----------
    archive : zipfile.ZipFile
        The opened file; members are ``<tensor name>.npy``.
    where : Path
        Named in errors only.

    Raises
    ------
    InputError
        For a truncated member, a damaged one, or one whose dtype would need pickle.
    """
    arrays: dict[str, Array] = {}
    for info in archive.infolist():
        name = info.filename.removesuffix(".npy")
        if name == info.filename:
            raise InputError(f"{where}: member {name} makes it neither an npz (all .npy) nor a torch file.")
        arrays[name] = _decode(read_member(archive, info.filename, where), name, where)
    return arrays


def write_npz(path: Path, tensors: Mapping[str, Array], dtype: str = "float32") -> None:
    """Write ``tensors`` as ``dtype`` (``float32``, ``float16`` or ``bfloat16``), sorted, with a fixed time.

    The first two are uncompressed: the same bytes for the same values, whatever the clock and the compression
    library.  NumPy has no bfloat16: values are rounded to its 8 significant bits, held as float16 and
    deflated, which takes a normal distribution to some 12 bits a value; the same values, not the same bytes,
    on every machine.  The file appears under its name only when it is complete.

    Raises
    ------
    InputError
        If ``dtype`` is another one, or a value is too large for it.
    """
    if dtype not in STORED_DTYPES:
        raise InputError(f"weights are stored as {', '.join(STORED_DTYPES)}, not as {dtype!r}.")
    short = dtype == "bfloat16"
    if short:
        tensors = {name: to_bfloat16(values) for name, values in tensors.items()}
    with replacing(Path(path)) as file:
        _write(file, _converted(tensors, np.dtype("float16" if short else dtype)),
               zipfile.ZIP_DEFLATED if short else zipfile.ZIP_STORED)


def _converted(tensors: Mapping[str, Array], dtype: np.dtype[Any]) -> dict[str, Array]:
    arrays = {}
    for name, tensor in tensors.items():
        values = np.asarray(tensor)
        with np.errstate(over="ignore"):
            stored = values.astype(dtype)
        lost = int(np.count_nonzero(np.isinf(stored) & np.isfinite(values)))
        if lost:
            raise InputError(
                f"tensor {name}: {lost} values are too large for {dtype.name} "
                f"(largest magnitude {float(np.max(np.abs(values))):g}, "
                f"{dtype.name} ends at {float(np.finfo(dtype).max):g}); store float32."
            )
        arrays[name] = stored
    return arrays


def write_arrays(path: Path, arrays: Mapping[str, Array]) -> None:
    """Write ``arrays`` of plain numbers, each in its own dtype; else as :func:`write_npz`."""
    with replacing(Path(path)) as file:
        _write(file, arrays)


def _write(file: IO[bytes], arrays: Mapping[str, Array], compression: int = zipfile.ZIP_STORED) -> None:
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name in sorted(arrays):
            values = np.asarray(arrays[name])
            stored = np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<"))
            buffer = io.BytesIO()
            npy.write_array(buffer, stored.reshape(values.shape), version=(1, 0), allow_pickle=False)
            member = zipfile.ZipInfo(f"{name}.npy", date_time=_EPOCH)
            member.create_system = 3  # zipfile would write the machine's own system here
            member.external_attr = 0o644 << 16
            archive.writestr(member, buffer.getvalue(), compression)


def _decode(raw: bytes, name: str, where: Path) -> Array:
    """Return the array in the bytes of one ``.npy`` member; the header must agree with their number."""
    stream = io.BytesIO(raw)
    try:
        shape, fortran, dtype = _READ_HEADER[npy.read_magic(stream)](stream)
    except Exception as error:  # NumPy parses the header as a Python literal: damage surfaces in many types
        raise InputError(f"{where}: tensor {name} has no valid .npy header.") from error
    if dtype.kind not in "fiub":
        raise InputError(f"{where}: tensor {name} has dtype {dtype}; only plain numbers are read.")
    body = raw[stream.tell() :]
    count = math.prod(shape)
    if not plausible(shape) or len(body) != count * dtype.itemsize:
        raise InputError(
            f"{where}: tensor {name} holds {len(body)} bytes where shape {tuple(shape)} of "
            f"{dtype.name} needs {count * dtype.itemsize}; the file is damaged."
        )
    flat = np.frombuffer(body, dtype=dtype).astype(dtype.newbyteorder("="))
    return flat.reshape(shape, order="F" if fortran else "C")
