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
    """A row that has its place on ``part``; ``known``: results of earlier trials by their key."""

    row: Row
    part: str
    catalogue: Path | None
    check_tiles: bool
    known: dict[str, str]


def trial(job: Trial) -> tuple[str, str | None]:
    """Export the row and run its self-test, unless the same files were tried with the same compiler before.

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
        return key, job.known[key] if key in job.known else self_test(made).failed


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
    """Results by their key: those of a store that other lines may lie in, and new ones."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.known: dict[str, str] = {}
        for line in read_lines(path, "store") if path.exists() else ():
            if line.has("failed_as_c"):
                self.known[line.text("key")] = line.get("failed_as_c", str, "what failed, or nothing")

    def add(self, key: str, failed: str | None) -> None:
        """Keep a result on disk, unless there is none or it is there."""
        if failed is None or not key or key in self.known:
            return
        append_line(self.path, {"key": key, "failed_as_c": failed})
        self.known[key] = failed
