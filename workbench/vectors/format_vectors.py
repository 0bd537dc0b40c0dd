"""Golden vectors of the weight formats: real weights in, published codes and stored integers out.

The file is the source of its requests (``format``, ``flags``, ``weights``); the answers are computed here.
Every weight is a short binary fraction, so JSON numbers carry it exactly.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from refimpl.errors import InputError
from refimpl.formats import parse_weights
from workbench.files.fields import Fields
from workbench.files.inputs import read_json

FILE = "formats/weights.json"
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
ANSWERS = ("result", "published", "stored", "reason")


def refreshed(golden: Path) -> tuple[str, list[str]]:
    """The text of the file with every answer computed anew, and the answers that changed."""
    stored = read_json(golden / FILE, "the vector file")
    tests, changed = [], []
    for number, test in enumerate(stored.tables("tests"), 1):
        new = answered(number, test)
        if any(key in test.data and test.data[key] != new.get(key) for key in ANSWERS):
            changed.append(f"weight format case {number} ({new['format']})")
        tests.append(new)
    return dump({
        "algorithm": "weight_formats",
        "schema": "weight_formats_v1",
        "generator": "refimpl format vectors 1",
        "source": "FMT-WBT, FMT-WBC, FMT-W4A, FMT-WBG, FMT-MXINT4, FMT-TERNARY",
        "numberOfTests": len(tests),
        "notes": FLAGS,
        "tests": tests,
    }), changed


def answered(number: int, request: Fields) -> dict[str, Any]:
    """A case with its published and stored forms."""
    name, rows = request.text("format"), request.listed("weights", list, "rows")
    request.texts("flags", tuple(FLAGS))
    try:
        weights = np.array(rows, np.float64)
    except (ValueError, TypeError) as error:
        raise request.error(f"{request.label('weights')} is no matrix of numbers.") from error
    fmt = parse_weights(name)
    q = fmt.quantize(weights)
    published = {
        "codes": q.codes.tolist(),
        "scale": q.scale.tolist(),
        "zero_point": None if q.zero_point is None else q.zero_point.tolist(),
        "block_scale": None if q.block_scale is None else q.block_scale.tolist(),
    }
    test: dict[str, Any] = {"tcId": number, "format": name, "flags": request.data["flags"], "block": q.block}
    test |= {"weights": rows, "published": published}
    try:
        s = fmt.stored(weights, "weights")
    except InputError as error:
        return test | {"result": "refused", "reason": str(error)}
    stored = {
        "codes": s.codes.tolist(),
        "row_scale": s.row_scale.tolist(),
        "zero_point": None if s.zero_point is None else s.zero_point.tolist(),
        "block_scale": None if s.block_scale is None else s.block_scale.tolist(),
        "factors": fmt.factors,
    }
    return test | {"result": "valid", "stored": stored}


def dump(content: dict[str, Any]) -> str:
    """JSON with one line a case."""
    head = json.dumps({k: v for k, v in content.items() if k != "tests"}, indent=1).removesuffix("\n}")
    lines = ",\n".join("  " + json.dumps(test, separators=(",", ":")) for test in content["tests"])
    return f'{head},\n "tests": [\n{lines}\n ]\n}}\n'
