"""Compiled kernels on disk, in a folder named by everything that they are compiled from.

Numba keys a kernel by its own file alone; a rule that it takes in from another file could change unseen.
Here a change of any source of the given packages is another folder, so it reaches every kernel.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any, TypeVar

import numba

F = TypeVar("F", bound=Callable[..., Any])
NAME = "recursive-reasoner-kernels"


def cached_njit(function: F, packages: tuple[str, ...], **options: Any) -> F:
    """Compile ``function`` on first use; keep the result on disk where there is a place to keep it.

    ``packages`` are those that ``function`` and what it calls come from; ``options`` are Numba's.
    """
    folder = folder_of(packages)
    if folder is None:
        return numba.njit(**options)(function)
    before, numba.config.CACHE_DIR = numba.config.CACHE_DIR, folder
    try:
        return numba.njit(cache=True, **options)(function)
    finally:
        numba.config.CACHE_DIR = before


@cache
def folder_of(packages: tuple[str, ...]) -> str | None:
    """The first of: NUMBA_CACHE_DIR, beside the sources, the user's cache, a folder of ours among the
    temporary ones; None where none can be written."""
    digest = digest_of(packages)
    beside = os.path.join(os.path.dirname(__file__), "__pycache__")
    user = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    ours = os.path.join(tempfile.gettempdir(), f"{NAME}-{os.getuid() if hasattr(os, 'getuid') else 0}")
    named = numba.config.CACHE_DIR
    for root in [named] if named else [os.path.join(beside, NAME), os.path.join(user, NAME), ours]:
        folder = os.path.join(root, digest)
        if _writable(root, folder):
            return folder
    return None


def _writable(root: str, folder: str) -> bool:
    """Make ``folder``; a cache is code, so one that somebody else could write is not taken."""
    try:
        os.makedirs(root, mode=0o700, exist_ok=True)
        status = os.stat(root)
        if hasattr(os, "getuid") and (status.st_uid != os.getuid() or status.st_mode & 0o022):
            return False
        os.makedirs(folder, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def digest_of(packages: tuple[str, ...]) -> str:
    """A digest of all Python sources of ``packages``."""
    found = hashlib.sha256()
    for package in packages:
        for name, content in _sources(resources.files(package), package):
            found.update(f"{name}\0{len(content)}\0".encode() + content)
    return found.hexdigest()[:16]


def _sources(folder: Traversable, name: str) -> Iterator[tuple[str, bytes]]:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.name.endswith(".py"):
            yield f"{name}/{entry.name}", entry.read_bytes()
