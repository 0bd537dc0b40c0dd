"""The files under ``golden/``: where they lie, and MANIFEST.sha256, which lists them."""

from __future__ import annotations

import hashlib
from pathlib import Path

from workbench.files.inputs import read_bytes, read_text
from workbench.shipped import shipped

MANIFEST = "MANIFEST.sha256"
DEFAULT_GOLDEN = shipped("golden")


def generated_files(golden: Path) -> list[Path]:
    """All files that the manifest covers."""
    return sorted(
        p
        for folder in ("ops", "recursion", "c")
        for p in (golden / folder).rglob("*")
        if p.is_file() and not p.name.endswith(".tmp")
    )


def manifest_text(golden: Path) -> str:
    """``sha256sum -c`` lines of the generated files."""
    return "".join(
        f"{hashlib.sha256(read_bytes(p)).hexdigest()}  {p.relative_to(golden).as_posix()}\n"
        for p in generated_files(golden)
    )


def manifest_differences(golden: Path) -> list[str]:
    """Names of files that differ from the manifest, are missing, or are not in it."""
    path = golden / MANIFEST
    listed = _entries(read_text(path, "the manifest"))
    present = _entries(manifest_text(golden))
    return sorted(name for name in listed.keys() | present.keys() if listed.get(name) != present.get(name))


def _entries(manifest: str) -> dict[str, str]:
    """File name -> digest."""
    lines = (line.partition("  ") for line in manifest.splitlines())
    return {name: digest for digest, _, name in lines}
