"""The command ``certify``: hold a port to the contract and write what was declared, computed and found."""

from __future__ import annotations

import argparse
import hashlib
import html
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.progress import Progress

from refimpl import __version__
from refimpl.errors import InputError, unknown_name
from workbench.certify.levels import FIXED_POINT, Level, beyond, corpus, vectors
from workbench.command_line import examples, number
from workbench.files.inputs import read_bytes, read_toml
from workbench.files.outputs import write_file
from workbench.vectors.check import Implementation
from workbench.vectors.files import DEFAULT_GOLDEN
from workbench.vectors.library import Library
from workbench.vectors.signatures import SIGNATURES

SCHEMA = "refimpl.certificate/1"
SEED = "certificate 1"


@dataclass(frozen=True)
class Port:
    """What a port declares of itself: its name, the library with its ``rr_*`` functions, its operators."""

    name: str
    library: Path
    operators: tuple[str, ...]


def read_port(path: Path) -> Port:
    """``name``, ``library`` (relative to the file) and ``operators`` (a list, or "all") of a TOML file."""
    table = read_toml(path, "the port")
    name, library = table.text("name"), path.parent / table.text("library")
    if table.has("operators") and table.data["operators"] == "all":
        operators = tuple(SIGNATURES)
    else:
        operators = tuple(table.listed("operators", str, "names of operators"))
        for operator in operators:
            if operator not in SIGNATURES:
                raise table.error(str(unknown_name("operator", operator, SIGNATURES)), "operators")
    table.finish()
    if not operators:
        raise InputError(f"{path}: operators is empty; a certificate needs at least one.")
    return Port(name, library, operators)


def certificate(
    name: str, operators: tuple[str, ...], levels: list[Level], count: int, digest: str
) -> dict[str, Any]:
    """The whole as data; ``passed`` only where every computed level passed."""
    computed = [level for level in levels if not level.why]
    return {
        "schema": SCHEMA, "port": name, "sha256": digest, "refimpl": __version__, "seed": SEED,
        "requests_an_operator": count, "declared": list(operators),
        "not_declared": [s for s in SIGNATURES if s not in operators],
        "passed": bool(computed) and all(level.status == "passed" for level in computed),
        "levels": [level.facts() for level in levels],
    }  # fmt: skip


def _verdict(facts: dict[str, Any]) -> str:
    left = sum(level["status"] == "not computed" for level in facts["levels"])
    return f"{'passed' if facts['passed'] else 'not passed'}, {left} levels not computed"


def as_html(facts: dict[str, Any]) -> str:
    """One page: a row a level, then what failed and what was not declared or computed."""
    rows = "".join(
        f"<tr><td>{html.escape(v['level'])}</td><td>{v['status']}</td><td>{sum(v['cases'].values()):,}</td>"
        f"<td>{v['refused']:,}</td><td>{v['wrong']:,}</td>"
        f"<td>{html.escape(v.get('why', ', '.join(v['not_computed'])))}</td></tr>"
        for v in facts["levels"]
    )
    failures = "".join(
        f"<li><code>{html.escape(f)}</code></li>" for v in facts["levels"] for f in v["failures"]
    )
    verdict = _verdict(facts)
    head = "<tr><th>level<th>status<th>cases<th>refused<th>wrong<th>not computed</tr>"
    return (
        f"<!doctype html><meta charset=utf-8><title>{html.escape(facts['port'])}: {verdict}</title>"
        f"<h1>{html.escape(facts['port'])}: {verdict}</h1><p>SHA-256 {facts['sha256']}, "
        f"refimpl {facts['refimpl']}, seed {facts['seed']}.</p><table border=1>{head}{rows}</table>"
        f"<p>Not declared: {', '.join(facts['not_declared']) or 'nothing'}.</p>"
        f"<ul>{failures}</ul>\n"
    )


def levels_of(port: Implementation, operators: tuple[str, ...], count: int, golden: Path) -> list[Level]:
    """Every level; operators that the port does not export stay without a case."""
    basic = tuple(name for name in operators if name in FIXED_POINT)
    found = [vectors("fixed point", basic, port, golden)] if basic else []
    found.append(vectors("operators, stored vectors", operators, port, golden))
    with Progress(transient=True) as progress:
        task = progress.add_task("seeded requests", total=len(operators))
        found.append(corpus(operators, port, count, SEED, lambda: progress.advance(task)))
    return [*found, *beyond()]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("port", type=Path, help='TOML: name, library, operators = "all" or a list')
    parser.add_argument(
        "--requests", type=number, default=1000, help="seeded requests an operator (default 1000)"
    )
    parser.add_argument("--out", type=Path, default=Path("certificate.json"),
                        help="default certificate.json; a page lies beside it as .html")  # fmt: skip
    parser.add_argument("--golden", type=Path, default=DEFAULT_GOLDEN, help="folder of the golden vectors")
    examples(parser, "port.toml", "port.toml --requests 10000 --out ours.json")


def run(args: argparse.Namespace) -> int:
    """Print one line a level, write the certificate; 1 unless every computed level passes."""
    port = read_port(args.port)
    library = Library(port.library)
    present = tuple(name for name in port.operators if library.has(name))
    levels = levels_of(library, present, args.requests, args.golden)
    for level in levels:
        if not level.why:
            level.uncomputed += [name for name in port.operators if name not in present and
                                 (level.name != "fixed point" or name in FIXED_POINT)]  # fmt: skip
    digest = hashlib.sha256(read_bytes(port.library, "the library")).hexdigest()
    facts = certificate(port.name, port.operators, levels, args.requests, digest)
    write_file(args.out, (json.dumps(facts, indent=1) + "\n").encode())
    write_file(args.out.with_suffix(".html"), as_html(facts).encode())
    for level in levels:
        missing = level.why or ", ".join(level.uncomputed)
        counts = f"{sum(level.cases.values()):,} cases, {level.refused:,} refusals, {level.wrong:,} wrong"
        print(f"{level.name}: {level.status}; {counts}{f'; not computed: {missing}' if missing else ''}.")
        print("".join(f"  {failure[:400]}\n" for failure in level.failures[:3]), end="")
    print(f"{port.name}: {_verdict(facts)}; {args.out}.")
    return 0 if facts["passed"] else 1
