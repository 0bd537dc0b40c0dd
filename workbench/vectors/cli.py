"""``python -m refimpl vectors check | refresh | export-c | state | freeze-images``."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from refimpl import fast, ops
from refimpl.errors import InputError
from workbench.command_line import examples, number
from workbench.vectors.check import Report, check, python_implementation
from workbench.vectors.files import DEFAULT_GOLDEN, manifest_differences
from workbench.vectors.library import Library
from workbench.vectors.refresh import export_c, refreshed, write
from workbench.vectors.signatures import SIGNATURES
from workbench.vectors.tensors import encode
from workbench.vectors.trace_files import freeze_images
from workbench.vectors.traced import find_traced
from workbench.vectors.traces import state_after

SHOWN = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    hold = actions.add_parser("check", help="check golden/ against the operators, or against a library")
    hold.add_argument("--library", type=Path, help="shared library with functions of rr_abi.h")
    hold.add_argument(
        "--only", action="append", default=[], metavar="OPERATOR", help="only this operator (repeat)"
    )
    renew = actions.add_parser("refresh", help="compute every answer anew; exit code 1 where one changed")
    renew.add_argument("--accept", action="store_true", help="write answers that changed as well")
    export = actions.add_parser("export-c", help="write C headers and the self-checking runner")
    export.add_argument("target", type=Path, help="folder to write")
    state = actions.add_parser("state", help="print the state that one call of a recursion trace wrote")
    state.add_argument("name", help="name of a trace, e.g. sudoku9-mlp-w4c")
    state.add_argument("call", type=number, help="number of the call, from 0")
    freeze = actions.add_parser("freeze-images", help="build the flash images of the traces anew")
    for sub in (hold, renew, export, state, freeze):
        sub.add_argument("--golden", type=Path, default=DEFAULT_GOLDEN, help="folder of golden vectors")
    examples(parser, "check",
             "check --library build/librr_ops.so --only linear_s8",
             "state sudoku9-mlp-w4c 12")  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Run the chosen action; exit code 1 when something differs."""
    if args.action == "refresh":
        return _refresh(args.golden, args.accept)
    if args.action == "export-c":
        files = export_c(args.golden, args.target)
        print(f"{args.target}: {len(files)} files, {sum(f.stat().st_size for f in files):,} bytes.")
        return 0
    if args.action == "freeze-images":
        print("\n".join(freeze_images(args.golden)))
        return 0
    if args.action == "state":
        print(json.dumps(encode(state_after(find_traced(args.name), args.golden, args.call), "int16")))
        return 0
    if unknown := sorted(set(args.only) - set(SIGNATURES)):
        raise InputError(f"there is no operator {unknown[0]!r}; known: {', '.join(SIGNATURES)}.")
    if args.library is not None:
        library = Library(args.library)
        return show(str(args.library), check(args.golden, library, library.has, tuple(args.only)))
    changed = manifest_differences(args.golden)
    for name in changed:
        print(f"{name} differs from the manifest.")
    reports = [
        show(name, check(args.golden, python_implementation(space), only=tuple(args.only)))
        for name, space in (("refimpl.ops", ops), ("refimpl.fast", fast))
    ]
    return int(bool(changed) or any(reports))


def _refresh(golden: Path, accept: bool) -> int:
    """Write what is new; changed answers only if they are accepted."""
    new = refreshed(golden)
    print("".join(f"new: {what}\n" for what in new.added), end="")
    print("".join(f"changed: {what}\n" for what in new.changed), end="")
    if new.changed and not accept:
        print(f"{len(new.changed)} answers changed; nothing is written without --accept.")
        return 1
    print(f"{golden}: {write(golden, new)} files written, {len(new.changed)} answers changed.")
    return 0


def show(what: str, report: Report) -> int:
    """Print a report; 1 when a case failed."""
    for difference in report.differences[:SHOWN]:
        print(difference)
    if len(report.differences) > SHOWN:
        print(f"... and {len(report.differences) - SHOWN} more")
    absent = f"; not in it: {', '.join(report.missing)}" if report.missing else ""
    skipped = f", {report.skipped} skipped" if report.skipped else ""
    passed = report.cases - report.skipped - len(report.differences)
    print(f"{what}: {passed} of {report.cases} cases pass{skipped}{absent}.")
    return int(bool(report.differences))
