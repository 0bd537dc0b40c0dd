"""Seeded integer leaves for the operator tests, with factors that neither vanish nor always saturate."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np

from refimpl.fixedpoint import ROUNDINGS, Rounding
from refimpl.params import Linear, Rescale

INT32_MIN, INT32_MAX = -(2**31), 2**31 - 1
MULTIPLIERS = (0, 2**30, 2**30 + 1, 1518500250, 2**31 - 1)
WIDE_EDGES = (
    INT32_MIN, INT32_MIN + 1, -(2**30) - 1, -(2**30), -65, -63, -2, -1, 0, 1, 2, 63, 65, 2**30 - 1, 2**30,
    INT32_MAX - 1, INT32_MAX,
)  # fmt: skip


def rescales(shifts: tuple[int, ...], out_bits: int = 8, offset: int = 0) -> Iterator[Rescale]:
    """Every edge multiplier with every given shift under both rounding rules."""
    for multiplier, shift, rounding in product(MULTIPLIERS, shifts, ROUNDINGS):
        yield Rescale(f"{multiplier} {shift} {rounding}", multiplier, shift, rounding, out_bits, offset)


def rule(p: Rescale) -> tuple[int, int, str, int, int]:
    """The arguments the oracle's ``rescale`` takes."""
    return p.multiplier, p.shift, p.rounding, p.out_bits, p.output_offset


def seeded_linear(
    rng: np.random.Generator,
    rows: int,
    inner: int,
    rounding: Rounding,
    *,
    bits: int = 8,
    out_bits: int = 8,
    bias: bool = False,
    offset: int = 0,
) -> Linear:
    """Uniform codes over the whole range; typical accumulators land inside the output range."""
    top = 2 ** (bits - 1)
    typical = 74 * top * 0.6 * np.sqrt(inner)  # rms of int8 times rms of a code times sqrt(K)
    spread = min(2 ** (out_bits - 1), 2**24) / 2
    centre = int(np.ceil(np.log2(spread / typical)))
    return Linear(
        name=f"{rows}x{inner}",
        weight_bits=bits,
        codes=rng.integers(-top, top, (rows, inner)).astype(np.int8),
        bias=rng.integers(-int(typical) - 1, int(typical) + 2, rows).astype(np.int32) if bias else None,
        multiplier=rng.integers(2**30, 2**31, rows).astype(np.int32),
        shift=np.clip(rng.integers(centre - 2, centre + 2, rows), -31, 30).astype(np.int32),
        rounding=rounding,
        out_bits=out_bits,
        output_offset=offset,
    )


def int8s(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Uniform over all 256 values."""
    return rng.integers(-128, 128, shape).astype(np.int8)
