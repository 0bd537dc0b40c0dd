"""Cases of rescale, quantize, multiply, silu, add and argmax."""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.vectors.cases import Case, Suite, both_roundings
from workbench.vectors.cases_fixedpoint import INT32_MAX, INT32_MIN, differing, i32
from workbench.vectors.draws import Draws
from workbench.vectors.tensors import Array

UNIT = (2**30, 1)


def rescale_params(
    n: int, multiplier: int, shift: int, rounding: int, offset: int = 0, **more: int
) -> dict[str, int]:
    """Parameters of an element-wise rescale."""
    return {
        "n": n,
        "multiplier": multiplier,
        "shift": shift,
        "rounding": rounding,
        "output_offset": offset,
        **more,
    }


def refusals(inputs: dict[str, Any], **more: int) -> list[Case]:
    """The requests every rescaling operator refuses; ``inputs`` hold one element."""
    rows = (
        ("shift 31", 2**30, 31, 0),
        ("shift -32", 2**30, -32, 0),
        ("multiplier 1", 1, 0, 0),
        ("multiplier below 0", -5, 0, 0),
        ("rounding 3", 2**30, 0, 3),
    )
    return [
        Case(comment, ("MustRefuse",), inputs, rescale_params(1, m, s, r, **more), True)
        for comment, m, s, r in rows
    ]


def rescale_cases(r: int, draws: Draws) -> list[Case]:
    """int32 in; all three output widths."""
    cases = []
    for bits in (4, 8, 16, 32):
        top = 2 ** (bits - 1) - 1
        ends = i32(
            np.clip(
                [0, top - 1, top, top + 1, -top, -top - 1, -top - 2, INT32_MAX, INT32_MIN, INT32_MAX - 1],
                INT32_MIN,
                INT32_MAX,
            )
        )
        if bits < 32:
            cases.append(
                Case(
                    f"ends of int{bits}",
                    ("Saturation", "Int32Limits"),
                    {"acc": ends},
                    rescale_params(len(ends), INT32_MAX, 0, r, out_bits=bits),
                )
            )
            near = i32([top - 8, top - 7, top - 6, -top - 9, -top - 8, -top - 7, 0])
            cases.append(
                Case(
                    f"offset 7 at the ends of int{bits}",
                    ("OutputOffset", "Saturation"),
                    {"acc": near},
                    rescale_params(7, *UNIT, r, 7, out_bits=bits),
                )
            )
        else:
            cases.append(
                Case(
                    "the ends of int32 with an offset saturate",
                    ("Saturation", "OutputOffset"),
                    {"acc": ends},
                    rescale_params(len(ends), INT32_MAX, 0, r, 5, out_bits=32),
                )
            )
    acc, multiplier, shift = differing(draws, 12)
    for a, m, s in zip(acc.tolist(), multiplier.tolist(), shift.tolist(), strict=True):
        window = i32(np.arange(a - 3, a + 4))
        cases.append(
            Case(
                f"multiplier {m}, shift {s} around {a}",
                ("DoubleVersusSingle",),
                {"acc": window},
                rescale_params(7, m, s, r, out_bits=16),
            )
        )
    for shift_ in (-31, -30, 30, 29):
        values = i32([1, -1, INT32_MAX, INT32_MIN, 2**30, -(2**30)])
        cases.append(
            Case(
                f"shift {shift_}",
                ("ShiftEnds",),
                {"acc": values},
                rescale_params(6, 1518500250, shift_, r, out_bits=32),
            )
        )
    cases.append(
        Case(
            "multiplier 0 gives the offset",
            ("ZeroMultiplier", "OutputOffset"),
            {"acc": i32([5, -5, INT32_MAX])},
            rescale_params(3, 0, 0, r, -17, out_bits=8),
        )
    )
    spread = i32(draws.integers(-(2**20), 2**20, 200))
    cases.append(
        Case("seeded", ("Typical",), {"acc": spread}, rescale_params(200, 1357913579, -13, r, out_bits=8))
    )
    return cases


