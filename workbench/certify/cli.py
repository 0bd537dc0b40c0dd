"""The command ``certify``: hold a port to the contract and write what was declared, computed and found."""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path

from rich.progress import Progress

from workbench.certify import model_levels
from workbench.certify.certificate import SEED, as_html, certificate, line, verdict
from workbench.certify.level import Level
from workbench.certify.levels import FIXED_POINT, corpus, limits, vectors
from workbench.certify.models import Trace, read_all
from workbench.certify.port import Port, read_port
from workbench.certify.reach import Reached
from workbench.command_line import examples, number
from workbench.files.inputs import read_bytes
from workbench.files.outputs import write_file
from workbench.vectors.check import Implementation
from workbench.vectors.files import DEFAULT_GOLDEN


def operator_levels(port: Implementation, operators: tuple[str, ...], count: int, golden: Path,
                    progress: Callable[[], None] = lambda: None) -> Iterator[Level]:  # fmt: skip
    """The levels that need no model; a declared operator that the port does not have is not computed."""
    basic = tuple(name for name in operators if name in FIXED_POINT)
    if basic:
        yield vectors("fixed point", basic, port, golden)
    yield vectors("operators, stored vectors", operators, port, golden)
    yield corpus(operators, port, count, SEED, progress)
    yield limits(operators, port)


def whole_levels(
    port: Reached,
    traces: list[Trace],
    calls: int,
    golden: Path,
    changed: int,
    progress: Callable[[], None] = lambda: None,
) -> Iterator[Level]:
    """The levels that need a whole model; each with the reason where it cannot be computed."""
    why, chosen = model_levels.why_none(port, traces), model_levels.served(port, traces)
    computations: tuple[tuple[str, Callable[[], Level]], ...] = (
        ("images", lambda: model_levels.images(port, chosen, changed, progress)),
        ("block", lambda: model_levels.block(port, chosen)),
        ("recursion", lambda: model_levels.recursion(port, chosen, golden)),
        ("Monte Carlo", lambda: model_levels.monte_carlo(port, chosen, calls)),
        ("interruption", lambda: model_levels.interruption(port, chosen, golden)),
    )
    for name, compute in computations:
        level = Level(name, why=why) if why else compute()
        computed = {trace.format for trace in chosen}
        left = [name for name in port.port.formats if name not in computed]
        if left and not why and name in ("block", "recursion"):
            level.uncomputed += left
        yield level


def _digests(port: Port, folder: Path) -> dict[str, str]:
    """SHA-256 of the library, or of those words of the command that are files (an ELF, a program)."""
    files = [port.library] if port.library is not None else [folder / word for word in port.command]
    return {
        path.name: hashlib.sha256(read_bytes(path, "the port's file")).hexdigest()
        for path in files
        if path.is_file()
    }


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "port", type=Path, help="TOML: name, operators, formats, and library, command or device"
    )
    parser.add_argument(
        "--requests", type=number, default=1000, help="seeded requests an operator (default 1000)"
    )
    parser.add_argument("--images", type=number, default=500, help="changed flash images (default 500)")
    parser.add_argument("--calls", type=number, default=10_000, help="calls of Monte Carlo (default 10000)")
    parser.add_argument("--out", type=Path, default=Path("certificate.json"),
                        help="default certificate.json; a page lies beside it as .html")  # fmt: skip
    parser.add_argument("--golden", type=Path, default=DEFAULT_GOLDEN, help="folder of the golden vectors")
    examples(parser, "port.toml", "port.toml --requests 10000 --calls 1000 --out ours.json")


def run(args: argparse.Namespace) -> int:
    """Print one line a level, write the certificate; 1 unless every computed level passes."""
    traces = read_all(args.golden)
    formats = tuple(dict.fromkeys(trace.format for trace in traces))
    declared = read_port(args.port, formats)
    port = Reached(declared, args.port.parent)
    levels: list[Level] = []
    try:
        with Progress(transient=True) as progress:
            task = progress.add_task("certificate", total=len(declared.operators) + args.images)
            for found in (
                operator_levels(
                    port, declared.operators, args.requests, args.golden, lambda: progress.advance(task)
                ),
                whole_levels(
                    port, traces, args.calls, args.golden, args.images, lambda: progress.advance(task)
                ),
            ):
                for level in found:
                    levels.append(level)
                    progress.console.print(line(level.facts()), highlight=False, soft_wrap=True)
                    for failure in level.failures[:3]:
                        progress.console.print(
                            f"  {failure[:400]}", highlight=False, markup=False, soft_wrap=True
                        )
    finally:
        port.close()
    facts = certificate(declared, formats, levels, args.requests, _digests(declared, args.port.parent))
    write_file(args.out, (json.dumps(facts, indent=1) + "\n").encode())
    write_file(args.out.with_suffix(".html"), as_html(facts).encode())
    print(f"{declared.name}: {verdict(facts)}; {args.out}.")
    return 0 if facts["passed"] else 1
