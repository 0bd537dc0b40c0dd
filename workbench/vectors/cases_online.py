"""Cases of the wide requantization, the online quantizers and the int8 carry."""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.vectors.cases import Case, Inputs, Suite, both_roundings
from workbench.vectors.cases_fixedpoint import INT32_MAX, i32
from workbench.vectors.draws import Draws


def wide_suite() -> Suite:
    """The 64-bit requantization."""
    draws = Draws("requantize_wide")

    def case(comment: str, flags: tuple[str, ...], acc: Any, multiplier: Any, shift: Any) -> Case:
        a = np.asarray(acc, np.int64)
        inputs: Inputs = {
            "acc": a,
            "multiplier": np.broadcast_to(np.asarray(multiplier, np.int64), a.shape).copy(),
            "shift": i32(np.broadcast_to(shift, a.shape)),
        }
        return Case(comment, flags, inputs, {"n": len(a)})

    edge = 2**47 - 1
    shifts = np.arange(-60, 33)
    cases = (
        case("exactly half way, both signs: up", ("TieUp", "Truncation"), [1, -1, 3, -3, 5, -5], 2**30, 0),
        case(
            "multipliers that round to 15 bits",
            ("CutMultiplier",),
            [1000003, -1000003] * 4,
            [2**30 + 2**15 - 1] * 2 + [2**30 + 2**15] * 2 + [2**31 - 1] * 2 + [2**31] * 2,
            1,
        ),
        case(
            "accumulators of 47 bits",
            ("Wide",),
            [edge, -edge, edge, -edge],
            [2**30, 2**30, 2**31 - 1, 2**31 - 1],
            [-20, -20, -16, -16],
        ),
        case(
            "every shift",
            ("ShiftEnds", "LeftShift"),
            np.resize([77777, -123456789, 2**40 + 12345], len(shifts)),
            1518500250,
            shifts,
        ),
        case(
            "left shifts saturate the accumulator to int32 first",
            ("Saturation", "LeftShift"),
            [2**31, -(2**31) - 1, 2**35, 5],
            2**30,
            [15, 15, 16, 29],
        ),
        case("multiplier 0", ("ZeroMultiplier",), [edge, -edge, 1], 0, [0, -31, 14]),
        case(
            "seeded",
            ("Typical",),
            draws.integers(-(2**40), 2**40, 100),
            draws.integers(2**30, 2**31 - 1, 100),
            draws.integers(-31, -10, 100),
        ),
    )
    one: Inputs = {"acc": np.ones(1, np.int64), "multiplier": np.full(1, 7), "shift": i32([0])}
    refused = Case("multiplier 7", ("MustRefuse",), one, {"n": 1}, True)
    return Suite("requantize_wide", (("elementwise", (*cases, refused)),))


def row_case(comment: str, flags: tuple[str, ...], rows: Any, refused: bool = False) -> Case:
    """Rows of int32 values."""
    values = i32(np.asarray(rows))
    return Case(comment, flags, {"values": values}, {"rows": values.shape[0], "k": values.shape[1]}, refused)


def token_suites() -> list[Suite]:
    """int8 codes of a row by its absmax."""
    draws = Draws("token")
    powers = [[2**p, -(2**p), 2**p - 1, 1] for p in range(0, 31)]
    cases = (
        row_case(
            "zero rows and rows of one value", ("ZeroRow",), [[0, 0, 0], [0, 5, 0], [-5, 0, 0], [1, -1, 0]]
        ),
        row_case("exactly half way: up", ("TieUp", "Truncation"), [[254, 1, -1, 3, -3], [508, 2, -2, 6, -6]]),
        row_case("absmax of every bit length", ("TableIndex", "Int32Limits"), powers),
        row_case(
            "the ends of int32", ("Int32Limits", "Wide"), [[INT32_MAX, -INT32_MAX, 12345], [INT32_MAX, 1, -1]]
        ),
        row_case(
            "each row has its own scale", ("PerRow", "Layout"), [[1, 2, 3, 4], [1000, 2000, 3000, -4000]]
        ),
        row_case("seeded", ("Typical", "Layout"), draws.integers(-30000, 30000, 5, 33)),
        row_case("no values", ("MustRefuse",), np.zeros((1, 0)), refused=True),
    )
    return [Suite(name, (("rows", cases),)) for name in ("token_codes", "token_scale")]


