"""The files under ``golden/``: write them, list them in MANIFEST.sha256, compare."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from refimpl.errors import InputError
from workbench.vectors import (
    cases_attention,
    cases_block,
    cases_elementwise,
    cases_embed,
    cases_fixedpoint,
    cases_linear,
    cases_norm,
    cases_online,
)
from workbench.vectors.cases import suite_json

MANIFEST = "MANIFEST.sha256"
# Where the repository keeps them; an installed package has none and needs --golden.
DEFAULT_GOLDEN = Path(__file__).resolve().parents[2] / "golden"
_MODULES = (
    cases_fixedpoint,
    cases_elementwise,
    cases_linear,
    cases_norm,
    cases_attention,
    cases_online,
    cases_block,
    cases_embed,
)


def op_documents() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (operator, JSON document) for every suite."""
    for module in _MODULES:
        for suite in module.suites():
            yield suite.algorithm, suite_json(suite)


def dump(document: dict[str, Any]) -> str:
    """JSON text with one line a case, so that a diff shows cases."""
    head = {key: value for key, value in document.items() if key != "testGroups"}
    lines = json.dumps(head, indent=1, ensure_ascii=True).removesuffix("\n}")
    groups = []
    for group in document["testGroups"]:
        tests = ",\n".join("   " + json.dumps(test, separators=(",", ":")) for test in group["tests"])
        groups.append(f'  {{"type": {json.dumps(group["type"])}, "tests": [\n{tests}\n  ]}}')
    return lines + ',\n "testGroups": [\n' + ",\n".join(groups) + "\n ]\n}\n"


def write(path: Path, content: str | bytes) -> None:
    """Write under a temporary name, then rename."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_bytes(content.encode() if isinstance(content, str) else content)
    os.replace(temporary, path)


def read_document(path: Path) -> dict[str, Any]:
    """Read one vector file."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"the vector file {path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise InputError(f"the vector file {path} is not valid JSON ({error}).") from error
    if not isinstance(document, dict) or "testGroups" not in document:
        raise InputError(f"{path} is no vector file: it has no testGroups.")
    return document


def op_files(golden: Path) -> list[Path]:
    """The op vector files of ``golden``, sorted."""
    found = sorted((golden / "ops").glob("*.json"))
    if not found:
        raise InputError(f"{golden} holds no op vectors (ops/*.json); name the golden folder with --golden.")
    return found


def generated_files(golden: Path) -> list[Path]:
    """All files that the manifest covers."""
    return sorted(
        p
        for folder in ("ops", "recursion", "c")
        for p in (golden / folder).rglob("*")
        if p.is_file() and not p.name.endswith(".tmp")
    )


def manifest_text(golden: Path) -> str:
    """``sha256sum -c`` lines of the generated files."""
    return "".join(
        f"{hashlib.sha256(p.read_bytes()).hexdigest()}  {p.relative_to(golden).as_posix()}\n"
        for p in generated_files(golden)
    )


def manifest_differences(golden: Path) -> list[str]:
    """Names of files that differ from the manifest, are missing, or are not in it."""
    path = golden / MANIFEST
    if not path.is_file():
        raise InputError(f"{path} is missing; generate the vectors first.")
    listed = dict(line.split("  ", 1)[::-1] for line in path.read_text().splitlines())
    present = dict(line.split("  ", 1)[::-1] for line in manifest_text(golden).splitlines())
    return sorted(name for name in listed.keys() | present.keys() if listed.get(name) != present.get(name))
