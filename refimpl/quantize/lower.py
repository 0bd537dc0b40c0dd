"""Lower a float tree to an integer tree: one weight format, one calibration, one rounding rule."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from refimpl import float_params
from refimpl.fixedpoint import LOGIT_FRAC_BITS, STATE_FRAC_BITS, Rounding
from refimpl.models.tree import Attention, Block, Embedding, Head, Model, SwiGLU
from refimpl.params import Linear, Rescale, RowTable
from refimpl.quantize.calibrate import Calibration
from refimpl.quantize.rescales import (
    multiplier_and_shift,
    multipliers_and_shifts,
    norm_constants,
    rope_constants,
    silu_table,
    softmax_constants,
    to_state,
)
from refimpl.quantize.weights import WeightFormat, parse_format, quantize_weights

Float64s = npt.NDArray[np.float64]
STATE_UNIT = 2.0**-STATE_FRAC_BITS
LOGIT_UNIT = 2.0**-LOGIT_FRAC_BITS
# Identity of requantize in both rounding rules: 2^30 * 2^(1 - 31) = 1.
IDENTITY = (2**30, 1)


@dataclass(frozen=True)
class Lowering:
    """The choices of one lowering, applied to the leaves one at a time."""

    weights: WeightFormat
    calibration: Calibration
    rounding: Rounding

    def rescale(self, name: str, factor: float) -> Rescale:
        return Rescale(name, *multiplier_and_shift(factor, name), self.rounding)

    def quantizer(self, site: str) -> Rescale:
        """State units -> int8 of ``site``."""
        return self.rescale(site, STATE_UNIT / self.calibration.scale(site))

    def linear(self, p: float_params.Linear, in_scale: float, out_scale: Float64s | float, out_bits: int) -> Linear:
        """Codes and row multipliers ``row scale * in_scale / out_scale``.

        A row without a nonzero code has no scale to carry: it gets multiplier 0 and shift 0, or, if it
        has a bias, the identity with the bias in output units.
        """
        quantized = quantize_weights(p.weight, self.weights)
        out_scales = np.broadcast_to(np.asarray(out_scale, np.float64), quantized.scale.shape)
        acc_scale = quantized.scale * in_scale
        multiplier, shift = multipliers_and_shifts(acc_scale / out_scales, p.name)
        bias = None
        bias_scale = acc_scale
        dead = ~quantized.codes.any(axis=1)
        multiplier[dead], shift[dead] = 0, 0
        if p.bias is not None:
            bias_scale = np.where(dead, out_scales, acc_scale)
            multiplier[dead & (p.bias != 0)], shift[dead & (p.bias != 0)] = IDENTITY
            bias = np.clip(np.rint(p.bias / bias_scale), -(2**31) + 1, 2**31 - 1).astype(np.int32)
        bits = 8 if self.weights.bits > 4 else 4
        return Linear(p.name, bits, quantized.codes, bias, multiplier, shift, self.rounding, out_bits)

    def swiglu(self, p: SwiGLU) -> SwiGLU:
        scale = self.calibration.scale
        gate, up = scale(f"{p.gate_up.name}.gate"), scale(f"{p.gate_up.name}.up")
        half = p.gate_up.weight.shape[0] // 2
        silu, product = scale(p.silu.name), scale(p.product.name)
        return SwiGLU(
            input=self.quantizer(p.input.name),
            gate_up=self.linear(p.gate_up, scale(p.input.name), np.repeat([gate, up], half), 8),
            silu=silu_table(p.silu.name, gate, silu),
            product=self.rescale(p.product.name, silu * up / product),
            down=self.linear(p.down, product, STATE_UNIT, 32),
            norm=norm_constants(p.norm.name, p.norm.size, p.norm.eps),
        )

    def attention(self, p: Attention, rope: object, head_dim: int) -> Attention:
        scale = self.calibration.scale
        q, k, v = (scale(f"{p.qkv.name}.{part}") for part in "qkv")
        third = p.qkv.weight.shape[0] // 3
        score, mixed = scale(p.scores.name), scale(p.values.name)
        return Attention(
            input=self.quantizer(p.input.name),
            qkv=self.linear(p.qkv, scale(p.input.name), np.repeat([q, k, v], third), 8),
            rope=rope,
            scores=self.rescale(p.scores.name, q * k * head_dim**-0.5 / score),
            softmax=softmax_constants(p.softmax.name, score),
            values=self.rescale(p.values.name, v / 65536 / mixed),
            o=self.linear(p.o, mixed, STATE_UNIT, 32),
            norm=norm_constants(p.norm.name, p.norm.size, p.norm.eps),
        )

    def table(self, p: float_params.RowTable | None) -> RowTable | None:
        """INT8 rows, one scale a row, whatever the weight format of the linears."""
        if p is None:
            return None
        quantized = quantize_weights(p.values, parse_format("w8c"))
        multiplier, shift = multipliers_and_shifts(quantized.scale / STATE_UNIT, p.name)
        dead = ~quantized.codes.any(axis=1)
        multiplier[dead], shift[dead] = 0, 0
        return RowTable(p.name, quantized.codes, multiplier, shift, self.rounding)

    def head(self, p: Head) -> Head:
        in_scale = self.calibration.scale(p.input.name)
        return Head(self.quantizer(p.input.name), self.linear(p.linear, in_scale, LOGIT_UNIT, 32))


def lower(model: Model, weights: str, calibration: Calibration, rounding: Rounding = "double") -> Model:
    """Return the integer tree of a float ``model``.

    Parameters
    ----------
    weights : weight format of every linear, heads included (``w8c``, ``w4c``, ``w4t``, ...).
    calibration : activation scales, see :func:`refimpl.quantize.calibrate.calibrate`.
    rounding : requantization rule of every rescale.
    """
    low = Lowering(parse_format(weights), calibration, rounding)
    float_ropes = [b.token.rope for b in model.L_level if isinstance(b.token, Attention) and b.token.rope]
    rope = rope_constants(float_ropes[0].cos, float_ropes[0].sin) if float_ropes else None

    def level(blocks: tuple[Block, ...]) -> tuple[Block, ...]:
        return tuple(
            Block(
                low.attention(b.token, rope, model.config.head_dim)
                if isinstance(b.token, Attention)
                else low.swiglu(b.token),
                low.swiglu(b.channel),
            )
            for b in blocks
        )

    L_level = level(model.L_level)
    embedding = Embedding(
        tokens=low.table(model.embedding.tokens),
        positions=low.table(model.embedding.positions),
        puzzles=low.table(model.embedding.puzzles),
        prefix=model.embedding.prefix,
    )
    return Model(
        config=model.config,
        embedding=embedding,
        H_init=to_state(model.H_init, "H_init"),
        L_init=to_state(model.L_init, "L_init"),
        L_level=L_level,
        H_level=L_level if model.H_level is model.L_level else level(model.H_level),
        lm_head=low.head(model.lm_head),
        q_head=low.head(model.q_head),
    )
