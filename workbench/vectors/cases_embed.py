"""Cases of the embedding."""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.vectors.cases import Case, Inputs, Suite, both_roundings
from workbench.vectors.cases_fixedpoint import INT32_MAX, i32
from workbench.vectors.draws import Draws
from workbench.vectors.tensors import Array


def table(draws: Draws, name: str, rows: int, d: int) -> dict[str, Array]:
    """A seeded row table; its last row is all zero with multiplier 0 where there are several."""
    codes = draws.integers(-128, 127, rows, d)
    multiplier, shift = draws.integers(2**30, INT32_MAX, rows), draws.integers(-1, 6, rows)
    if rows > 2:
        codes[-1], multiplier[-1], shift[-1] = 0, 0, 0
    return {
        f"{name}_codes": codes.astype(np.int8),
        f"{name}_multiplier": i32(multiplier),
        f"{name}_shift": i32(shift),
    }


def no_table(name: str) -> dict[str, None]:
    """An absent table."""
    return {f"{name}_{part}": None for part in ("codes", "multiplier", "shift")}


def build(
    comment: str,
    flags: tuple[str, ...],
    draws: Draws,
    tokens: Any,
    rounding: int,
    d: int = 6,
    prefix: int = 0,
    positions: bool = False,
    vocab: int = 5,
    puzzles: int = 1,
    puzzle_id: int = 0,
    refused: bool = False,
) -> Case:
    """Seeded tables of the wanted shapes around ``tokens``."""
    inputs: Inputs = {"tokens": i32(tokens), **table(draws, "token", vocab, d)}
    inputs.update(table(draws, "position", prefix + len(tokens), d) if positions else no_table("position"))
    inputs.update(table(draws, "puzzle", puzzles, d) if prefix else no_table("puzzle"))
    params = {
        "seq": len(tokens),
        "d": d,
        "prefix": prefix,
        "vocab": vocab,
        "puzzles": puzzles,
        "puzzle_id": puzzle_id,
        "rounding": rounding,
    }
    return Case(comment, flags, inputs, params, refused)


def suites() -> list[Suite]:
    """One suite."""
    draws = Draws("embed")
    groups = []
    for r, rule in both_roundings():
        groups.append(
            (
                rule,
                (
                    build(
                        "first and last row",
                        ("TableIndex", "ZeroMultiplier", "PerRow"),
                        draws,
                        [0, 4, 3, 0],
                        r,
                    ),
                    build("a prefix of one position", ("Prefix",), draws, [1, 2], r, prefix=1),
                    build(
                        "a prefix of three positions: the row is zero padded",
                        ("Prefix",),
                        draws,
                        [1, 2],
                        r,
                        prefix=3,
                        puzzles=4,
                        puzzle_id=2,
                    ),
                    build("positions are added", ("Prefix", "PerRow"), draws, [2, 0, 1], r, positions=True),
                    build(
                        "prefix and positions",
                        ("Prefix", "Layout"),
                        draws,
                        [3, 3, 0],
                        r,
                        prefix=2,
                        positions=True,
                        puzzles=2,
                        puzzle_id=1,
                    ),
                    build(
                        "seeded",
                        ("Typical", "DoubleVersusSingle"),
                        draws,
                        draws.integers(0, 10, 30),
                        r,
                        d=16,
                        vocab=11,
                        positions=True,
                    ),
                ),
            )
        )
    must = ("MustRefuse",)
    refused = (
        build("token 5 of 5", must, draws, [0, 5], 0, refused=True),
        build("token -1", must, draws, [-1, 0], 0, refused=True),
        build("puzzle row 2 of 2", must, draws, [0], 0, prefix=1, puzzles=2, puzzle_id=2, refused=True),
        build("puzzle row -1", must, draws, [0], 0, prefix=1, puzzles=2, puzzle_id=-1, refused=True),
    )
    return [Suite("embed", (*groups, ("refused", refused)))]