def quantize_cases(r: int, bits: int, draws: Draws) -> list[Case]:
    """Carry (int16) or wide sum (int32) to int8."""
    low, high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1

    def states(values: Any) -> Array:
        return i32(values) if bits == 32 else i32(values).astype(np.int16)

    ends = states([low, low + 1, -1, 0, 1, high - 1, high])
    around = states(np.arange(-300, 301, 7))
    ties = states([16, -16, 48, -48, 80, -80, 8, -8, 24, -24])
    return [
        Case(
            "ends of the input",
            ("Saturation", "Int32Limits"),
            {"h": ends},
            rescale_params(7, 1610612736, -4, r),
        ),
        Case(
            "factor 1/32 at exact halves",
            ("TieAway", "Truncation"),
            {"h": ties},
            rescale_params(10, 2**30, -4, r),
        ),
        Case(
            "ramp across saturation",
            ("Saturation", "Truncation"),
            {"h": around},
            rescale_params(len(around), 1518500250, 0, r),
        ),
        Case(
            "a factor above 1", ("LeftShift",), {"h": around}, rescale_params(len(around), 1518500250, 2, r)
        ),
        Case(
            "seeded",
            ("Typical", "DoubleVersusSingle"),
            {"h": states(draws.integers(-9000, 9000, 300))},
            rescale_params(300, 1873649205, -6, r),
        ),
    ]


def multiply_cases(r: int, draws: Draws) -> list[Case]:
    """int8 by int8."""
    ends = np.array([-128, -127, -1, 0, 1, 2, 126, 127])
    a, b = (x.ravel().astype(np.int8) for x in np.meshgrid(ends, ends))
    seeded_a, seeded_b = draws.integers(-128, 127, 2, 300).astype(np.int8)
    ramp = np.arange(-128, 128).astype(np.int8)
    return [
        Case(
            "all pairs of ends",
            ("MinusEight", "Layout"),
            {"a": a, "b": b},
            rescale_params(64, 1082196484, -6, r),
        ),
        Case("saturation at both ends", ("Saturation",), {"a": a, "b": b}, rescale_params(64, 2**30, -4, r)),
        Case(
            "products half way",
            ("TieAway", "Truncation"),
            {"a": ramp, "b": np.ones(256, np.int8)},
            rescale_params(256, 2**30, -1, r),
        ),
        Case(
            "output offset",
            ("OutputOffset", "Saturation"),
            {"a": a, "b": b},
            rescale_params(64, 2**30, -6, r, 100),
        ),
        Case("multiplier 0", ("ZeroMultiplier",), {"a": a, "b": b}, rescale_params(64, 0, 0, r)),
        Case(
            "seeded",
            ("Typical", "DoubleVersusSingle"),
            {"a": seeded_a, "b": seeded_b},
            rescale_params(300, 1593847261, -7, r),
        ),
    ]


