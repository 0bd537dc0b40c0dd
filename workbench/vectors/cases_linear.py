"""Cases of the linear layer, int8 and int4 weights."""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.vectors.cases import Case, Suite, both_roundings
from workbench.vectors.cases_fixedpoint import INT32_MAX, INT32_MIN, i32
from workbench.vectors.draws import Draws
from workbench.vectors.tensors import Array

UNIT = (2**30, 1)  # multiplier and shift of the identity


def build(
    comment: str,
    flags: tuple[str, ...],
    a: Any,
    codes: Any,
    multiplier: Any,
    shift: Any,
    rounding: int,
    bias: Any = None,
    out_bits: int = 8,
    output_offset: int = 0,
    refused: bool = False,
) -> Case:
    """A case from nested lists or arrays; scalars of multiplier and shift are repeated for all rows."""
    a, codes = np.asarray(a, np.int8), np.asarray(codes, np.int8)
    n = len(codes)
    inputs: dict[str, Array | None] = {
        "a": a,
        "codes": codes,
        "bias": None if bias is None else i32(bias),
        "multiplier": i32(np.broadcast_to(multiplier, n)),
        "shift": i32(np.broadcast_to(shift, n)),
    }
    params = {
        "rows": len(a),
        "n": n,
        "k": a.shape[1],
        "rounding": rounding,
        "output_offset": output_offset,
        "out_bits": out_bits,
    }
    return Case(comment, flags, inputs, params, refused)


def edges(bits: int, r: int) -> list[Case]:
    """Small hand-made cases for one rounding rule."""
    low, high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    unit = UNIT[0]
    one = [[1]]
    cases = [
        build(
            "accumulator -63 where the two rules differ",
            ("DoubleVersusSingle", "Bias"),
            one,
            [[0]],
            1518500250,
            -1,
            r,
            bias=[-63],
        ),
        build(
            "accumulators half way after the shift, both signs",
            ("TieAway", "Truncation"),
            one,
            [[0]] * 6,
            unit,
            0,
            r,
            bias=[1, -1, 3, -3, 5, -5],
        ),
        build(
            "half way twice over: shift -1 after the multiply",
            ("TieAway", "TieUp"),
            one,
            [[0]] * 8,
            unit,
            -1,
            r,
            bias=[2, -2, 6, -6, 1, -1, 5, -5],
        ),
        build(
            "left shift",
            ("LeftShift",),
            [[3], [-5]],
            [[high], [low], [1]],
            [unit, 1700000001, unit],
            [3, 2, 5],
            r,
            out_bits=16,
        ),
        build(
            "left shift of an accumulator beyond 31 bits wraps",
            ("LeftShift", "Int32Wrap"),
            one,
            [[1], [1], [-1]],
            [unit, 1518500250, unit],
            [2, 5, 9],
            r,
            bias=[2**30, -(2**28), 2**24 - 1],
            out_bits=32,
        ),
        build(
            "saturation to int8",
            ("Saturation",),
            [[127], [-128]],
            [[high], [low]],
            unit,
            1,
            r,
            bias=[1000, -1000],
        ),
        build(
            "saturation to int16",
            ("Saturation",),
            one,
            [[1], [1], [0], [0]],
            unit,
            1,
            r,
            bias=[32766, 32767, -32768, -32769],
            out_bits=16,
        ),
        build(
            "saturation to 4 bits",
            ("Saturation",),
            one,
            [[1], [1], [0], [0]],
            unit,
            1,
            r,
            bias=[6, 7, -8, -9],
            out_bits=4,
        ),
        build(
            "output offset before saturation",
            ("OutputOffset", "Saturation"),
            one,
            [[0]] * 5,
            unit,
            1,
            r,
            bias=[-128, 0, 100, 127, 137],
            output_offset=-10,
        ),
        build(
            "output offset to the other side",
            ("OutputOffset", "Saturation"),
            one,
            [[0]] * 4,
            unit,
            1,
            r,
            bias=[-256, -130, 0, 120],
            output_offset=127,
        ),
        build(
            "a zero row: multiplier 0 and shift 0",
            ("ZeroMultiplier", "PerRow"),
            [[7, -9]],
            [[0, 0], [1, 2], [0, 0]],
            [0, unit, 0],
            [0, 1, 0],
            r,
            output_offset=3,
        ),
        build(
            "a multiplier and shift for each row",
            ("PerRow",),
            [[100]],
            [[high]] * 6,
            [unit, INT32_MAX, 1518500250, unit, INT32_MAX, 1234567890],
            [1, 0, -1, -2, -3, -6],
            r,
            out_bits=16,
        ),
        build(
            "accumulators at the ends of int32",
            ("Int32Limits", "Bias"),
            [[1]],
            [[1], [-1], [0], [0]],
            [INT32_MAX, INT32_MAX, unit, unit],
            [0, 0, -3, -31],
            r,
            bias=[INT32_MAX - 1, INT32_MIN + 1, INT32_MAX, INT32_MIN],
            out_bits=32,
        ),
        build(
            "shifts -31 and 30",
            ("ShiftEnds",),
            [[1]],
            [[1], [1], [-1], [1]],
            [unit, INT32_MAX, unit, INT32_MAX],
            [-31, -30, 30, 29],
            r,
            bias=[0, INT32_MAX - 1, 0, 0],
            out_bits=32,
        ),
        build(
            "largest negative code times -128",
            ("MinusEight", "SignExtension"),
            [[-128, -128, -128]],
            [[low, low, low], [low, high, low]],
            unit,
            -4,
            r,
            out_bits=16,
        ),
        build(
            "different values along K, no bias",
            ("Layout", "NibbleOrder", "NoBias"),
            [[1, 10, 100, -100]],
            [[1, 2, 3, 4], [4, 3, 2, 1], [-1, -2, -3, -4]],
            unit,
            1,
            r,
            out_bits=16,
        ),
    ]
    rows = np.array([[1, -2, 3], [-4, 5, -6], [7, -8, 1], [2, 3, -5]])
    rows = np.clip(rows, low, high)
    cases.append(
        build(
            "odd K: rows 2 and 4 start within a byte",
            ("OddK", "NibbleOrder", "SignExtension", "Layout"),
            [[1, 10, 100], [-3, 50, -127]],
            rows,
            unit,
            1,
            r,
            out_bits=16,
        )
    )
    cases.append(build("K = 1", ("OddK",), [[9], [-9], [127]], rows[:3, :1], unit, 1, r, out_bits=16))
    return cases


