"""Lower a float tree to an integer tree: one weight format, one calibration, one rounding rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from refimpl import float_params
from refimpl.angles import angle_tables, rope_of
from refimpl.block_params import TOKEN_CODE_MAX, BlockLinear, Int8Norm, Keep, Online
from refimpl.errors import InputError
from refimpl.fixedpoint import LOGIT_FRAC_BITS, STATE_FRAC_BITS
from refimpl.formats import Format, QuantizedWeights, WeightFormat, as_format, parse_weights
from refimpl.models import recursion
from refimpl.models.operators import check_reading
from refimpl.models.tree import Embedding, Leaf, Model, map_leaves
from refimpl.ops.int8_norm import stored_as_int8
from refimpl.params import Int16s, Linear, Norm, Rescale, RowTable
from refimpl.quantize.bounds import prove
from refimpl.quantize.calibration import Calibration, parts
from refimpl.quantize.rescales import (
    multiplier_and_shift,
    multipliers_and_shifts,
    norm_constants,
    silu_table,
    softmax_constants,
    to_state,
)
from refimpl.quantize.scalars import ScalarOps, operators_of

Float64s = npt.NDArray[np.float64]
QuantizeRule = Callable[[float_params.Linear, WeightFormat], QuantizedWeights]
PROBABILITY_ONE = 65536
WIDE_SHIFT_MAX = 14
STATE_UNIT = 2.0**-STATE_FRAC_BITS
LOGIT_UNIT = 2.0**-LOGIT_FRAC_BITS
IDENTITY = (2**30, 1)  # of requantize in both rounding rules: 2^30 * 2^(1 - 31) = 1


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


@dataclass(frozen=True)
class Lowering:
    """The choices of one lowering, applied to the leaves one at a time."""

    format: Format
    calibration: Calibration
    rule: QuantizeRule | None = None

    def rescale(self, name: str, factor: float, out_bits: int = 8) -> Rescale:
        return Rescale(name, *multiplier_and_shift(factor, name), self.format.rounding, out_bits)

    def input(self, site: str, unit: float) -> Rescale | Keep:
        """Values of real size ``unit`` -> activations of the linear that reads ``site``."""
        if self.format.activations.online != "static":
            return Keep(site)
        return self.rescale(site, unit / self.in_unit(site, unit), self.format.activations.bits_at(site))

    def in_unit(self, site: str, unit: float) -> float:
        """Real value of one activation code of ``site``, given that of the wide value it is made from."""
        if self.format.activations.online == "static":
            return self.calibration.scale(site, self.format.activations.qmax(site))
        return unit / TOKEN_CODE_MAX if self.format.activations.online == "token" else unit

    def linear(
        self, p: float_params.Linear, in_scale: float, out_scale: Float64s | float, out_bits: int
    ) -> Linear | BlockLinear:
        """Codes and row multipliers ``row scale * in_scale / out_scale``.

        A row without a nonzero code has no scale to carry: it gets multiplier 0 and shift 0, or, if it
        has a bias, the identity with the bias in output units.
        """
        weights = self.format.weights_at(p.name)
        out_scales = np.broadcast_to(np.asarray(out_scale, np.float64), (len(p.weight),))
        if not self.format.plain_at(p.name):
            return block_linear(p, weights, self.format.activations.online, in_scale, out_scales, out_bits)
        quantized = weights.quantize(p.weight) if self.rule is None else self.rule(p, weights)
        acc_scale = quantized.scale * in_scale
        multiplier, shift = multipliers_and_shifts(acc_scale / out_scales, p.name)
        bias, bias_scale = None, acc_scale
        dead = ~quantized.codes.any(axis=1)
        multiplier[dead], shift[dead] = 0, 0
        if p.bias is not None:
            bias_scale = np.where(dead, out_scales, acc_scale)
            multiplier[dead & (p.bias != 0)], shift[dead & (p.bias != 0)] = IDENTITY
            bias = np.clip(np.rint(p.bias / bias_scale), -(2**31) + 1, 2**31 - 1).astype(np.int32)
        return Linear(
            p.name, weights.bits, quantized.codes, bias, multiplier, shift, self.format.rounding, out_bits
        )

    def norm(self, p: float_params.Norm) -> Norm | Int8Norm:
        """RMSNorm, stored as int8 under an int8 carry."""
        exact = norm_constants(p.name, p.size, p.eps)
        if self.format.carry == "int16":
            return exact
        scale = self.calibration.scale(p.name)
        return Int8Norm(p.name, exact, self.rescale(f"{p.name}.to_code", STATE_UNIT / scale),
                        self.rescale(f"{p.name}.to_state", scale / STATE_UNIT, 16))  # fmt: skip

    def init(self, values: Float64s, where: str, last: Norm | Int8Norm) -> Int16s:
        """A reset vector in the state format that ``last``, the norm at the end of its stack, stores."""
        state = to_state(values, where)
        return stored_as_int8(state, last) if isinstance(last, Int8Norm) else state

    def table(self, p: float_params.RowTable | None) -> RowTable | None:
        """INT8 rows, one scale a row, whatever the weight format of the linears."""
        if p is None:
            return None
        quantized = parse_weights("w8c").quantize(p.values)
        multiplier, shift = multipliers_and_shifts(quantized.scale / STATE_UNIT, p.name)
        dead = ~quantized.codes.any(axis=1)
        multiplier[dead], shift[dead] = 0, 0
        return RowTable(p.name, quantized.codes, multiplier, shift, self.format.rounding)


class UnitOps(ScalarOps):
    """The unit reading: an array is the real size of one code, and each leaf met is lowered, once.

    A linear whose output has parts (:func:`refimpl.quantize.calibration.parts`) passes one unit for each.
    """

    def __init__(self, low: Lowering, model: Model) -> None:
        self.low, self.config = low, model.config
        self.heads = (model.lm_head.linear, model.q_head.linear)
        self.lowered: dict[int, Leaf] = {}

    def lower(self, p: Leaf, make: Callable[[], Leaf]) -> None:
        if id(p) not in self.lowered:
            self.lowered[id(p)] = make()

    def embed(self, tokens: object, puzzle_ids: object, p: Embedding) -> float:
        for table in (p.tokens, p.positions, p.puzzles):
            self.lower(table, partial(self.low.table, table))
        return STATE_UNIT

    def reset(self, p: Leaf, batch: int, positions: int) -> float:
        return STATE_UNIT

    def add(self, first: float, *others: float) -> float:
        if {first, *others} != {STATE_UNIT}:
            raise ValueError("a sum meets values that are not in state units")
        return STATE_UNIT

    def quantize(self, h: float, p: float_params.Site) -> float:
        self.lower(p, lambda: self.low.input(p.name, h))
        return self.low.in_unit(p.name, h)

    def linear(self, a: float, p: float_params.Linear) -> float | list[float]:
        names = parts(p.name)
        if not names:
            unit = LOGIT_UNIT if p in self.heads else STATE_UNIT
            self.lower(p, lambda: self.low.linear(p, a, unit, 32))
            return unit
        units = [self.low.calibration.scale(f"{p.name}.{part}") for part in names]
        rows = np.repeat(units, len(p.weight) // len(names))
        self.lower(p, lambda: self.low.linear(p, a, rows, 8))
        return units

    def silu(self, a: float, p: float_params.Site) -> float:
        out = self.low.calibration.scale(p.name)
        self.lower(p, lambda: silu_table(p.name, a, out))
        return out

    def multiply(self, a: float, b: float, p: float_params.Site) -> float:
        return self.quantize(a * b, p)

    def rms_norm(self, h: float, p: float_params.Norm) -> float:
        self.lower(p, lambda: self.low.norm(p))
        return STATE_UNIT

    def rope(self, a: float, p: float_params.Rope) -> float:
        angles = float_params.rope_tables(self.config, np.float64)
        tables = angle_tables(angles.cos, angles.sin)
        self.lower(p, lambda: rope_of("rope", *tables, self.config.positions))
        return a

    def scores(self, q: float, k: float, p: float_params.Site) -> float:
        out = self.low.calibration.scale(p.name)
        self.lower(p, lambda: self.low.rescale(p.name, q * k * self.config.head_dim**-0.5 / out))
        return out

    def softmax(self, a: float, p: float_params.Site) -> float:
        self.lower(p, lambda: softmax_constants(p.name, a))
        return 1 / PROBABILITY_ONE

    def weighted_values(self, probabilities: float, v: float, p: float_params.Site) -> float:
        return self.quantize(v * probabilities, p)

    def split(self, a: list[float]) -> tuple[float, float]:
        gate, up = a
        return gate, up

    def split_heads(self, qkv: list[float], heads: int) -> tuple[float, float, float]:
        q, k, v = qkv
        return q, k, v


check_reading(__name__, operators_of(UnitOps))


def lower(
    model: Model, format: Format | str, calibration: Calibration, rule: QuantizeRule | None = None
) -> Model:
    """Return the integer tree of a float ``model``.

    Parameters
    ----------
    format : an integer format or its spelling (``w4c``, ``w4g32-a8d-c8``, ...).
    calibration : activation scales, recorded by a run of the float model.
    rule : how per-row and per-tensor codes are found; default the published absmax, see
        :mod:`workbench.lab.second_order`.

    Raises DoesNotFit for a model with an accumulator that its register cannot be proved to hold.
    """
    chosen = as_format(format)
    chosen.require_integer()
    low = Lowering(chosen, calibration, rule)
    ops, shallow = UnitOps(low, model), model.with_depth(1, 1)
    x = ops.embed(None, None, model.embedding)
    start = recursion.reset(ops, shallow, 1)
    recursion.read_out(ops, shallow, recursion.act_step(ops, shallow, start, x))
    for values, name, level in (
        (model.H_init, "H_init", model.H_level),
        (model.L_init, "L_init", model.L_level),
    ):
        last = ops.lowered[id(level[-1].channel.norm)]
        ops.lower(values, partial(low.init, values, name, last))
    lowered: Model = map_leaves(lambda leaf: ops.lowered[id(leaf)], model)
    prove(lowered)
    return lowered