def silu_suite() -> Suite:
    """A table without symmetry, so that every wrong index shows."""
    every = np.arange(-128, 128).astype(np.int8)
    table = Draws("silu").integers(-128, 127, 256).astype(np.int8)
    typical = np.maximum(np.arange(-128, 128) * 3 // 4, -9).clip(-128, 127).astype(np.int8)
    cases = (
        Case(
            "both ends and the middle",
            ("TableIndex", "SignExtension"),
            {"a": np.array([-128, 127, 0, -1, 1], np.int8), "table": table},
            {"n": 5},
        ),
        Case("all 256 inputs", ("TableIndex",), {"a": every, "table": table}, {"n": 256}),
        Case(
            "a smooth table, inputs downwards",
            ("Typical",),
            {"a": every[::-1].copy(), "table": typical},
            {"n": 256},
        ),
        Case("nothing to do", ("MustRefuse",), {"a": np.zeros(0, np.int8), "table": table}, {"n": 0}, True),
    )
    return Suite("silu", (("table", cases),))


def add_suites() -> list[Suite]:
    """Sums that leave int16 and touch the ends of int32."""
    draws = Draws("add")
    a32 = i32([INT32_MAX, INT32_MIN, INT32_MAX - 1, -1, 0, 40000, -40000, 65536])
    b32 = i32([0, 0, 1, 1, 0, 40000, -40000, -1])
    a16 = np.array([32767, -32768, 32767, -32768, -1, 1, 0], np.int16)
    b16 = i32([32767, -32768, INT32_MAX - 32767, INT32_MIN + 32768, 1, -1, 0])
    s32, t32 = draws.integers(-(2**30), 2**30, 2, 60)
    s16, t16 = draws.integers(-32768, 32767, 60), draws.integers(-(2**20), 2**20, 60)
    return [
        Suite(
            "add_s32",
            (
                (
                    "elementwise",
                    (
                        Case("sums at the ends of int32", ("Int32Limits",), {"a": a32, "b": b32}, {"n": 8}),
                        Case("seeded", ("Typical", "Wide"), {"a": i32(s32), "b": i32(t32)}, {"n": 60}),
                    ),
                ),
            ),
        ),
        Suite(
            "add_s16",
            (
                (
                    "elementwise",
                    (
                        Case(
                            "sums beyond int16 do not saturate",
                            ("Wide", "Int32Limits"),
                            {"a": a16, "b": b16},
                            {"n": 7},
                        ),
                        Case("seeded", ("Typical",), {"a": s16.astype(np.int16), "b": i32(t16)}, {"n": 60}),
                    ),
                ),
            ),
        ),
    ]


def argmax_suite() -> Suite:
    """Ties, ends and negative rows."""

    def case(comment: str, flags: tuple[str, ...], rows: Any) -> Case:
        logits = i32(rows)
        return Case(comment, flags, {"logits": logits}, {"rows": logits.shape[0], "cols": logits.shape[1]})

    cases = (
        case(
            "ties go to the lowest index",
            ("TieLowest",),
            [[1, 5, 5, 2], [7, 7, 7, 7], [0, 1, 2, 2], [-1, -1, -2, -1]],
        ),
        case(
            "all negative",
            ("Int32Limits",),
            [[-5, -3, -9], [INT32_MIN, INT32_MIN, INT32_MIN + 1], [INT32_MIN] * 3],
        ),
        case(
            "ends of int32: a difference would overflow",
            ("Int32Limits", "Wide"),
            [[INT32_MIN, INT32_MAX], [INT32_MAX, INT32_MIN], [INT32_MIN, 1], [-2, INT32_MAX]],
        ),
        case("one column", ("TableIndex",), [[3], [-3]]),
        case("seeded", ("Typical", "Layout"), Draws("argmax").integers(-50, 50, 20, 11)),
        Case(
            "no columns",
            ("MustRefuse",),
            {"logits": np.zeros((1, 0), np.int32)},
            {"rows": 1, "cols": 0},
            True,
        ),
    )
    return Suite("argmax", (("rows", cases),))


def suites() -> list[Suite]:
    """All suites of this module."""
    draws = Draws("elementwise")
    one32, one16, one8 = i32([1]), np.ones(1, np.int16), np.ones(1, np.int8)
    rescale = [(name, tuple(rescale_cases(r, draws))) for r, name in both_roundings()]
    bits4 = Case(
        "output of 5 bits", ("MustRefuse",), {"acc": one32}, rescale_params(1, *UNIT, 0, out_bits=5), True
    )
    rescale.append(("refused", (*refusals({"acc": one32}, out_bits=8), bits4)))
    result = [Suite("rescale", tuple(rescale))]
    for bits, one in ((16, one16), (32, one32)):
        groups = [(name, tuple(quantize_cases(r, bits, draws))) for r, name in both_roundings()]
        result.append(Suite(f"quantize_s{bits}", (*groups, ("refused", tuple(refusals({"h": one}))))))
    groups = [(name, tuple(multiply_cases(r, draws))) for r, name in both_roundings()]
    result.append(Suite("multiply", (*groups, ("refused", tuple(refusals({"a": one8, "b": one8}))))))
    return [*result, silu_suite(), *add_suites(), argmax_suite()]
