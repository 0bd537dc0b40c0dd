"""Fixtures that several test files use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# Before the first import of NumPy.  The tests' matrix products are small, and on a busy machine BLAS
# threads that spin for each other make them several times slower.  That results do not depend on the
# number is a test of its own, in processes of its own (test_recursion.py).
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """Folder of large reference files beside the repository; tests that read it skip where it is absent."""
    path = Path(__file__).resolve().parents[2] / "shared"
    if not path.is_dir():
        pytest.skip("the reference files are not here")
    return path
