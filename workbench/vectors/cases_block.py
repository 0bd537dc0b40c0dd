"""Cases of linears over zero points, groups and MX blocks, with static and online activations."""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.vectors.cases import Case, Inputs, Suite
from workbench.vectors.cases_fixedpoint import INT32_MAX, i32
from workbench.vectors.draws import Draws
from workbench.vectors.tensors import Array

UNIT = (2**30, 1)  # multiplier and shift of the identity
STATIC, TOKEN, MX = 0, 1, 2


def build(
    comment: str,
    flags: tuple[str, ...],
    a: Any,
    codes: Any,
    multiplier: Any = UNIT[0],
    shift: Any = UNIT[1],
    zero_point: Any = None,
    scale: Any = None,
    block: int = 0,
    power: int = 0,
    bias: Any = None,
    activations: int = STATIC,
    out_bits: int = 32,
    refused: bool = False,
) -> Case:
    """A block linear from nested lists or arrays."""
    a, codes = i32(np.asarray(a)), np.asarray(codes, np.int8)
    n = len(codes)
    small: dict[str, Array | None] = {
        "zero_point": None if zero_point is None else np.asarray(zero_point, np.int8),
        "block_scale": None if scale is None else np.asarray(scale, np.uint8),
    }
    inputs: Inputs = {
        "a": a,
        "codes": codes,
        **small,
        "bias": None if bias is None else i32(bias),
        "multiplier": i32(np.broadcast_to(multiplier, n)),
        "shift": i32(np.broadcast_to(shift, n)),
    }
    blocks = 1 if scale is None else np.asarray(scale).shape[1]
    params = {
        "rows": len(a),
        "n": n,
        "k": a.shape[1],
        "block": block,
        "blocks": blocks,
        "power_of_two": power,
        "activations": activations,
        "out_bits": out_bits,
    }
    return Case(comment, flags, inputs, params, refused)


def edge_cases(bits: int) -> list[Case]:
    """Small hand-made cases."""
    low, high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    ramp = [[1, 2, 3, 4, 5], [-1, 0, 1, 0, -1], [7, -7, 7, -7, 7]]
    a = [[10, -20, 30, -40, 50]]
    return [
        build("plain codes, exact", ("Layout", "OddK"), a, ramp),
        build("a zero point a row", ("ZeroPoint", "PerRow"), a, ramp, zero_point=[3, -8, 7]),
        build(
            "zero points at the ends",
            ("ZeroPoint", "MinusEight"),
            a,
            [[low] * 5, [high] * 5],
            zero_point=[127, -128],
        ),
        build(
            "group scales, the last group short",
            ("BlockScale", "OddK"),
            a,
            ramp,
            scale=[[1, 255, 3], [2, 1, 200], [9, 8, 7]],
            block=2,
        ),
        build(
            "powers of two",
            ("PowerOfTwo", "BlockScale"),
            a,
            ramp,
            scale=[[0, 15, 3], [2, 0, 1], [0, 0, 0]],
            block=2,
            power=1,
        ),
        build(
            "zero points and groups",
            ("ZeroPoint", "BlockScale"),
            a,
            ramp,
            zero_point=[1, 2, 3],
            scale=[[1, 2], [3, 4], [5, 6]],
            block=4,
        ),
        build(
            "int16 activations",
            ("Wide",),
            [[32767, -32768, 32767, -32768, 1]],
            [[high] * 5, [low] * 5, [1] * 5],
        ),
        build(
            "exactly half way, both signs: up",
            ("TieUp", "Truncation"),
            [[1], [-1], [3], [-3]],
            [[1]],
            2**30,
            0,
        ),
        build(
            "block sums beyond 32 bits",
            ("Wide", "PowerOfTwo"),
            [[32767] * 8, [-32768, 5] * 4],
            [[high] * 8, [low] * 8],
            2**30,
            -14,
            scale=[[15, 14], [0, 15]],
            block=4,
            power=1,
        ),
        build(
            "multiplier rounds to 15 bits, at most 32767",
            ("CutMultiplier",),
            [[30000], [-30000]],
            [[high], [1]],
            [INT32_MAX, 2**30 + 2**15],
            0,
        ),
        build("bias in output units, after rescaling", ("Bias",), a, ramp, 2**30, -3, bias=[1000, -7, 2**30]),
        build(
            "saturation to int8",
            ("Saturation",),
            [[100], [-100]],
            [[high], [low]],
            out_bits=8,
            bias=[50, -50],
        ),
        build("saturation to int16", ("Saturation",), [[32767], [-32768]], [[high], [low]], out_bits=16),
        build("output of 4 bits", ("Saturation",), [[3], [20], [-20]], [[1], [2]], out_bits=4),
        build(
            "a zero row: multiplier 0",
            ("ZeroMultiplier",),
            a,
            [[0] * 5, [1] * 5],
            [0, 2**30],
            [0, 1],
            bias=[5, 6],
        ),
        build(
            "saturation of the accumulator before a left shift",
            ("LeftShift", "Saturation"),
            [[32767, 32767]],
            [[high, high]],
            2**30,
            14,
            scale=[[15, 15]],
            block=1,
            power=1,
        ),
        build(
            "token: two rows of different size",
            ("Online", "PerRow"),
            [[100, -50, 25], [100000, -50000, 25000]],
            [[1, 2, 3], [-3, 2, -1]],
            2**30,
            -5,
            activations=TOKEN,
        ),
        build(
            "token: a zero row",
            ("Online", "ZeroRow"),
            [[0, 0, 0], [1, 0, 0]],
            [[1, 2, 3]],
            2**30,
            1,
            bias=[9],
            activations=TOKEN,
        ),
        build(
            "token: products of multipliers on both sides of 2^61",
            ("Online", "CutMultiplier"),
            [[2**20, 3], [2**21 - 1, 5]],
            [[7, 1], [3, 2]],
            [2**30, INT32_MAX],
            -4,
            activations=TOKEN,
        ),
        build(
            "mx: rows of different exponents",
            ("Online", "PowerOfTwo"),
            [[7, 1, 0], [7000, -900, 30]],
            [[1, 2, 3], [-3, 2, -1]],
            2**30,
            -2,
            activations=MX,
        ),
    ]


