"""``python -m refimpl COMMAND``: exit code 0 done, 1 an honest no, 2 bad input (one sentence)."""

from __future__ import annotations

import os

# Puzzles run side by side in threads; BLAS threads inside each would only fight over the same cores.
# Set before NumPy loads, and only if the user has not chosen.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import sys
from importlib import import_module


def main(argv: list[str] | None = None) -> int:
    """Run one command; returns its exit code.

    The commands use the reference and the reference knows nothing of them: only this door opens theirs.
    """
    return int(import_module("workbench.main").main(argv))


if __name__ == "__main__":
    sys.exit(main())