def mx_suites() -> list[Suite]:
    """Blocks of 32 with a power-of-two scale."""
    draws = Draws("mx")
    edges = np.zeros((12, 32), np.int64)
    edges[:, 3] = [7, 8, 14, 15, 28, 29, 56, 57, 7 << 10, (7 << 10) + 1, -8, -7]
    edges[:, 4] = 1
    spread = np.zeros((2, 96), np.int64)
    spread[0, [0, 40, 70]] = [7 << 20, 7 << 4, -(7 << 5)]
    spread[1, [0, 40, 70]] = [3, 7 << 15, 1 << 16]
    ties = np.concatenate([[28], np.arange(-27, 28, 2), [0, 0, 0]])[None]
    cases = (
        row_case(
            "a zero row, a zero block",
            ("ZeroRow",),
            np.concatenate([np.zeros((2, 32)), [[0] * 32, [9] * 32]], 1),
        ),
        row_case("absmax at 7 * 2^e and next to it", ("ExponentEdge",), edges),
        row_case("exactly half way: away from zero", ("TieAway", "Truncation"), ties),
        row_case("exponents further apart than 15 are raised", ("ExponentSpan",), spread),
        row_case(
            "the last block is short",
            ("BlockScale", "OddK"),
            draws.integers(-500, 500, 3, 41) * [[1], [20], [300]],
        ),
        row_case(
            "seeded",
            ("Typical", "Layout"),
            draws.integers(-(2**20), 2**20, 4, 96) >> draws.integers(0, 14, 1, 96),
        ),
        row_case("no values", ("MustRefuse",), np.zeros((1, 0)), refused=True),
    )
    return [Suite(name, (("rows", cases),)) for name in ("mx_codes", "mx_exponent")]


def carry_suite() -> Suite:
    """States through an int8 code and back."""
    draws = Draws("int8_carry")
    groups = []

    def case(
        comment: str,
        flags: tuple[str, ...],
        values: Any,
        code: tuple[int, int],
        state: tuple[int, int],
        rounding: int,
        refused: bool = False,
    ) -> Case:
        h = i32(values).astype(np.int16)
        params = {
            "n": len(h),
            "code_multiplier": code[0],
            "code_shift": code[1],
            "state_multiplier": state[0],
            "state_shift": state[1],
            "rounding": rounding,
        }
        return Case(comment, flags, {"h": h}, params, refused)

    eighth, eight = (2**30, -2), (2**30, 4)
    for number, rule in both_roundings():
        groups.append(
            (
                rule,
                (
                    case(
                        "exact halves of a code",
                        ("TieAway", "Truncation"),
                        [4, -4, 12, -12, 20, -20, 3, -3],
                        eighth,
                        eight,
                        number,
                    ),
                    case(
                        "the code saturates",
                        ("Saturation",),
                        [32767, -32768, 1020, 1016, -1024, -1032],
                        eighth,
                        eight,
                        number,
                    ),
                    case(
                        "the state saturates",
                        ("Saturation", "LeftShift"),
                        [127, -128, 100, -100],
                        (2**30, 1),
                        (1518500250, 10),
                        number,
                    ),
                    case(
                        "seeded",
                        ("Typical", "DoubleVersusSingle"),
                        draws.integers(-24000, 24000, 300),
                        (1357986420, -7),
                        (1698754321, 8),
                        number,
                    ),
                ),
            )
        )
    refused = (
        case("shift 31 of the state", ("MustRefuse",), [1], eighth, (2**30, 31), 0, True),
        case("multiplier 3 of the code", ("MustRefuse",), [1], (3, 0), eight, 0, True),
    )
    return Suite("int8_carry", (*groups, ("refused", refused)))


def suites() -> list[Suite]:
    """All suites of this module."""
    return [wide_suite(), *token_suites(), *mx_suites(), carry_suite()]
