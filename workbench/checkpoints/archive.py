"""Reading members of a zip archive with errors that are sentences."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path

from refimpl.errors import InputError


def open_zip(path: Path) -> zipfile.ZipFile:
    """Open a file that begins like a zip archive.

    Raises
    ------
    InputError
        If its central directory, which ends the file, is missing: the file was cut off.
    """
    try:
        return zipfile.ZipFile(path)
    except (zipfile.BadZipFile, ValueError, EOFError, NotImplementedError) as error:
        raise InputError(
            f"{path} begins as a zip archive but its directory at the end is missing: the "
            f"file is truncated or damaged ({path.stat().st_size:,} bytes); fetch it again."
        ) from error


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