def seeded(bits: int, r: int, draws: Draws) -> list[Case]:
    """Random codes in shapes that meet loop tails; scales that fill the output range."""
    low, high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    cases = []
    for index, (rows, n, k) in enumerate(
        ((1, 5, 7), (3, 4, 16), (5, 7, 33), (2, 9, 81), (4, 6, 97), (3, 6, 96), (2, 3, 512))
    ):
        out_bits = (8, 16, 32)[index % 3]
        flags = (
            ("Typical", "Layout", "PerRow")
            + (("OddK",) if k % 2 else ())
            + (() if index % 2 else ("NoBias",))
        )
        bias = draws.integers(-5000, 5000, n) if index % 2 else None
        shift = draws.integers(-9, -5, n) + (0, 5, 8)[index % 3]
        a, codes = draws.integers(-128, 127, rows, k), draws.integers(low, high, n, k)
        cases.append(
            build(
                f"seeded, {rows} x {k} by {n}",
                flags,
                a,
                codes,
                draws.integers(2**30, INT32_MAX, n),
                shift,
                r,
                bias,
                out_bits,
            )
        )
    return cases


def wide(bits: int, r: int) -> Case:
    """A long row at full scale: its accumulator needs more than 24 bits."""
    low, k = -(2 ** (bits - 1)), 1536
    return build(
        "K = 1536 at full scale",
        ("Wide", "Int32Limits"),
        np.full((1, k), -128),
        [np.full(k, low), np.full(k, -low - 1)],
        [2**30, 1518500250],
        [-16, -17],
        r,
    )


def refused() -> list[Case]:
    """Requests outside the contract."""
    unit = 2**30
    must = ("MustRefuse",)
    return [
        build("shift 31", must, [[1]], [[1], [1]], unit, [1, 31], 0, refused=True),
        build("shift -32", must, [[1]], [[1], [1]], unit, [-32, 1], 0, refused=True),
        build("multiplier 5", must, [[1]], [[1]], 5, 0, 0, refused=True),
        build("negative multiplier", must, [[1]], [[1]], -unit, 0, 0, refused=True),
        build("output of 5 bits", must, [[1]], [[1]], unit, 0, 0, out_bits=5, refused=True),
        build("rounding 2", must, [[1]], [[1]], unit, 0, 2, refused=True),
        build("K = 0", must, np.zeros((1, 0)), np.zeros((1, 0)), unit, 0, 0, refused=True),
    ]


def suites() -> list[Suite]:
    """linear_s8 and linear_s4."""
    result = []
    for bits in (8, 4):
        name = f"linear_s{bits}"
        draws = Draws(name)
        groups = [
            (rule, (*edges(bits, r), *seeded(bits, r, draws), wide(bits, r))) for r, rule in both_roundings()
        ]
        result.append(Suite(name, (*groups, ("refused", tuple(refused())))))
    return result
