"""Put a folder under its name whole, or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from refimpl.errors import InputError
from workbench.files.inputs import reason


def check_free(out: Path) -> None:
    """Refuse a name that is taken by anything but an empty folder, or whose parent is not there."""
    try:
        if out.is_dir() and not out.is_symlink():
            if any(out.iterdir()):
                raise InputError(f"the folder {out} is not empty; name a new one.")
        elif os.path.lexists(out):
            raise InputError(f"{out} is there already and is no folder; name a new one.")
        if not out.absolute().parent.is_dir():
            raise InputError(f"{out.absolute().parent} is no folder, so {out.name} cannot be made in it.")
    except (OSError, ValueError) as error:
        raise InputError(f"{out} cannot be looked at: {reason(error)}.") from error


def write_folder(out: Path, files: Mapping[str, str | bytes]) -> None:
    """Write ``files`` (relative name -> content, text as UTF-8) into the new folder ``out``.

    They are written into a sibling that takes the final name last; whatever goes wrong leaves nothing behind.

    Raises
    ------
    InputError
        For whatever the system refuses, with the path and the system's words.
    """
    check_free(out)
    out = out.absolute()
    try:
        sibling = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    except OSError as error:
        raise InputError(f"{out} cannot be written: {reason(error)}.") from error
    try:
        sibling.chmod(0o777 & ~_mask())
        for name, content in files.items():
            path = sibling / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        sibling.rename(out)  # takes the place of an empty folder
    except OSError as error:
        raise InputError(f"{out} cannot be written: {reason(error)}.") from error
    finally:
        shutil.rmtree(sibling, ignore_errors=True)


def _mask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
