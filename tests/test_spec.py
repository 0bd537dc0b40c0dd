"""The specification, the code, the tests and the vectors name each other, and the examples are true."""

from __future__ import annotations

import ast
import doctest
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]
SPEC = ROOT / "docs" / "spec.md"
TEXT = SPEC.read_text(encoding="utf-8")
KINDS = "NUM|RND|REC|BLK|OP|BND|FMT"
NAME = re.compile(rf"\b(?:{KINDS})-[A-Z0-9]+(?:-[A-Z0-9]+)*\b")
HELD_BY = re.compile(r"^\*(\S+), (\S+?)(?:, (.+))?\*$", re.MULTILINE)


@dataclass(frozen=True)
class Clause:
    name: str
    body: str

    def places(self) -> tuple[str, str, tuple[str, ...]]:
        """Module, test and vector files of the one line that ends it."""
        (found,) = HELD_BY.findall(self.body)
        module, test, vectors = found
        return module, test, tuple(vectors.split(", ")) if vectors else ()


def clauses() -> list[Clause]:
    parts = re.split(r"^(?=#{2,3} )", TEXT, flags=re.MULTILINE)
    headed = ((re.match(rf"### ((?:{KINDS})-[A-Z0-9-]+): \S", part), part) for part in parts)
    return [Clause(match[1], part) for match, part in headed if match]


CLAUSES = clauses()
each_clause = pytest.mark.parametrize("clause", CLAUSES, ids=[clause.name for clause in CLAUSES])


def docstrings() -> dict[str, str]:
    """All docstrings of a module together, by path."""
    found = {}
    for package in ("refimpl", "workbench", "mcusim"):
        for path in sorted((ROOT / package).rglob("*.py")):
            nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            documented = (n for n in nodes if isinstance(n, (ast.Module, ast.ClassDef, ast.FunctionDef)))
            found[path.relative_to(ROOT).as_posix()] = "\n".join(
                ast.get_docstring(n) or "" for n in documented
            )
    return found


def test_every_third_level_heading_is_a_clause_with_a_name_of_its_own() -> None:
    names = [clause.name for clause in CLAUSES]
    assert len(names) == len(re.findall(r"^### ", TEXT, re.MULTILINE)) > 40
    assert len(set(names)) == len(names)


@each_clause
def test_the_places_that_hold_a_clause_exist(clause: Clause) -> None:
    module, test, vectors = clause.places()
    assert module.startswith(("refimpl/", "workbench/"))
    assert test.startswith("tests/test_")
    assert all(path.startswith("golden/") for path in vectors)
    assert not [path for path in (module, test, *vectors) if not (ROOT / path).is_file()]


@each_clause
def test_a_clause_refers_to_clauses_that_exist(clause: Clause) -> None:
    assert set(NAME.findall(clause.body)) <= {c.name for c in CLAUSES}


def test_every_clause_and_section_that_the_code_cites_exists() -> None:
    sections = set(re.findall(r"^## (\d+)\. ", TEXT, re.MULTILINE))
    names = {clause.name for clause in CLAUSES}
    for path, text in docstrings().items():
        assert set(NAME.findall(text)) <= names, path
        assert (
            set(re.findall(r"[Ss]ection (\d+)", " ".join(re.findall(r"Spec: [^\n]*", text)))) <= sections
        ), path


def test_every_operator_module_cites_the_clauses_it_holds() -> None:
    cited = {path: set(NAME.findall(text)) for path, text in docstrings().items()}
    for clause in CLAUSES:
        module = clause.places()[0]
        if module.startswith("refimpl/ops/") and clause.name.startswith("OP-"):
            assert clause.name in cited[module], f"{module} does not cite {clause.name}"
    for path in (ROOT / "refimpl" / "ops").glob("*.py"):
        module = path.relative_to(ROOT).as_posix()
        assert path.name == "__init__.py" or cited[module], f"{module} cites no clause"


def test_every_vector_file_of_operators_and_formats_belongs_to_a_clause() -> None:
    named = {path for clause in CLAUSES for path in clause.places()[2]}
    golden = ROOT / "golden"
    paths = [*golden.glob("ops/*.json"), *golden.glob("formats/*.json")]
    files = {path.relative_to(ROOT).as_posix() for path in paths}
    assert files <= named


def test_the_contents_line_lists_every_section() -> None:
    headings = re.findall(r"^## (\d+)\. (.+)$", TEXT, re.MULTILINE)
    assert [number for number, _ in headings] == [str(i + 1) for i in range(len(headings))]
    for number, title in headings:
        anchor = f"{number}-{title.lower().replace(' ', '-')}"
        assert f"[{number} {title}](#{anchor})" in " ".join(TEXT.split())


def test_the_examples_give_what_the_specification_says() -> None:
    failures, tried = doctest.testfile(str(SPEC), module_relative=False, globs={"np": np})
    assert tried >= 8
    assert failures == 0


@pytest.mark.parametrize("document", ["docs/spec.md", "docs/reading-guide.md"])
def test_every_path_a_document_names_exists(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    folders = "refimpl|workbench|mcusim|tests|docs|golden|benchmarks|firmware"
    paths = re.findall(rf"`((?:{folders})/[\w./-]*)`", text)
    assert paths
    assert not [path for path in paths if not (ROOT / path).exists()]


def test_every_test_the_reading_guide_names_exists() -> None:
    text = (ROOT / "docs" / "reading-guide.md").read_text(encoding="utf-8")
    patterns = re.findall(r"`(test_[\w*]+\.py)`", text)
    assert patterns
    assert not [pattern for pattern in patterns if not list((ROOT / "tests").glob(pattern))]
