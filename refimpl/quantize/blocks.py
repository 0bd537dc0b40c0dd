"""Lower one linear to OP-BLOCK-LINEAR: integer codes, zero points and block factors."""

from __future__ import annotations

import numpy as np

from refimpl import float_params
from refimpl.block_params import BlockLinear, Online
from refimpl.errors import InputError
from refimpl.formats.weights import Float64s, WeightFormat
from refimpl.quantize.rescales import multipliers_and_shifts

WIDE_SHIFT_MAX = 14


def block_linear(
    p: float_params.Linear,
    fmt: WeightFormat,
    online: Online,
    in_unit: float,
    out_scale: Float64s,
    out_bits: int,
) -> BlockLinear:
    """Lower one linear; ``in_unit`` is the real value of one activation code."""
    stored = fmt.stored(p.weight, p.name)
    multiplier, shift = multipliers_and_shifts(stored.row_scale * in_unit / out_scale, p.name)
    dead = ~stored.codes.any(axis=1) & (stored.zero_point is None)
    multiplier[dead], shift[dead] = 0, 0
    if shift.max(initial=0) > WIDE_SHIFT_MAX:
        raise InputError(f"{p.name}: an output scale needs shift {shift.max()}, above {WIDE_SHIFT_MAX}.")
    bias = None if p.bias is None else np.rint(p.bias / out_scale).astype(np.int32)
    return BlockLinear(
        p.name, fmt.bits, stored.codes, stored.zero_point, fmt.block, stored.block_scale,
        fmt.factors or "scale", bias, multiplier, shift, out_bits, online,
    )  # fmt: skip
