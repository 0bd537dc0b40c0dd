"""Every input of the one-argument rules through C and the specification: ``python firmware/exhaustive.py``.

The C is built with traps on undefined behaviour, so a run that ends has met none.  A rule has 1.6 to 2.1
thousand million inputs; ``--stride N`` takes every N-th and says so, ``--part K/M`` the K-th of M parts.
Unpacking begins anew every three bytes for the widths an image stores: its inputs are all 2^24 of them.
"""

from __future__ import annotations

import argparse
import ctypes
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from refimpl.packing import unpack_codes
from workbench.vectors.reference import compute

SOURCES = Path(__file__).parent
CHUNK = 2**16  # the specification's temporaries stay in the cache
# First input, one past the last, and the type of the output.
RULES = {
    "reciprocal_root": (2**29, 2**31, "int64"),
    "exp_on_negative": (-(2**31), 1, "int32"),
    "one_over_one_plus": (0, 2**31, "int32"),
}
INPUTS = {"reciprocal_root": "m", "exp_on_negative": "x", "one_over_one_plus": "x"}
UNPACKINGS = {"unpack_int4": 4, **{f"unpack_codes_{bits}": bits for bits in (2, 3, 4, 6, 8)}}
TRIPLES = 2**24
KNOWN = (*RULES, *UNPACKINGS)
FILES = ("rr_fixed.c", "rr_softmax.c", "rr_stage.c")


def build(folder: Path) -> ctypes.CDLL:
    """The rules as a library that traps on undefined behaviour."""
    out = folder / "rules.so"
    flags = [
        "-std=c99",
        "-O2",
        "-fPIC",
        "-shared",
        "-fsanitize=undefined",
        "-fsanitize-undefined-trap-on-error",
    ]
    includes = [f"-I{SOURCES / 'src'}", f"-I{SOURCES.parent / 'golden' / 'c'}"]
    sources = [str(SOURCES / "src" / name) for name in FILES]
    subprocess.run(["gcc", *flags, *includes, "-o", str(out), *sources], check=True)
    return ctypes.CDLL(str(out))


def part_of(name: str, part: tuple[int, int]) -> tuple[int, int]:
    """First input, and one past the last, of the K-th of M parts of a rule's range."""
    (start, stop, _), (k, m) = RULES[name], part
    return start + (stop - start) * (k - 1) // m, start + (stop - start) * k // m


def _part(text: str) -> tuple[int, int]:
    k, _, m = text.partition("/")
    if not (k.isdigit() and m.isdigit() and 1 <= int(k) <= int(m) <= 1024):
        raise argparse.ArgumentTypeError(f"{text!r} is no part; it must be K/M with K in 1..M, such as 1/4")
    return int(k), int(m)


def first_difference(
    library: ctypes.CDLL, name: str, stride: int = 1, part: tuple[int, int] = (1, 1)
) -> tuple[int, str]:
    """(inputs compared, empty or the first input whose outputs differ)."""
    start, stop = part_of(name, part)
    dtype = RULES[name][2]
    function, compared = getattr(library, f"rr_{name}"), 0
    for low in range(start, stop, CHUNK * stride):
        x = np.arange(low, min(low + CHUNK * stride, stop), stride).astype(np.int32)
        out = np.zeros(x.size, dtype)
        status = function(
            ctypes.c_void_p(x.ctypes.data), ctypes.c_int32(x.size), ctypes.c_void_p(out.ctypes.data)
        )
        wanted = compute(name, {INPUTS[name]: x}, {"n": x.size})
        wrong = np.flatnonzero(out != wanted)
        if status or wrong.size:
            at = int(wrong[0]) if wrong.size else 0
            return compared, f"status {status}, at {x[at]}: {out[at]}, not {wanted[at]}"
        compared += x.size
    return compared, ""


def unpacking_difference(library: ctypes.CDLL, name: str, stride: int = 1) -> tuple[int, str]:
    """The same for unpacking: every ``stride``-th triple of bytes, laid one behind the other."""
    bits, compared = UNPACKINGS[name], 0
    for low in range(0, TRIPLES, CHUNK * stride):
        triples = np.arange(low, min(low + CHUNK * stride, TRIPLES), stride).astype("<u4")
        packed = np.ascontiguousarray(triples.view(np.uint8).reshape(-1, 4)[:, :3]).reshape(-1)
        out = np.zeros(packed.size * 8 // bits, np.int8)
        shape = (out.size,) if name == "unpack_int4" else (out.size, bits, packed.size)
        function = getattr(library, "rr_unpack_int4" if name == "unpack_int4" else "rr_unpack_codes")
        status = function(ctypes.c_void_p(packed.ctypes.data), *map(ctypes.c_int32, shape),
                          ctypes.c_void_p(out.ctypes.data))  # fmt: skip
        wrong = np.flatnonzero(out != unpack_codes(packed, bits, (out.size,)))
        if status or wrong.size:
            at = int(wrong[0]) * bits // 24 if wrong.size else 0
            return compared, f"status {status}, in the bytes of {triples[at]:#08x}"
        compared += triples.size
    return compared, ""


def main(argv: list[str] | None = None) -> int:
    """Print one line for each rule; 1 if C and the specification differ anywhere."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(KNOWN)} (default: all)")
    parser.add_argument("--stride", type=int, default=1, help="take every N-th input only")
    parser.add_argument("--part", type=_part, default=(1, 1), metavar="K/M", help="the K-th of M parts only")
    args, failed = parser.parse_args(argv), 0
    if unknown := set(args.names) - set(KNOWN):
        parser.error(f"there is no rule {sorted(unknown)[0]!r}; known: {', '.join(KNOWN)}")
    with tempfile.TemporaryDirectory() as folder:
        library = build(Path(folder))
        for name in args.names or KNOWN:
            begun = time.perf_counter()
            if name in UNPACKINGS:
                whole, (compared, difference) = TRIPLES, unpacking_difference(library, name, args.stride)
            else:
                whole = RULES[name][1] - RULES[name][0]
                compared, difference = first_difference(library, name, args.stride, args.part)
            failed |= bool(difference)
            if args.part != (1, 1) and name in RULES:
                name = f"{name} part {args.part[0]}/{args.part[1]}"
            share = "all" if compared == whole else f"{compared:,} of"
            seconds = time.perf_counter() - begun
            print(
                f"{name}: {difference or 'equal'} for {share} {whole:,} inputs in {seconds:.0f} s.",
                flush=True,
            )
    return failed


if __name__ == "__main__":
    sys.exit(main())
