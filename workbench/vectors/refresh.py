"""Compute every answer under ``golden/`` again, and say which of them changed and where."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from workbench.files.outputs import make_folder, write_file
from workbench.vectors import format_vectors
from workbench.vectors.check import first_difference
from workbench.vectors.export_c import op_c_files
from workbench.vectors.files import MANIFEST, manifest_text
from workbench.vectors.suites import Case, Suite, answer, dump, read_suites
from workbench.vectors.trace_files import HEADER, dump_trace, read_traces, trace_documents, trace_header
from workbench.vectors.traced import FOLDER


@dataclass(frozen=True)
class Refreshed:
    """New text by path below ``golden``, answers that changed, and requests answered for the first time."""

    texts: dict[str, str]
    changed: tuple[str, ...]
    added: tuple[str, ...]


def refreshed(golden: Path) -> Refreshed:
    """Recompute op vectors, weight formats and recursion traces; nothing is written."""
    texts, changed, added = {}, list[str](), list[str]()
    for suite in read_suites(golden):
        new, differences, fresh = refreshed_suite(suite)
        texts[f"ops/{suite.name}.json"] = dump(new)
        changed += differences
        added += fresh
    texts[format_vectors.FILE], differences = format_vectors.refreshed(golden)
    changed += differences
    stored = {document["name"]: document for document in read_traces(golden)}
    for name, document in trace_documents(golden):
        texts[f"{FOLDER}/{name}.json"] = dump_trace(document)
        if name not in stored:
            added.append(f"trace {name}")
        elif place := first_change(stored[name], document):
            changed.append(f"trace {name}: {place}")
    return Refreshed(texts, tuple(changed), tuple(added))


def refreshed_suite(suite: Suite) -> tuple[Suite, list[str], list[str]]:
    """The suite with every answer computed and its cases numbered, what changed, and what is new."""
    changed, added, number, groups = [], [], 0, []
    for title, cases in suite.groups:
        new: list[Case] = []
        for case in cases:
            number += 1
            output = answer(suite.signature, case)
            named = f"{suite.name} case {number} ({case.comment})"
            if not case.answered:
                added.append(named)
            elif difference := first_difference(case.expected, output):
                index, was, now = difference
                changed.append(f"{named} [{index}]: was {was}, is {now}")
            new.append(replace(case, number=number, expected=output, answered=True))
        groups.append((title, tuple(new)))
    return Suite(suite.signature, tuple(groups)), changed, added


def first_change(old: Any, new: Any, path: str = "") -> str:
    """The first place at which two JSON values differ, with both values; empty where they are equal."""
    if isinstance(old, dict) and isinstance(new, dict):
        keys: list[Any] = list({**old, **new})
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        keys = list(range(len(old)))
    else:
        return "" if old == new else f"{path}: was {str(old)[:80]}, is {str(new)[:80]}"
    for key in keys:
        was, now = (v.get(key) if isinstance(v, dict) else v[key] for v in (old, new))
        below = f"{path}[{key}]" if isinstance(key, int) else f"{path}.{key}".strip(".")
        if found := first_change(was, now, below):
            return found
    return ""


def c_files(golden: Path) -> Iterator[tuple[str, str]]:
    """Yield (file name, text) of the whole C export."""
    yield from op_c_files(golden)
    yield HEADER, trace_header(read_traces(golden))


def export_c(golden: Path, target: Path) -> list[Path]:
    """Write the C form of ``golden`` into ``target``; return the files."""
    make_folder(target)
    written = []
    for name, text in c_files(golden):
        write_file(target / name, text)
        written.append(target / name)
    return written


def write(golden: Path, new: Refreshed) -> int:
    """Write refreshed files, the C form and the manifest; return how many files differ from before."""
    for name, text in new.texts.items():
        make_folder((golden / name).parent)
        write_file(golden / name, text)
    export_c(golden, golden / "c")
    write_file(golden / MANIFEST, manifest_text(golden))
    return len(new.texts)
