"""Golden vectors of the weight formats: real weights in, published codes and stored integers out.

    python -m workbench.vectors.format_vectors golden/formats/weights.json

Every weight is a short binary fraction, so JSON numbers carry it exactly.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from refimpl.errors import InputError
from refimpl.image import write_atomically
from refimpl.quantize.blocks import stored_weights
from refimpl.quantize.weights import parse_format, quantize_weights

FLAGS = {
    "TieToEven": "A weight half way between two codes goes to the even one.",
    "TieUnderZeroPoint": "Adding the zero point before rounding (w4an) or after (w4a) decides a tie.",
    "ZeroRow": "A row of zeros keeps the scale floor, and codes 0.",
    "NoMinusEight": "Symmetric formats stop at -qmax: -8 does not occur.",
    "ZeroPointOutsideInt8": "The real zero point has no int8 form: no integer program, refused with the row.",
    "ZeroPointClamped": "w4an clamps the zero point, so the whole row saturates.",
    "PaddedBlock": "The last group or block is shorter than the others; zeros pad it.",
    "ExponentBoundary": "absmax is 7 * 2^e, or just above it.",
    "ExponentSpan": "An exponent more than 15 below the row's largest is raised before codes are taken.",
    "ZeroBlock": "A block of zeros takes no part in the row's smallest exponent.",
}
SYMMETRIC = [[7.0, 0.5, 1.5, 2.5], [-14.0, 1.0, 3.0, 5.0], [0.0, 0.0, 0.0, 0.0]]


def _long(*pairs: tuple[int, float], length: int = 40) -> list[float]:
    row = [0.0] * length
    for place, value in pairs:
        row[place] = value
    return row


CASES: list[tuple[str, tuple[str, ...], list[list[float]]]] = [
    ("w8c", ("ZeroRow",), [[127.0, 1.0, -2.0], [0.0, 0.0, 0.0]]),
    ("w8t", ("NoMinusEight",), [[127.0, 1.0, -2.0], [-127.0, 0.25, 0.0]]),
    ("w6c", ("TieToEven",), [[31.0, 0.5, 1.5, -2.5]]),
    ("w4t", ("TieToEven", "NoMinusEight"), [[3.5, 0.25, 0.75], [-3.5, -0.25, 1.0]]),
    ("w4c", ("TieToEven", "ZeroRow", "NoMinusEight"), SYMMETRIC),
    ("w3c", ("TieToEven",), [[3.0, 0.5, -1.5, 2.5]]),
    ("w2c", ("TieToEven",), [[1.0, 0.5, -0.5, -0.75]]),
    ("ternary", ("TieToEven",), [[0.5, -1.5], [1.5, -0.5]]),
    ("w4a", ("TieUnderZeroPoint",), [[-3.0, 12.0, 0.5, 1.5]]),
    ("w4a", ("ZeroPointOutsideInt8",), [[-3.0, 12.0], [1000.0, 1015.0]]),
    ("w4an", ("TieUnderZeroPoint",), [[-3.0, 12.0, 0.5, 1.5]]),
    ("w4an", ("ZeroPointClamped",), [[1000.0, 1015.0]]),
    ("w4g32", ("PaddedBlock", "TieToEven"), [_long((0, 7.0), (32, 14.0), (33, 1.0), (34, 3.0), length=35)]),
    ("w4g128", ("PaddedBlock",), [[7.0, 0.5, 1.5, -7.0]]),
    ("mxint4", ("ExponentBoundary", "PaddedBlock"), [_long((0, 7.0), (1, 2.5), (32, 7.0078125), (33, 3.0))]),
    ("mxint4", ("ExponentSpan", "ZeroBlock"), [_long((0, 7.0), (32, 7 * 2.0**-20), length=96)]),
    ("mxint4", ("ZeroRow",), [_long(length=33)]),
]


def document() -> dict[str, Any]:
    """All cases with published and stored forms."""
    tests = []
    for number, (name, flags, rows) in enumerate(CASES, 1):
        fmt, weights = parse_format(name), np.array(rows)
        q = quantize_weights(weights, fmt)
        published = {
            "codes": q.codes.tolist(),
            "scale": q.scale.tolist(),
            "zero_point": None if q.zero_point is None else q.zero_point.tolist(),
            "block_scale": None if q.block_scale is None else q.block_scale.tolist(),
        }
        test: dict[str, Any] = {"tcId": number, "format": name, "flags": list(flags), "block": q.block}
        test |= {"weights": rows, "published": published}
        try:
            s = stored_weights(weights, fmt, "weights")
        except InputError as error:
            tests.append(test | {"result": "refused", "reason": str(error)})
            continue
        stored = {
            "codes": s.codes.tolist(),
            "row_scale": s.row_scale.tolist(),
            "zero_point": None if s.zero_point is None else s.zero_point.tolist(),
            "block_scale": None if s.block_scale is None else s.block_scale.tolist(),
            "power_of_two": s.power_of_two,
        }
        tests.append(test | {"result": "valid", "stored": stored})
    return {
        "algorithm": "weight_formats",
        "schema": "weight_formats_v1",
        "generator": "refimpl format vectors 1",
        "source": "FMT-WBT, FMT-WBC, FMT-W4A, FMT-WBG, FMT-MXINT4, FMT-TERNARY",
        "numberOfTests": len(tests),
        "notes": FLAGS,
        "tests": tests,
    }


def dump(content: dict[str, Any]) -> str:
    """JSON with one line a case."""
    head = json.dumps({k: v for k, v in content.items() if k != "tests"}, indent=1).removesuffix("\n}")
    lines = ",\n".join("  " + json.dumps(test, separators=(",", ":")) for test in content["tests"])
    return f'{head},\n "tests": [\n{lines}\n ]\n}}\n'


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(target, dump(document()).encode())
