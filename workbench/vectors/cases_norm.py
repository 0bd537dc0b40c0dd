"""Cases of RMSNorm."""

from __future__ import annotations

from math import isqrt
from typing import Any

import numpy as np

from refimpl.fixedpoint import normalise_even, reciprocal_root
from workbench.vectors.cases import Case, Suite
from workbench.vectors.cases_fixedpoint import i32
from workbench.vectors.draws import Draws

EPS = 10  # round(1e-5 * 2^20): eps of one value


def gain(size: int) -> int:
    """``round(sqrt(size / 2) * 2^25)`` in integers: the rounded root of size * 2^49."""
    return (isqrt(size * 2**51) + 1) // 2


def build(
    comment: str, flags: tuple[str, ...], rows: Any, eps: int | None = None, refused: bool = False
) -> Case:
    """Rows of state units; ``eps`` defaults to the value of a model with eps 1e-5."""
    h = i32(rows)
    size = h.shape[1]
    params = {
        "rows": len(h),
        "size": size,
        "gain": gain(size) if size else 1,
        "eps": EPS * size if eps is None else eps,
    }
    return Case(comment, flags, {"h": h}, params, refused)


def ties(count: int) -> list[list[int]]:
    """Rows (a, -2^k) whose second result lies exactly half way between two codes.

    The row's factor must end in many zero bits, so they are searched for.
    """
    found: list[list[int]] = []
    a = np.arange(1, 2**18, dtype=np.int64)
    for k in range(14, 20):
        m, s = normalise_even(a * a + 4**k + 2 * EPS)
        g = reciprocal_root(m) * gain(2) >> 30
        exponent = 30 + (s >> 1)
        rest = (g << k) & (np.int64(1) << exponent) - 1
        found += [[v, -(2**k)] for v in a[rest == np.int64(1) << exponent - 1].tolist()]
    assert len(found) >= count
    return found[:: len(found) // count][:count]


def suite() -> Suite:
    """Degenerate rows first, then widths of real models."""
    draws = Draws("rms_norm")
    tiny = np.zeros((5, 8), np.int64)
    tiny[1, 3], tiny[2, 3], tiny[3], tiny[4, ::2] = 1, -1, 1, -2
    spike = np.zeros((3, 81), np.int64)
    spike[0, 5], spike[1, 80], spike[2, 0] = 30000, -30000, 2_000_000
    ramp = np.arange(-48, 48)[None] * np.array([[1], [37], [1023], [10_000_000]])
    saturating = Case(
        "a gain of 2^31 - 1 saturates both ends",
        ("Saturation",),
        {"h": i32(np.array([[1000, -1000, 3, -3], [5, 5, 5, -7000]]))},
        {"rows": 2, "size": 4, "gain": 2**31 - 1, "eps": 40},
    )
    cases = [
        build("zero and tiny rows", ("SmallRow", "EpsilonMatters"), tiny),
        build("one value", ("SmallRow",), [[0], [1], [-1], [2], [1000], [-32768], [2**20]]),
        build("eps 1 with a zero row", ("SmallRow",), np.zeros((1, 4)), eps=1),
        build("eps once a row, not once a value", ("EpsilonMatters",), [[3, -3, 2, 1, 0, -1, 2, -2]]),
        build("a spike reaches sqrt(size)", ("Layout",), spike),
        build(
            "a spike among 1,023 values comes just under 32, the end of Q5.10",
            ("Layout",),
            np.eye(1, 1023, 511) * 30000,
        ),
        build("exactly half way below zero: goes up", ("TieUp",), ties(8)),
        saturating,
        build("rows far beyond 32 bits", ("LargeRow", "Wide"), ramp),
        build(
            "values near the ends of int32",
            ("LargeRow", "Int32Limits"),
            [[2**31 - 1, 2**30], [2**31 - 1, 0], [-(2**31), 1]],
        ),
        build(
            "powers of two: every parity of the normalising shift",
            ("NewtonSteps", "LargeRow"),
            [[2**p, -(2**p), 2**p + 1, 3] for p in range(0, 30)],
        ),
        build(
            "one value, sums of squares next to table edges",
            ("NewtonSteps", "TableIndex"),
            [[isqrt(e << 34), 1, isqrt(e << 35)] for e in range(32, 129, 4)],
        ),
    ]
    for size in (81, 96, 97, 512):
        cases.append(
            build(f"seeded, {size} values", ("Typical", "Truncation"), draws.integers(-9000, 9000, 3, size))
        )
    halves = [[1, 1], [1, -1], [-1, -1], [3, 4], [-3, -4], [5, 12], [-5, -12], [7, 24], [-7, 24]]
    cases.append(build("short rows of both signs", ("Truncation",), halves))
    refused = (
        build("a row of 1,024 values", ("MustRefuse",), np.zeros((1, 1024)), refused=True),
        build("eps 0", ("MustRefuse",), [[1, 2]], eps=0, refused=True),
        build("negative eps", ("MustRefuse",), [[1, 2]], eps=-5, refused=True),
        build("empty rows", ("MustRefuse",), np.zeros((1, 0)), eps=1, refused=True),
    )
    return Suite("rms_norm", (("rows", tuple(cases)), ("refused", refused)))


def suites() -> list[Suite]:
    """All suites of this module."""
    return [suite()]
