"""The power of the op vectors: every wrong implementation is caught by a case that names its bug."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
from cross_tools import require
from mutants.c_operators import MUTANTS, Mutant

from workbench.vectors.files import DEFAULT_GOLDEN as GOLDEN
from workbench.vectors.flags import FLAGS

FIRMWARE = GOLDEN.parent / "firmware"
OPERATORS = (
    "fixed",
    "rescale",
    "elementwise",
    "change",
    "linear",
    "stage",
    "dot_plain",
    "block_linear",
    "norm",
    "softmax",
    "attention",
    "embed",
)
HOST = "#include <stdio.h>\n#include \"rr_runner.c\"\nstatic void p(const char *t) { fputs(t, stdout); }\n" \
       "int main(void) { return rr_run_vectors(p) != 0; }\n"  # fmt: skip


def compile_objects(folder: Path, sources: list[Path], include: Path) -> list[Path]:
    """Object files of ``sources``; headers come from ``include`` first."""
    objects = [folder / f"{source.stem}.o" for source in sources]
    for source, target in zip(sources, objects, strict=True):
        flags = ["-std=c99", "-O1", "-w", f"-I{include}", f"-I{GOLDEN / 'c'}"]
        subprocess.run(["gcc", *flags, "-c", source, "-o", target], check=True)
    return objects


def failing_cases(program: Path) -> list[tuple[str, int]]:
    """(operator, case) of every line that reports a difference."""
    done = subprocess.run([program], capture_output=True, text=True, timeout=60)
    assert done.returncode in (0, 1), f"the mutant crashed ({done.returncode})"
    return [(m[1], int(m[2])) for m in re.finditer(r"^(\w+) case (\d+) \[", done.stdout, re.M)]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the unchanged operators and the runner as objects."""
    require("gcc")
    folder = tmp_path_factory.mktemp("unchanged")
    (folder / "host.c").write_text(HOST)
    sources = [folder / "host.c", *(FIRMWARE / "src" / f"rr_{name}.c" for name in OPERATORS)]
    compile_objects(folder, sources, FIRMWARE / "src")
    return folder


def flags_of(operator: str) -> dict[int, list[str]]:
    document = json.loads((GOLDEN / "ops" / f"{operator}.json").read_text())
    return {t["tcId"]: t["flags"] for group in document["testGroups"] for t in group["tests"]}


def build_mutant(mutant: Mutant, built: Path, folder: Path) -> Path:
    """The runner linked with one changed source; a changed header is compiled into all of them."""
    source = FIRMWARE / "src" / mutant.file
    text = source.read_text()
    assert text.count(mutant.find) == 1, f"{mutant.file}: {text.count(mutant.find)} places to change"
    (folder / mutant.file).write_text(text.replace(mutant.find, mutant.replace))
    changed = [f"rr_{name}.c" for name in OPERATORS] if mutant.file.endswith(".h") else [mutant.file]
    for name in {*changed, *(p.name for p in source.parent.glob("*.h"))} - {mutant.file}:
        (folder / name).write_text((source.parent / name).read_text())
    objects = compile_objects(folder, [folder / name for name in changed], folder)
    unchanged = [o for o in built.glob("*.o") if o.name not in {x.name for x in objects}]
    program = folder / "mutant"
    subprocess.run(["gcc", "-o", program, *objects, *unchanged], check=True)
    return program


def test_the_unchanged_operators_pass(built: Path) -> None:
    subprocess.run(["gcc", "-o", built / "program", *built.glob("*.o")], check=True)
    assert failing_cases(built / "program") == []


@pytest.mark.slow
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda m: m.name.replace(" ", "-"))
def test_every_mutant_is_caught_by_a_case_that_names_its_bug(
    mutant: Mutant, built: Path, tmp_path: Path
) -> None:
    failing = failing_cases(build_mutant(mutant, built, tmp_path))
    flags = flags_of(mutant.operator)
    caught = {flag for operator, case in failing if operator == mutant.operator for flag in flags[case]}
    assert mutant.flag in caught, f"failing: {failing[:10]}"


def test_there_are_at_least_forty_mutants_with_names_of_their_own() -> None:
    assert len({m.name for m in MUTANTS}) == len(MUTANTS) >= 40


def test_every_flag_has_a_mutant() -> None:
    assert {m.flag for m in MUTANTS} == set(FLAGS) - {"Typical"}
