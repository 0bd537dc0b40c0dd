"""Whether a row does as C what it did here: exported, compiled, and its self-test run; a job."""

from __future__ import annotations

import hashlib
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from mcusim.fitting.deploy import Deployed, compiler_here, deploy, exported, self_test
from mcusim.fitting.front import Row
from workbench.json_lines import append_line, read_lines

SOURCE, PAGE = "a trial of mcusim fit", "README.txt"


@dataclass(frozen=True, eq=False)
class Trial:
    """A row that has its place on ``part``; ``passed``: keys of earlier trials."""

    row: Row
    part: str
    catalogue: Path | None
    check_tiles: bool
    passed: frozenset[str]


def trial(job: Trial) -> tuple[str, str | None]:
    """Export the row and run its self-test, unless the same files passed with the same compiler before.

    Returns the key of the trial ("" where nothing could be built), and what failed: "" nothing, None: there
    is no compiler.
    """
    with tempfile.TemporaryDirectory(prefix="mcusim-fit-") as name:
        file = deploy(job.row, job.part, Path(name) / "network", SOURCE)
        made = exported(file, Path(name) / "c", job.catalogue, job.check_tiles)
        compiler = compiler_here()
        if made.failed or compiler is None:
            return "", made.failed or None
        key = _key(made, compiler)
        return key, "" if key in job.passed else self_test(made).failed


def _key(made: Deployed, compiler: str) -> str:
    """32 hex digits of every exported byte but those of the page to read, which names where its deployment
    lies, and of the compiler's version."""
    said = subprocess.run([compiler, "--version"], capture_output=True, check=False).stdout
    found = hashlib.sha256(said)
    for path in sorted(path for path in made.c.rglob("*") if path.is_file() and path.name != PAGE):
        content = path.read_bytes()
        found.update(f"{path.relative_to(made.c)} {len(content)} ".encode() + content)
    return found.hexdigest()[:32]


class Trials:
    """Keys of trials that passed: those of a store that other lines may lie in, and new ones.

    What failed is tried again: a full disk or a compiler that was stopped is no property of the row.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        lines = read_lines(path, "store") if path.exists() else ()
        self.passed = frozenset(line.text("key") for line in lines if line.has("passed_as_c"))

    def add(self, key: str, failed: str | None) -> None:
        """Keep a trial that passed on disk, unless it is there."""
        if failed != "" or key in self.passed:
            return
        append_line(self.path, {"key": key, "passed_as_c": True})
        self.passed |= {key}
