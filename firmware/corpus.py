"""Seeded requests of every operator: specification, fast reading and sanitized C, all three alike.

    python firmware/corpus.py REQUESTS RESULTS      resumable: RESULTS has a line for each part that is done

The C is built with AddressSanitizer and UndefinedBehaviorSanitizer; any report ends the run.  Every part has
a seed of its own.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from refimpl import fast, ops
from workbench.certify.corpus import Request, requests
from workbench.certify.reach import GUARD, operator_request, recorded
from workbench.vectors.check import first_difference, python_implementation
from workbench.vectors.library import FILL, output_room
from workbench.vectors.signatures import SIGNATURES
from workbench.vectors.tensors import Array, tensor_bytes

FOLDER = Path(__file__).parent
EACH = 250  # requests of one operator in a part
REFUSED = b"\1\0\0\0"
SPECIFICATION, FAST = python_implementation(ops), python_implementation(fast)


def build(folder: Path) -> Path:
    """The sanitized operators behind ``host/held.c``."""
    words = ["make", "-s", "-C", str(FOLDER), f"BUILD={folder}", f"{folder}/held-sanitized"]
    subprocess.run(words, check=True)
    return folder / "held-sanitized"


def entry(name: str, request: Request, right: Array | None) -> bytes:
    """A request and its answer in a record."""
    signature, (inputs, params) = SIGNATURES[name], request
    dtype, count = output_room(signature, params)
    size = count * dtype.itemsize
    reply = REFUSED
    if right is not None:
        reply = bytes(8) + tensor_bytes(right, signature.output_dtype(params)) + bytes([FILL]) * GUARD
    return recorded(operator_request(name, inputs, params, size), reply)


def part(number: int, program: Path, folder: Path, each: int = EACH) -> dict[str, int]:
    """What was asked and refused.  Raises SystemExit with the first request that is answered otherwise."""
    asked, refused = list[tuple[str, Request]](), 0
    record = folder / "record"
    with record.open("wb") as out:
        for name in SIGNATURES:
            for request in requests(name, each, f"corpus {number}"):
                right = SPECIFICATION(name, *request)
                if difference := first_difference(right, FAST(name, *request)):
                    raise SystemExit(f"part {number}: fast {name} {difference}: {request}")
                refused += right is None
                asked.append((name, request))
                out.write(entry(name, request, right))
    done = subprocess.run([program, record], capture_output=True, text=True)
    if done.returncode or done.stdout != "all\n" or done.stderr:
        at = done.stdout.strip()
        where = asked[int(at)] if at.isdigit() else ""
        raise SystemExit(f"part {number}: C {where}: {done.returncode} {done.stderr}")
    return {"part": number, "requests": len(asked), "refused": refused}


def main(argv: list[str] | None = None) -> int:
    """Ask until REQUESTS are done; print how many."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("requests", type=int)
    parser.add_argument("results", type=Path)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="end after so many")
    args = parser.parse_args(argv)
    rows = list(map(json.loads, args.results.read_text().splitlines())) if args.results.exists() else []
    end = time.monotonic() + args.seconds
    with tempfile.TemporaryDirectory() as name, args.results.open("a") as out:
        program = build(Path(name))
        while sum(row["requests"] for row in rows) < args.requests and time.monotonic() < end:
            rows.append(part(max((row["part"] for row in rows), default=-1) + 1, program, Path(name)))
            out.write(json.dumps(rows[-1]) + "\n")
            out.flush()
    asked, refused = (sum(row[key] for row in rows) for key in ("requests", "refused"))
    print(f"{asked:,} requests of {len(SIGNATURES)} operators, {refused:,} of them refused: "
          "ops = fast = C, 0 reports.")  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
