"""Exported folders that several tests build."""

from __future__ import annotations

import subprocess
from pathlib import Path

from mcusim.__main__ import main


def export(out: Path, *arguments: str) -> Path:
    """The folder that ``mcusim export`` makes with these arguments."""
    assert main(["export", str(out), *arguments]) == 0
    return out


def make(folder: Path, *words: str) -> tuple[int, str]:
    """Exit status of make in ``folder`` and all it printed."""
    done = subprocess.run(["make", "-s", "-C", str(folder), *words], capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def replace_once(path: Path, old: str, new: str) -> None:
    """Change a source on purpose; the old text must be there exactly once."""
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))
