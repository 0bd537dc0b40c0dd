"""Write everything under ``golden/`` that a command makes."""

from __future__ import annotations

from pathlib import Path

from refimpl.vectors.export_c import export_c
from refimpl.vectors.files import MANIFEST, dump, manifest_text, op_documents, write


def generate(golden: Path) -> list[str]:
    """Write op vectors, recursion traces, the C form and the manifest; return lines to print."""
    lines = []
    for name, document in op_documents():
        text = dump(document)
        write(golden / "ops" / f"{name}.json", text)
        lines.append(f"{name}: {document['numberOfTests']} cases, {len(text):,} bytes")
    lines.append(f"c: {len(export_c(golden, golden / 'c'))} files")
    manifest = manifest_text(golden)
    write(golden / MANIFEST, manifest)
    lines.append(f"{MANIFEST}: {len(manifest.splitlines())} files")
    return lines
