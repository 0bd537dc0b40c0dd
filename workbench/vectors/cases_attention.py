"""Cases of RoPE, scores, softmax and weighted values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from workbench.vectors.cases import Case, Inputs, Suite, both_roundings
from workbench.vectors.cases_fixedpoint import INT32_MAX, INT32_MIN, i32
from workbench.vectors.draws import Draws

UNIT = 2**14  # 1 in Q1.14
# cos and sin of k * pi / 8, k = 0..7, in Q1.14.
COS = (16384, 15137, 11585, 6270, 0, -6270, -11585, -15137)
SIN = (0, 6270, 11585, 15137, 16384, 15137, 11585, 6270)


def rope_case(
    comment: str, flags: tuple[str, ...], a: Any, cos: Any, sin: Any, refused: bool = False
) -> Case:
    """``a`` (heads, t, d), tables (t, d / 2)."""
    a, cos, sin = np.asarray(a, np.int8), np.asarray(cos, np.int16), np.asarray(sin, np.int16)
    heads, t, d = a.shape
    return Case(
        comment,
        flags,
        {"a": a, "cos": cos, "sin": sin},
        {"heads": heads, "t": t, "d": d, "half": cos.shape[1]},
        refused,
    )


def rope_suite() -> Suite:
    """Quarter turns show the pairing and the sign; exact halves show the rounding."""
    draws = Draws("rope")
    index = (np.arange(5)[:, None] * np.array([[1, 3, 5, 7]])) % 8
    cos, sin = np.array(COS)[index], np.array(SIN)[index]
    quarter = np.zeros((1, 4)), np.full((1, 4), UNIT)
    ramp = np.arange(1, 9)[None, None]
    every = np.arange(-128, 128).reshape(1, 32, 8)
    half = np.full((1, 4), UNIT // 2)
    cases = [
        rope_case(
            "position 0 turns nothing",
            ("HalfSplit", "Truncation"),
            [[list(range(-4, 4))]],
            [[UNIT] * 4],
            [[0] * 4],
        ),
        rope_case("a quarter turn", ("HalfSplit",), ramp, *quarter),
        rope_case(
            "a quarter turn of -128 saturates",
            ("HalfSplit", "Saturation"),
            np.full((1, 1, 8), -128),
            *quarter,
        ),
        rope_case(
            "cosine 1/2: exact halves go away from zero",
            ("TieAway", "Truncation"),
            [[[1, -1, 3, -3, 5, -5, 7, -7]]],
            half,
            np.zeros((1, 4)),
        ),
        rope_case(
            "an eighth turn saturates both ends",
            ("Saturation",),
            [[[127, -128, 127, -128, 127, -128, -128, 127]]],
            np.full((1, 4), 11585),
            np.full((1, 4), 11585),
        ),
        rope_case("every value", ("Layout",), every, np.resize(cos, (32, 4)), np.resize(sin, (32, 4))),
        rope_case(
            "every position has its own row, shared by all heads",
            ("Layout", "Typical"),
            draws.integers(-128, 127, 3, 5, 8),
            cos,
            sin,
        ),
        rope_case("head size 2", ("HalfSplit",), draws.integers(-128, 127, 2, 5, 2), cos[:, :1], sin[:, :1]),
        rope_case(
            "odd head size",
            ("MustRefuse",),
            np.ones((1, 1, 5)),
            np.ones((1, 2)),
            np.ones((1, 2)),
            refused=True,
        ),
    ]
    return Suite("rope", (("positions", tuple(cases)),))


def product_params(
    shape: tuple[int, ...], multiplier: int, shift: int, r: int, offset: int = 0
) -> dict[str, int]:
    """Parameters of scores and weighted_values; ``shape`` is (heads, t, d)."""
    heads, t, d = shape
    return {
        "heads": heads,
        "t": t,
        "d": d,
        "multiplier": multiplier,
        "shift": shift,
        "rounding": r,
        "output_offset": offset,
    }


def scores_cases(r: int, draws: Draws) -> list[Case]:
    """q k^T."""

    def case(
        comment: str, flags: tuple[str, ...], q: Any, k: Any, multiplier: int, shift: int, offset: int = 0
    ) -> Case:
        q, k = np.asarray(q, np.int8), np.asarray(k, np.int8)
        return Case(comment, flags, {"q": q, "k": k}, product_params(q.shape, multiplier, shift, r, offset))

    ones = np.arange(1, 7).reshape(1, 3, 2)
    single = np.array([1, -1, 3, -3, 5, -5]).reshape(1, 6, 1)
    return [
        case("q and k are not interchangeable", ("Layout",), ones, ones[:, ::-1] * [[[1, -3]]], 2**30, 1),
        case("exact halves", ("TieAway", "Truncation"), single, np.ones((1, 6, 1)), 2**30, -1),
        case(
            "largest products saturate",
            ("Saturation", "Wide"),
            np.full((1, 2, 64), -128),
            np.stack([np.full(64, -128), np.full(64, 127)])[None],
            1518500250,
            -11,
        ),
        case("output offset", ("OutputOffset",), ones, ones, 2**30, 1, -20),
        case(
            "seeded, 3 heads",
            ("Typical", "Layout", "DoubleVersusSingle"),
            draws.integers(-128, 127, 3, 7, 16),
            draws.integers(-128, 127, 3, 7, 16),
            1987654321,
            -10,
        ),
    ]


def values_cases(r: int, draws: Draws) -> list[Case]:
    """Probabilities that sum to one, as a softmax makes them."""

    def case(
        comment: str, flags: tuple[str, ...], p: Any, v: Any, multiplier: int, shift: int, offset: int = 0
    ) -> Case:
        p, v = np.asarray(p) - 32768, np.asarray(v, np.int8)
        inputs: dict[str, Any] = {"probabilities": p.astype(np.int16), "v": v}
        return Case(comment, flags, inputs, product_params(v.shape, multiplier, shift, r, offset))

    one = np.array([[[65535, 0, 0], [0, 65535, 0], [0, 0, 65535]]])
    v = np.array([[[127, -128], [1, -1], [-77, 60]]])
    cuts = np.sort(draws.integers(0, 65536, 2, 7, 6), axis=-1)
    ends = np.concatenate([np.zeros((2, 7, 1), np.int64), cuts, np.full((2, 7, 1), 65536)], axis=-1)
    p = np.clip(np.diff(ends, axis=-1), 0, 65535)
    half = np.array([[[32768, 32768], [49152, 16384]]])
    return [
        case("probability 0 is -32768", ("ProbabilityZeroPoint",), one, v, 2**30, -15),
        case("all weight zero", ("ProbabilityZeroPoint",), np.zeros((1, 3, 3)), v, 2**30, -15),
        case("exact halves", ("TieAway", "Truncation"), half, [[[1, -1, 3, -3], [0, 0, 0, 0]]], 2**30, -15),
        case("a factor above one saturates", ("Saturation",), one, v, 2**30, -13),
        case("output offset", ("OutputOffset",), one, v, 2**30, -15, 11),
        case(
            "two rows at full scale need more than 16 bits",
            ("Wide",),
            half,
            np.full((1, 2, 3), -128),
            2**30,
            -15,
        ),
        case(
            "seeded, 2 heads",
            ("Typical", "Layout", "DoubleVersusSingle"),
            p,
            draws.integers(-128, 127, 2, 7, 5),
            1765432109,
            -15,
        ),
    ]


def softmax_case(
    comment: str,
    flags: tuple[str, ...],
    rows: Any,
    multiplier: int = 2**30,
    shift: int = 23,
    diff_min: int = -124,
    refused: bool = False,
) -> Case:
    """Defaults: score scale 1/16 (factor 2^22 = 2^30 * 2^(23 - 31)), diff_min as TFLite prepares it."""
    a = np.asarray(rows, np.int8)
    params = {
        "rows": a.shape[0],
        "cols": a.shape[1],
        "multiplier": multiplier,
        "shift": shift,
        "diff_min": diff_min,
    }
    return Case(comment, flags, {"a": a}, params, refused)


def softmax_suite() -> Suite:
    """Equal keys, single keys, the cut-off, coarse and fine scales."""
    draws = Draws("softmax")
    cut = np.array([[0, -123, -124, -125, -128], [127, 4, 3, 2, -128], [127, 3, 3, 3, 3]])
    steps = -(2 ** np.arange(8))
    wide = [
        softmax_case(f"{n} equal keys", ("WideSoftmax",), np.full((1, n), 7))
        for n in (511, 512, 513, 916, 1024, 4095)
    ]
    cases = [
        softmax_case("one key", ("SingleKey",), [[0], [-128], [127]]),
        softmax_case(
            "one key outweighs all others", ("SingleKey", "DiffMin"), [[127, -128, -128], [-128, 127, -128]]
        ),
        softmax_case(
            "two, three and four equal keys",
            ("TieAway",),
            [[5, 5, -128, -128], [5, 5, 5, -128], [5, 5, 5, 5]],
        ),
        softmax_case("differences at diff_min", ("DiffMin",), cut),
        softmax_case("diff_min -255: everything counts", ("DiffMin",), cut, 2**30, 21, -255),
        softmax_case("diff_min 0: only the maximum counts", ("DiffMin",), [[3, 2, 3, -7]], INT32_MAX, 31, 0),
        softmax_case("each bit of the exponent", ("ExpBits",), [[0, *steps[:7], -128]], 2**30, 23, -255),
        softmax_case(
            "a coarse scale of 1", ("ExpBits",), [[127, 126, 125, 124, 120, 112, 97, 96, 95]], 2**30, 27, -31
        ),
        softmax_case(
            "a fine scale of 2^-12", ("ExpBits", "Truncation"), [[127, 0, -128, 5, 17]], 2**30, 15, -255
        ),
        softmax_case(
            "every difference",
            ("ExpBits", "NewtonSteps"),
            np.arange(127, -129, -1)[None],
            1717986918,
            22,
            -190,
        ),
        *wide,
        softmax_case(
            "916 keys, two scores", ("WideSoftmax",), np.resize([10, 9], (1, 916)), 1717986918, 24, -50
        ),
        softmax_case("seeded, 81 keys", ("Typical",), draws.integers(-128, 127, 6, 81), 1234567890, 22, -230),
        softmax_case(
            "seeded, 7 keys of coarse scale",
            ("Typical",),
            draws.integers(-40, 40, 20, 7),
            1934567890,
            25,
            -17,
        ),
    ]
    for low in (1, 3):
        totals = [[0] * n + [-128] * (40 - n) for n in range(low, 40, 5)]
        cases.append(softmax_case(f"sums of {low}, {low + 5}, ... equal keys", ("NewtonSteps",), totals))
    must = ("MustRefuse",)
    refused = (
        softmax_case("4,096 keys", must, np.zeros((1, 4096)), refused=True),
        softmax_case("shift 32", must, [[1, 2]], shift=32, refused=True),
        softmax_case("shift -1", must, [[1, 2]], shift=-1, refused=True),
        softmax_case("multiplier 0", must, [[1, 2]], multiplier=0, refused=True),
        softmax_case("positive diff_min", must, [[1, 2]], diff_min=1, refused=True),
        softmax_case("no keys", must, np.zeros((1, 0)), refused=True),
    )
    return Suite("softmax_s8_s16", (("rows", tuple(cases)), ("refused", refused)))


def parts_suites() -> list[Suite]:
    """The two inner functions of the softmax, for a port that wants to know which one differs."""
    draws = Draws("softmax parts")
    bits = [-(2**b) for b in range(20, 31)]
    near = [v + d for v in bits for d in (-1, 1)]
    x = i32([0, -1, -2, INT32_MIN, INT32_MIN + 1, *bits, *near])
    y = i32([0, 1, 2, 2**30, 2**30 - 1, INT32_MAX, INT32_MAX - 1])
    return [
        Suite(
            "exp_on_negative",
            (
                (
                    "elementwise",
                    (
                        Case(
                            "zero, the ends, every bit and its neighbours",
                            ("ExpBits", "Int32Limits"),
                            {"x": x},
                            {"n": len(x)},
                        ),
                        Case(
                            "seeded", ("Typical",), {"x": i32(draws.integers(INT32_MIN, 0, 200))}, {"n": 200}
                        ),
                        Case("positive argument", ("MustRefuse",), {"x": i32([1])}, {"n": 1}, True),
                    ),
                ),
            ),
        ),
        Suite(
            "one_over_one_plus",
            (
                (
                    "elementwise",
                    (
                        Case("ends and middle", ("NewtonSteps", "Saturation"), {"x": y}, {"n": len(y)}),
                        Case(
                            "seeded",
                            ("Typical", "NewtonSteps"),
                            {"x": i32(draws.integers(0, INT32_MAX, 200))},
                            {"n": 200},
                        ),
                        Case("negative argument", ("MustRefuse",), {"x": i32([-1])}, {"n": 1}, True),
                    ),
                ),
            ),
        ),
    ]


def suites() -> list[Suite]:
    """All suites of this module."""
    draws = Draws("attention")
    one8 = np.ones((1, 1, 1), np.int8)
    one_p = np.ones((1, 1, 1), np.int16)
    result = [rope_suite(), softmax_suite(), *parts_suites()]
    products: tuple[tuple[str, Callable[[int, Draws], list[Case]], Inputs], ...] = (
        ("scores", scores_cases, {"q": one8, "k": one8}),
        ("weighted_values", values_cases, {"probabilities": one_p, "v": one8}),
    )
    for name, make, inputs in products:
        groups = [(rule, tuple(make(r, draws))) for r, rule in both_roundings()]
        refused = tuple(
            Case(comment, ("MustRefuse",), dict(inputs), product_params((1, 1, 1), m, s, r), True)
            for comment, m, s, r in (
                ("shift 31", 2**30, 31, 0),
                ("multiplier 7", 7, 0, 0),
                ("rounding 2", 2**30, 0, 2),
            )
        )
        result.append(Suite(name, (*groups, ("refused", refused))))
    return result
