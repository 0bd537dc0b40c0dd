"""What an image stores of a weight format: integer codes, integer zero points, integer block scales."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from refimpl import float_params
from refimpl.block_params import EXPONENT_SPAN, BlockLinear, Online, Uint8s
from refimpl.errors import InputError
from refimpl.params import Int8s
from refimpl.quantize.rescales import multipliers_and_shifts
from refimpl.quantize.weights import (
    SCALE_FLOOR,
    Float64s,
    WeightFormat,
    blocks_of,
    mx_exponents,
    quantize_weights,
    spread,
)

GROUP_SCALE_MAX = 255
WIDE_SHIFT_MAX = 14


@dataclass(frozen=True)
class StoredWeights:
    """Codes with integer zero points and block scales (see BlockLinear), and the real scale of each row."""

    codes: Int8s
    row_scale: Float64s
    zero_point: Int8s | None = None
    block_scale: Uint8s | None = None
    block: int = 0
    power_of_two: bool = False


def _int8_zero_points(zero_point: npt.NDArray[np.int64], where: str) -> Int8s:
    outside = np.flatnonzero((zero_point < -128) | (zero_point > 127))
    if len(outside):
        row = int(outside[0])
        raise InputError(
            f"{where}: row {row} has zero point {zero_point[row]}, outside int8 "
            f"({len(outside)} such rows); emulate it (carry float) or use a symmetric format."
        )
    return zero_point.astype(np.int8)


def _groups(w: Float64s, fmt: WeightFormat) -> StoredWeights:
    """Group scales as one byte, 1..255, times a real row scale; codes fit the stored scale, never clip."""
    wanted = np.abs(blocks_of(w, fmt.block)).max(axis=2) / fmt.qmax
    row_scale = np.maximum(wanted.max(axis=1) / GROUP_SCALE_MAX, SCALE_FLOOR)
    stored = np.clip(np.ceil(wanted / row_scale[:, None]), 1, GROUP_SCALE_MAX)
    step = spread(stored * row_scale[:, None], fmt.block, w.shape[1])
    codes = np.clip(np.rint(w / step), -fmt.qmax, fmt.qmax)
    return StoredWeights(codes.astype(np.int8), row_scale, None, stored.astype(np.uint8), fmt.block)


def _mx(w: Float64s, fmt: WeightFormat) -> StoredWeights:
    """Exponents above the row's smallest, the span clamped; zero blocks take the smallest."""
    absmax = np.abs(blocks_of(w, fmt.block)).max(axis=2)
    exponent = mx_exponents(absmax)
    used = absmax > 0
    lowest = np.where(used, exponent, np.iinfo(np.int64).max).min(axis=1, keepdims=True)
    lowest = np.where(used.any(axis=1, keepdims=True), lowest, 0)
    exponent = np.where(used, exponent, lowest)
    exponent = np.maximum(exponent, exponent.max(axis=1, keepdims=True) - EXPONENT_SPAN)
    smallest = exponent.min(axis=1)
    codes = np.clip(np.rint(w / spread(np.ldexp(1.0, exponent), fmt.block, w.shape[1])), -fmt.qmax, fmt.qmax)
    above = (exponent - smallest[:, None]).astype(np.uint8)
    return StoredWeights(codes.astype(np.int8), np.ldexp(1.0, smallest), None, above, fmt.block, True)


def stored_weights(weight: npt.NDArray[np.floating], fmt: WeightFormat, where: str) -> StoredWeights:
    """Integer form of ``weight`` (N, K) in ``fmt``; InputError where a zero point leaves int8."""
    quantized = quantize_weights(weight, fmt)  # refuses what is not finite
    w = np.asarray(weight, np.float64)
    if fmt.granularity == "group":
        return _groups(w, fmt)
    if fmt.granularity == "mx":
        return _mx(w, fmt)
    if quantized.zero_point is None:
        return StoredWeights(quantized.codes, quantized.scale)
    # The script's grid is 0..15: eight less on codes and zero points alike gives signed nibbles.
    offset = 8 if fmt.granularity == "asymmetric" else 0
    zero_point = _int8_zero_points(quantized.zero_point - offset, where)
    return StoredWeights(quantized.codes - np.int8(offset), quantized.scale, zero_point)


def block_linear(
    p: float_params.Linear,
    fmt: WeightFormat,
    online: Online,
    in_unit: float,
    out_scale: Float64s,
    out_bits: int,
) -> BlockLinear:
    """Lower one linear; ``in_unit`` is the real value of one activation code."""
    stored = stored_weights(p.weight, fmt, p.name)
    multiplier, shift = multipliers_and_shifts(stored.row_scale * in_unit / out_scale, p.name)
    dead = ~stored.codes.any(axis=1) & (stored.zero_point is None)
    multiplier[dead], shift[dead] = 0, 0
    if shift.max(initial=0) > WIDE_SHIFT_MAX:
        raise InputError(f"{p.name}: an output scale needs shift {shift.max()}, above {WIDE_SHIFT_MAX}.")
    bias = None if p.bias is None else np.rint(p.bias / out_scale).astype(np.int32)
    return BlockLinear(
        p.name, 8 if fmt.bits > 4 else 4, stored.codes, stored.zero_point, stored.block, stored.block_scale,
        stored.power_of_two, bias, multiplier, shift, out_bits, online,
    )  # fmt: skip
