"""Reading members of a zip archive with errors that are sentences."""

from __future__ import annotations

import zipfile
import zlib
from itertools import pairwise
from pathlib import Path

from refimpl.errors import InputError
from workbench.files.inputs import MIB, opened

MOST_GROWTH, MOST_FREE = 2, 64 * MIB  # unpacked bytes: so many times the file, and so many more
LOCAL_HEADER_BYTES = 30


def open_zip(path: Path) -> zipfile.ZipFile:
    """Open a file that begins like a zip archive.

    Raises
    ------
    InputError
        If its central directory, which ends the file, is missing (the file was cut off), or promises
        what no archive of ours does.
    """
    with opened(path, "the archive"):
        size = path.stat().st_size
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, ValueError, EOFError, NotImplementedError) as error:
        raise InputError(
            f"{path} begins as a zip archive but its directory at the end is missing: the "
            f"file is truncated or damaged ({size:,} bytes); fetch it again."
        ) from error
    _check_directory(archive, size, path)
    return archive


def _check_directory(archive: zipfile.ZipFile, size: int, where: Path) -> None:
    """Refuse an archive that unpacks to far more than it is, or whose members share bytes or names."""
    members = sorted(archive.infolist(), key=lambda m: m.header_offset)
    total, most = sum(m.file_size for m in members), MOST_GROWTH * size + MOST_FREE
    if total > most:
        raise InputError(f"{where} has {size:,} bytes and unpacks to {total:,}; {most:,} are the limit: "
                         "store it without compression.")  # fmt: skip
    if len({m.filename for m in members}) < len(members):
        raise InputError(f"{where} holds a member twice; it is damaged.")
    for one, next_one in pairwise(members):
        if one.header_offset + LOCAL_HEADER_BYTES + one.compress_size > next_one.header_offset:
            raise InputError(f"{where}: members {one.filename} and {next_one.filename} overlap.")


def read_member(archive: zipfile.ZipFile, name: str, where: Path) -> bytes:
    """Return the bytes of one member, its CRC-32 checked.

    Raises
    ------
    InputError
        If the member is absent, cut off, damaged, encrypted or packed by an unknown method.
    """
    try:
        return archive.read(name)
    except KeyError as error:
        raise InputError(f"{where}: the archive has no member {name}; it is incomplete.") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError) as error:
        raise InputError(f"{where}: member {name} cannot be read ({error}); the file is damaged.") from error
