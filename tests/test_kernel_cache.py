"""Compiled kernels on disk: a changed rule reaches every kernel, and a place to keep them is never needed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from refimpl.fast.cache import digest_of
from workbench.vectors.files import DEFAULT_GOLDEN as GOLDEN

ROOT = GOLDEN.parent


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """The reference and what its commands need, as a tree of its own without compiled kernels."""
    skipped = shutil.ignore_patterns("__pycache__", "*.npz", "*.csv")
    for package in ("refimpl", "workbench"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=skipped)
    return tmp_path


def check_rescale(tree: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "refimpl", "vectors", "check", "--only", "quantize_s32", "--golden",
               str(GOLDEN)]  # fmt: skip
    kept = {k: v for k, v in os.environ.items() if k not in ("HOME", "NUMBA_CACHE_DIR", "XDG_CACHE_HOME")}
    kept |= {"PYTHONPATH": str(tree), **environment}
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env=kept, cwd="/")


def test_a_changed_rule_fails_the_vectors_on_a_warm_cache(copied: Path) -> None:
    assert check_rescale(copied).returncode == 0
    assert check_rescale(copied).returncode == 0
    rule = copied / "refimpl" / "fast" / "rescale_lanes.py"
    source = rule.read_text()
    changed = source.replace("every(1 << 30)", "every(0)")
    assert changed != source
    rule.write_text(changed)
    done = check_rescale(copied)
    assert done.returncode == 1
    assert "refimpl.fast: " in done.stdout
    assert "expected" in done.stdout


def test_the_digest_is_of_every_source() -> None:
    packages = ("refimpl.fast",), ("refimpl.ops",), ("refimpl.ops", "refimpl.fast")
    assert len({digest_of(chosen) for chosen in packages}) == 3


@pytest.mark.skipif(os.name != "posix", reason="permissions")
def test_kernels_run_where_nothing_can_be_written(copied: Path) -> None:
    """A read-only install, no home, no temporary folder: compiled anew, and the answers are the same."""
    (copied / "refimpl" / "fast" / "__pycache__").write_text("a file where the folder would be")
    done = check_rescale(copied, HOME="/dev/null", XDG_CACHE_HOME="/dev/null/x", TMPDIR="/dev/null/y")
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr


def test_a_cache_that_others_can_write_is_not_taken(copied: Path, tmp_path: Path) -> None:
    open_to_all = tmp_path / "open"
    open_to_all.mkdir()
    open_to_all.chmod(0o777)
    assert check_rescale(copied, NUMBA_CACHE_DIR=str(open_to_all)).returncode == 0
    assert list(open_to_all.iterdir()) == []
