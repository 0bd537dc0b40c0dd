"""The one door out: a file appears under its name whole, or not at all; every failure is a sentence."""

from __future__ import annotations

import fcntl
import glob
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from refimpl.errors import InputError
from workbench.files.inputs import reason

DESCRIPTORS = "/proc/self/fd"


def write_file(path: Path, content: str | bytes) -> None:
    """Put ``content`` (text as UTF-8) under ``path``."""
    with replacing(path) as file:
        file.write(content.encode() if isinstance(content, str) else content)


def make_folder(path: Path) -> None:
    """Make a folder and those above it, if they are not there."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        raise InputError(f"the folder {path} cannot be made: {reason(error)}.") from error


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """Yield a binary file that takes the place of ``path`` on success and leaves no trace on failure.

    The new file lies beside the old one until it is complete and on the disk; a link is followed; devices
    and pipes are written in place, for they cannot be replaced.

    Raises
    ------
    InputError
        For whatever the system refuses, with the path and the system's words.
    """
    try:
        if _in_place(path):
            with os.fdopen(os.open(path, os.O_WRONLY | getattr(os, "O_NONBLOCK", 0)), "wb") as file:
                os.set_blocking(file.fileno(), True)
                yield file
            return
        path = path.resolve()
        with _beside(path) as file:
            yield file
    except OSError as error:
        raise InputError(f"{path} cannot be written: {reason(error)}.") from error


def _in_place(path: Path) -> bool:
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return False
    except ValueError as error:
        raise InputError(f"{path!r} names no file: {error}.") from error
    if stat.S_ISDIR(mode):
        raise InputError(f"{path} is a folder; name the file to write.")
    return not stat.S_ISREG(mode) or str(path).startswith(("/dev/", "/proc/"))


@contextmanager
def _beside(path: Path) -> Iterator[IO[bytes]]:
    """A file that has no name until it is whole, so that a kill leaves nothing; where there is no such, one
    with a name of its own."""
    descriptor, temporary = _open_beside(path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fchmod(file.fileno(), _mode(path))
            os.fsync(file.fileno())
            if temporary is None:
                _clear(path)
                fcntl.flock(file, fcntl.LOCK_EX)
                temporary = _name(file.fileno(), path)
            if temporary is not None:
                os.replace(temporary, path)
    except BaseException:
        if temporary is not None:
            with suppress(OSError):
                os.unlink(temporary)
        raise
    with suppress(OSError):  # some file systems do not sync folders
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _open_beside(folder: Path) -> tuple[int, Path | None]:
    nameless = getattr(os, "O_TMPFILE", 0)
    if nameless and os.path.isdir(DESCRIPTORS):
        with suppress(OSError):
            return os.open(folder, nameless | os.O_RDWR, 0o600), None
    descriptor, name = tempfile.mkstemp(prefix=".part-", dir=folder)
    return descriptor, Path(name)


def _name(descriptor: int, path: Path) -> Path | None:
    """Give a nameless file its final name, or, where that is taken, a name to rename from."""
    # With a folder's descriptor Python asks the system to follow the link that stands for the open file.
    folder = os.open(DESCRIPTORS, os.O_RDONLY)
    try:
        with suppress(FileExistsError):
            os.link(str(descriptor), path, src_dir_fd=folder)
            return None
        while True:
            temporary = path.parent / f"{_prefix(path)}{os.urandom(6).hex()}"
            with suppress(FileExistsError):
                os.link(str(descriptor), temporary, src_dir_fd=folder)
                return temporary
    finally:
        os.close(folder)


def _prefix(path: Path) -> str:
    return f".{path.name[:100]}.part-"


def _clear(path: Path) -> None:
    """Remove what writers of ``path`` left that were killed between their last two steps.

    A writer holds a lock on its file from before the file has a name.
    """
    for left in path.parent.glob(f"{glob.escape(_prefix(path))}*"):
        with suppress(OSError), left.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            left.unlink()


def _mode(path: Path) -> int:
    """Permissions of the file that is replaced, else those of a new one."""
    with suppress(OSError):
        return stat.S_IMODE(path.stat().st_mode)
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
