"""Cases of the fixed-point rules and of nibble unpacking."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from refimpl.fixedpoint import high_multiply, requantize, wrap32
from workbench.vectors.cases import Case, Suite, both_roundings
from workbench.vectors.draws import Draws
from workbench.vectors.tensors import Array

INT32_MIN, INT32_MAX = -(2**31), 2**31 - 1
EDGES = (
    0,
    1,
    -1,
    2,
    -2,
    3,
    -3,
    2**30,
    -(2**30),
    2**30 - 1,
    2**30 + 1,
    INT32_MAX,
    INT32_MAX - 1,
    INT32_MIN + 1,
)
MULTIPLIERS = (2**30, 2**30 + 1, 1518500250, 1_700_000_001, INT32_MAX - 1, INT32_MAX)


def i32(values: Sequence[int] | Array) -> Array:
    """int32 array of ``values``, which must fit."""
    wide = np.asarray(values, np.int64)
    narrow = wide.astype(np.int32)
    assert np.array_equal(wide, narrow), "a value does not fit int32"
    return narrow


def pairs(first: Sequence[int], second: Sequence[int]) -> tuple[Array, Array]:
    """All pairs, flat."""
    a, b = np.meshgrid(first, second, indexing="ij")
    return i32(a.ravel()), i32(b.ravel())


def _binary(
    comment: str, flags: tuple[str, ...], a: Array, b: Array, names: tuple[str, str], refused: bool = False
) -> Case:
    return Case(comment, flags, dict(zip(names, (a, b), strict=True)), {"n": len(a)}, refused)


def high_multiply_suite(saturating: bool) -> Suite:
    """Both forms of the high multiply."""
    draws = Draws("high_multiply")
    names = ("a", "b")
    odd = i32([1, -1, 3, -3, 5, -5, 2**30 + 1, -(2**30) - 1, 12345679, -12345679])
    cases = [
        _binary(
            "a odd times 2^30: exactly half way, goes up",
            ("TieUp", "Truncation"),
            odd,
            i32(np.full(len(odd), 2**30)),
            names,
        ),
        _binary("ends of int32", ("Int32Limits", "Wide"), *pairs(EDGES, EDGES), names),
        _binary(
            "one operand INT32_MIN",
            ("Int32Limits",),
            i32([INT32_MIN] * 5),
            i32([0, 1, -1, INT32_MAX, INT32_MIN + 1]),
            names,
        ),
    ]
    limit = i32([INT32_MIN])
    if saturating:
        cases.append(
            _binary(
                "the one product that does not fit", ("Int32MinSquared", "Saturation"), limit, limit, names
            )
        )
    else:
        cases.append(_binary("undefined product", ("MustRefuse",), limit, limit, names, refused=True))
    a, b = draws.integers(INT32_MIN + 1, INT32_MAX, 2, 200)
    cases.append(_binary("seeded", ("Typical",), i32(a), i32(b), names))
    return Suite(
        "saturating_high_multiply" if saturating else "high_multiply", (("elementwise", tuple(cases)),)
    )


def rounding_shift_suite() -> Suite:
    """Ties away from zero at every exponent."""
    draws = Draws("rounding_shift")
    names = ("x", "exponent")
    exponents = np.arange(1, 31)
    half = 2 ** (exponents - 1)
    ties = np.concatenate([half, -half, 3 * half[:-1], -3 * half[:-1]])
    tie_exponents = np.concatenate([exponents, exponents, exponents[:-1], exponents[:-1]])
    near = np.concatenate([half + d for d in (-1, 1)] + [-half + d for d in (-1, 1)])
    spread = i32(draws.integers(INT32_MIN, INT32_MAX, 200))
    cases = (
        _binary(
            "exactly half way, both signs", ("TieAway", "Truncation"), i32(ties), i32(tie_exponents), names
        ),
        _binary("one beside half way", ("Truncation",), i32(near), i32(np.tile(exponents, 4)), names),
        _binary(
            "exponents 0 and 31", ("ShiftEnds", "Int32Limits"), *pairs((*EDGES, INT32_MIN), (0, 31)), names
        ),
        _binary("seeded", ("Typical",), spread, i32(draws.integers(0, 31, 200)), names),
        _binary("exponent -1", ("MustRefuse",), i32([8]), i32([-1]), names, refused=True),
        _binary("exponent 32", ("MustRefuse",), i32([8]), i32([32]), names, refused=True),
    )
    return Suite("rounding_shift", (("elementwise", cases),))


def differing(draws: Draws, count: int) -> tuple[Array, Array, Array]:
    """Seeded (acc, multiplier, shift) on which the two rounding rules differ; the known one first."""
    acc = draws.integers(-4000, 4000, 40 * count)
    multiplier = draws.integers(2**30, INT32_MAX, 40 * count)
    shift = draws.integers(-9, -1, 40 * count)
    chosen = np.flatnonzero(
        requantize(acc, multiplier, shift, "double") != requantize(acc, multiplier, shift, "single")
    )
    chosen = chosen[: count - 1]
    return (i32([-63, *acc[chosen]]), i32([1518500250, *multiplier[chosen]]), i32([-1, *shift[chosen]]))


def second_ties(draws: Draws) -> tuple[Array, Array, Array]:
    """(acc, multiplier, shift) whose high multiply lands exactly half way for the shift, both signs."""
    found: list[tuple[int, int, int]] = []
    for shift in range(-1, -9, -1):
        half = 2 ** (-shift - 1)
        acc = draws.integers(-60000, 60000, 20000)
        multiplier = draws.integers(2**30, INT32_MAX, 20000)
        middle = high_multiply(acc, multiplier)
        hits = np.flatnonzero(((middle & (2 * half - 1)) == half) & (middle < 0))[:4]
        hits = np.concatenate([hits, np.flatnonzero(((middle & (2 * half - 1)) == half) & (middle > 0))[:2]])
        found += [(int(acc[i]), int(multiplier[i]), shift) for i in hits]
    acc3, multiplier3, shift3 = np.array(found).T
    return i32(acc3), i32(multiplier3), i32(shift3)


def requantize_suite() -> Suite:
    """Both rounding rules over the whole range of multipliers and shifts."""
    draws = Draws("requantize")
    diff, ties = differing(draws, 100), second_ties(draws)
    shifts = tuple(range(-31, 31))
    typical_acc, typical_multiplier = (
        draws.integers(-(2**24), 2**24, 400),
        draws.integers(2**30, INT32_MAX, 400),
    )
    typical = i32(typical_acc), i32(typical_multiplier), i32(draws.integers(-14, -4, 400))
    wrap_acc, wrap_shift = pairs(
        (2**30, -(2**30), 2**20 + 12345, -(2**25) - 1, INT32_MAX, INT32_MIN), (1, 2, 7, 12, 30)
    )
    assert (wrap32(wrap_acc.astype(np.int64) << wrap_shift) != wrap_acc.astype(np.int64) << wrap_shift).any()
    grid_acc, grid_shift = pairs(EDGES, shifts)
    grid_multiplier = i32(np.resize(np.array(MULTIPLIERS), len(grid_acc)))
    first_tie = i32([1, -1, 3, -3, 12345, -12345])
    groups = []
    for number, name in both_roundings():
        rows: list[tuple[str, tuple[str, ...], tuple[Array, Array, Array]]] = [
            ("double and single rounding differ", ("DoubleVersusSingle",), diff),
            ("the shift meets an exact half", ("TieAway", "Truncation"), ties),
            (
                "the multiply meets an exact half",
                ("TieUp", "Truncation"),
                (first_tie, i32(np.full(6, 2**30)), i32([0] * 6)),
            ),
            (
                "left shift without overflow",
                ("LeftShift",),
                (*pairs((1, -1, 5, -77, 1000), MULTIPLIERS), i32(np.resize(np.arange(1, 12), 30))),
            ),
            (
                "left shift that wraps in 32 bits",
                ("LeftShift", "Int32Wrap"),
                (wrap_acc, i32(np.resize(np.array(MULTIPLIERS), len(wrap_acc))), wrap_shift),
            ),
            (
                "multiplier 0",
                ("ZeroMultiplier",),
                (i32(EDGES), i32([0] * len(EDGES)), i32([0] * len(EDGES))),
            ),
            ("every shift", ("ShiftEnds", "Int32Limits"), (grid_acc, grid_multiplier, grid_shift)),
            (
                "INT32_MIN",
                ("Int32Limits",),
                (i32([INT32_MIN] * 6), i32(MULTIPLIERS), i32([0, -1, -5, -9, -30, -31])),
            ),
            ("seeded", ("Typical",), typical),
        ]
        cases = [
            Case(
                comment,
                flags,
                dict(zip(("acc", "multiplier", "shift"), arrays, strict=True)),
                {"n": len(arrays[0]), "rounding": number},
            )
            for comment, flags, arrays in rows
        ]
        for comment, multiplier, shift in (
            ("shift 31", 2**30, 31),
            ("shift -32", 2**30, -32),
            ("multiplier below 2^30", 2**30 - 1, 0),
            ("negative multiplier", -(2**30), 0),
        ):
            inputs: dict[str, Array | None] = {
                "acc": i32([1]),
                "multiplier": i32([multiplier]),
                "shift": i32([shift]),
            }
            cases.append(Case(comment, ("MustRefuse",), inputs, {"n": 1, "rounding": number}, True))
        groups.append((name, tuple(cases)))
    odd: dict[str, Array | None] = {"acc": i32([1]), "multiplier": i32([2**30]), "shift": i32([0])}
    groups.append(("neither", (Case("rounding 2", ("MustRefuse",), odd, {"n": 1, "rounding": 2}, True),)))
    return Suite("requantize", tuple(groups))


def unpack_suite() -> Suite:
    """Every nibble, alone and in odd numbers."""
    draws = Draws("unpack_int4")

    def case(comment: str, flags: tuple[str, ...], codes: Sequence[int] | Array) -> Case:
        return Case(comment, flags, {"packed": np.asarray(codes, np.int8)}, {"n": len(codes)})

    every = np.arange(-8, 8)
    cases = (
        case("one byte, two different nibbles", ("NibbleOrder",), [1, 2]),
        case("negative codes", ("SignExtension",), [-1, -2, -7, -8]),
        case("code -8", ("MinusEight", "SignExtension"), [-8]),
        case("an odd count: the last high nibble is padding", ("OddK",), [7, -1, 3]),
        case(
            "all codes upwards and downwards",
            ("NibbleOrder", "SignExtension"),
            np.concatenate([every, every[::-1]]),
        ),
        case("seeded", ("Typical",), draws.integers(-8, 7, 97)),
        Case("no codes", ("MustRefuse",), {"packed": np.zeros(0, np.int8)}, {"n": 0}, True),
    )
    return Suite("unpack_int4", (("elementwise", cases),))


def reciprocal_root_suite() -> Suite:
    """All table entries at both ends, and seeded values."""
    draws = Draws("reciprocal_root")
    lows = np.arange(32, 128, dtype=np.int64) << 24
    cases = (
        Case(
            "both ends of every table interval",
            ("TableIndex", "NewtonSteps"),
            {"m": i32(np.concatenate([lows, lows + 2**24 - 1]))},
            {"n": 192},
        ),
        Case(
            "seeded",
            ("Typical", "NewtonSteps"),
            {"m": i32(draws.integers(2**29, INT32_MAX, 200))},
            {"n": 200},
        ),
        Case("below 2^29", ("MustRefuse",), {"m": i32([2**29 - 1])}, {"n": 1}, True),
    )
    return Suite("reciprocal_root", (("elementwise", cases),))


def suites() -> list[Suite]:
    """All suites of this module."""
    return [
        high_multiply_suite(False),
        high_multiply_suite(True),
        rounding_shift_suite(),
        requantize_suite(),
        unpack_suite(),
        reciprocal_root_suite(),
    ]
