"""Tries Python mutants in a copy of the project: ``python tests/mutants/python_kill.py [PART OF NAME ...]``.

One copy is mutated, tested and restored again and again, so compiled kernels are compiled once.  Each trial
is a fork of a process that has loaded the libraries.  A line a mutant; exit code 1 where one survives.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from mutants.python_sources import MUTANTS, ROOT, Mutant

LINKED = ("golden", "results", "docs", "README.md", "pyproject.toml", "benchmarks", "training", "firmware")
COPIED = ("refimpl", "workbench", "mcusim", "tests")
SECONDS = 900


def copy(folder: Path) -> None:
    """The project below ``folder``, with its compiled modules; data that no mutant touches as links."""
    for name in COPIED:
        shutil.copytree(ROOT / name, folder / name, ignore=_large, symlinks=True)
    for name in LINKED:
        (folder / name).symlink_to(ROOT / name)
    data = Path("workbench", "data")
    (folder / data).symlink_to(ROOT / data)


def _large(folder: str, names: list[str]) -> list[str]:
    return ["data"] if Path(folder) == ROOT / "workbench" and "data" in names else []


def tests_pass(folder: Path, tests: str) -> bool:
    """Run tests of the copy in a fork; a trial that takes too long counts as one that fails."""
    child = os.fork()
    if child == 0:
        import pytest

        output = os.open(folder / "output", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.chdir(folder)
        sys.dont_write_bytecode = True
        sys.path[:0] = [str(folder)]
        for name in [name for name in sys.modules if name.split(".")[0] in (*COPIED, "mutants")]:
            del sys.modules[name]
        import signal

        signal.alarm(SECONDS)
        names = [str(folder / "tests" / test) for test in tests.split()]
        os._exit(int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", *names])))
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def survives(mutant: Mutant, folder: Path) -> bool:
    """Whether the tests named pass with the mutant in place; the copy is as before afterwards."""
    path = folder / mutant.file
    before, times = path.read_bytes(), path.stat()
    compiled = path.parent / "__pycache__" / f"{path.stem}.{sys.implementation.cache_tag}.pyc"
    held = compiled.read_bytes() if compiled.exists() else None
    compiled.unlink(missing_ok=True)
    path.write_text(mutant.applied(folder), encoding="utf-8")
    try:
        return tests_pass(folder, mutant.tests)
    finally:
        path.write_bytes(before)
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
        if held is not None:
            compiled.write_bytes(held)


def main() -> int:
    """Try every mutant whose name or subject holds one of the words given; none: all."""
    words = sys.argv[1:]
    chosen = [m for m in MUTANTS if not words or any(word in f"{m.about} {m.name}" for word in words)]
    os.environ.pop("PYTHONPATH", None)
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    for library in ("numpy", "numba", "rich.console", "hypothesis", "pytest"):
        __import__(library)
    survived = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copy(folder)
        subprocess.run([sys.executable, "-m", "compileall", "-q", *COPIED], cwd=folder, check=False)
        os.environ["PYTHONPATH"] = name
        unchanged = ""
        for mutant in sorted(chosen, key=lambda mutant: mutant.tests):
            if mutant.tests != unchanged and not tests_pass(folder, mutant.tests):
                said = (folder / "output").read_text()[-3000:]
                print(f"FAILS UNCHANGED {mutant.tests}\n{said}", flush=True)
                return 2
            unchanged = mutant.tests
            alive = survives(mutant, folder)
            survived += alive
            print(f"{'SURVIVED' if alive else 'killed  '} {mutant.about}: {mutant.name}", flush=True)
    print(f"{len(chosen) - survived} of {len(chosen)} killed", flush=True)
    return int(survived > 0)


if __name__ == "__main__":
    sys.exit(main())
