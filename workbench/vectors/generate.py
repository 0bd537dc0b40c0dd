"""Write everything under ``golden/`` that a command makes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from workbench.vectors.export_c import op_c_files
from workbench.vectors.files import MANIFEST, dump, manifest_text, op_documents, write
from workbench.vectors.trace_files import HEADER, dump_trace, read_traces, trace_documents, trace_header
from workbench.vectors.traced import FOLDER


def c_files(golden: Path) -> Iterator[tuple[str, str]]:
    """Yield (file name, text) of the whole C export."""
    yield from op_c_files(golden)
    yield HEADER, trace_header(read_traces(golden))


def export_c(golden: Path, target: Path) -> list[Path]:
    """Write the C form of ``golden`` into ``target``; return the files."""
    written = []
    for name, text in c_files(golden):
        write(target / name, text)
        written.append(target / name)
    return written


def generate(golden: Path) -> list[str]:
    """Write op vectors, recursion traces, the C form and the manifest; return lines to print."""
    lines = []
    for name, document in op_documents():
        text = dump(document)
        write(golden / "ops" / f"{name}.json", text)
        lines.append(f"{name}: {document['numberOfTests']} cases, {len(text):,} bytes")
    for name, document in trace_documents(golden):
        text = dump_trace(document)
        write(golden / FOLDER / f"{name}.json", text)
        lines.append(f"{name}: {len(text):,} bytes")
    lines.append(f"c: {len(export_c(golden, golden / 'c'))} files")
    manifest = manifest_text(golden)
    write(golden / MANIFEST, manifest)
    lines.append(f"{MANIFEST}: {len(manifest.splitlines())} files")
    return lines