def seeded_cases(bits: int, draws: Draws) -> list[Case]:
    """Random codes in the shapes of real formats: asymmetric, groups of 32, MX blocks, each activation."""
    low, high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    cases = []
    for activations in (STATIC, TOKEN, MX):
        for form in ("asymmetric", "groups", "mx"):
            rows, n, k = 2, 3, 81
            limit = 127 if activations == STATIC else 40000
            scale = None
            if form == "groups":
                scale = draws.integers(1, 255, n, 3)
            elif form == "mx":
                scale = draws.integers(0, 15, n, 3)
            flags = (
                "Typical",
                {"asymmetric": "ZeroPoint", "groups": "BlockScale", "mx": "PowerOfTwo"}[form],
                "OddK",
            )
            cases.append(
                build(
                    f"seeded, {form}, activations {activations}",
                    flags + (("Online",) if activations else ()),
                    draws.integers(-limit, limit, rows, k),
                    draws.integers(low, high, n, k),
                    draws.integers(2**30, INT32_MAX, n),
                    draws.integers(-16, -12, n),
                    zero_point=draws.integers(-8, 7, n) if form == "asymmetric" else None,
                    scale=scale,
                    block=0 if scale is None else 32,
                    power=int(form == "mx"),
                    bias=draws.integers(-500, 500, n) if activations else None,
                    activations=activations,
                )
            )
    long = draws.integers(-40000, 40000, 3, 1401)
    cases.append(
        build(
            "long rows, more than fit a workspace of one row",
            ("Online", "Layout", "OddK"),
            long,
            draws.integers(low, high, 2, 1401),
            [2**30, INT32_MAX],
            -15,
            activations=TOKEN,
        )
    )
    return cases


def refused_cases() -> list[Case]:
    """Requests outside the contract."""
    must, a = ("MustRefuse",), [[1, 2]]
    return [
        build("shift 15", must, a, [[1, 1]], shift=15, refused=True),
        build("multiplier 9", must, a, [[1, 1]], multiplier=9, refused=True),
        build("a group of scale 0", must, a, [[1, 1]], scale=[[1, 0]], block=1, refused=True),
        build("an exponent of 16", must, a, [[1, 1]], scale=[[16, 0]], block=1, power=1, refused=True),
        build("too few blocks", must, a, [[1, 1]], scale=[[1]], block=1, refused=True),
        build("activations 3", must, a, [[1, 1]], activations=3, refused=True),
        build("output of 5 bits", must, a, [[1, 1]], out_bits=5, refused=True),
    ]


def suites() -> list[Suite]:
    """All suites of this module."""
    result = []
    for bits in (8, 4):
        name = f"block_linear_s{bits}"
        cases = (*edge_cases(bits), *seeded_cases(bits, Draws(name)))
        result.append(Suite(name, (("blocks", cases), ("refused", tuple(refused_cases())))))
    return result
