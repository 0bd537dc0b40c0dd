"""Environments that a user may have, each built and tried: ``python tests/cells.py [CELL ...]``, default all.

Needs the package index through pip, and root for ``no-home``; a line a cell, exit code 1 where one fails.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NOBODY = 65534
EXACT = ["tests/test_fixedpoint.py", "tests/test_ops_linear.py", "tests/test_ops_softmax.py",
         "tests/test_ops_norm.py", "tests/test_int8_product.py", "tests/test_vectors_check.py",
         "tests/test_recursion.py", "tests/test_parity.py"]  # fmt: skip
NO_AVX512 = {"OPENBLAS_CORETYPE": "Haswell", "NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": "+avx2,+fma"}


def lowest(package: str) -> str:
    """``package==`` its lower bound in pyproject.toml."""
    text = (ROOT / "pyproject.toml").read_text()
    found = re.search(rf'"{package}>=([\d.]+)"', text)
    assert found, package
    return f"{package}=={found[1]}.*"


def newest_python() -> str:
    """The newest ``python3.N`` on the path that starts, from 3.11 on."""
    found = filter(None, (shutil.which(f"python3.{minor}") for minor in range(30, 10, -1)))
    starts = (path for path in found if not subprocess.run([path, "-c", ""], capture_output=True).returncode)
    return next(starts, sys.executable)


def everyones_python() -> str:
    """An interpreter that any user may start: this one, or else the system's."""
    for python in (sys.executable, "/usr/bin/python3"):
        found = Path(python).resolve()
        if found.exists() and all(path.stat().st_mode & 1 for path in (found, *found.parents)):
            return python
    raise OSError(f"no other user may start {sys.executable}, and there is no /usr/bin/python3")


def installed(folder: Path, python: str, *pins: str, extra: str = "") -> Path:
    """A fresh environment with the project in it (not editable); its interpreter."""
    subprocess.run([python, "-m", "venv", folder / "venv"], check=True)
    own = folder / "venv" / "bin" / "python"
    subprocess.run([own, "-m", "pip", "install", "-q", f"{ROOT}{extra}", *pins], check=True)
    return own


def exact_tests(python: Path | str, **environment: str) -> None:
    """The tests of the arithmetic, from the source tree."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    subprocess.run([python, "-m", "pytest", "-q", *EXACT, "-m", "not slow"], cwd=ROOT, env=env, check=True)


def no_home(folder: Path) -> None:
    """Another user, an install that cannot be written, no HOME, a folder that cannot be written."""
    python = installed(folder, everyones_python())
    os.chmod(folder, 0o755)
    subprocess.run(["chmod", "-R", "a-w", folder / "venv"], check=True)
    for command in (["-m", "refimpl", "models"], ["-m", "mcusim", "run", "--budget", "4MB"]):
        who = {"user": NOBODY, "group": NOBODY} if os.geteuid() == 0 else {}
        env = {"PATH": os.environ["PATH"]}
        subprocess.run([python, *command], cwd="/", env=env, check=True, stdout=subprocess.DEVNULL, **who)  # type: ignore[call-overload]


def pinned(*packages: str) -> Callable[[Path], None]:
    """The arithmetic under the oldest allowed ``packages``; none: the newest."""

    def cell(folder: Path) -> None:
        exact_tests(installed(folder, sys.executable, *map(lowest, packages), extra="[test]"))

    return cell


CELLS: dict[str, Callable[[Path], None]] = {
    "no-home": no_home,
    "oldest": pinned("numpy", "numba"),
    "newest": pinned(),
    "newest-python": lambda folder: exact_tests(installed(folder, newest_python(), extra="[test]")),
    "no-avx512": lambda folder: exact_tests(sys.executable, NUMBA_CACHE_DIR=str(folder), **NO_AVX512),
}


def main(names: list[str]) -> int:
    """Try each cell in a folder of its own."""
    if unknown := [name for name in names if name not in CELLS]:
        print(f"error: there is no cell {unknown[0]!r}; known: {', '.join(CELLS)}.", file=sys.stderr)
        return 2
    failed = 0
    for name in names or CELLS:
        with tempfile.TemporaryDirectory() as folder:
            try:
                CELLS[name](Path(folder))
                print(f"{name}: passed", flush=True)
            except (subprocess.CalledProcessError, OSError) as error:
                failed = 1
                print(f"{name}: failed: {error}", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
