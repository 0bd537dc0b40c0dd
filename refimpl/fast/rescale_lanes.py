"""OP-RESCALE of sixteen columns in the host's vectors: the factors, and intrinsics in LLVM's terms.

Even and odd lanes are multiplied apart, as hosts do: a product fills the 64 bits of its pair of lanes.
Lane 0 is the lower half of pair 0 (little endian).
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from llvmlite import ir
from numba import types

from refimpl.fast.dot_blocks import BYTES, I32, I64, Block, intrinsic
from refimpl.fixedpoint import Rounding
from refimpl.params import Int32s

LANES = 16
# Vectors of int32 factors for sixteen columns.  SHIFT is to the left with double rounding, whose right shift
# is FINE (0 or 1) after COARSE; with single rounding it is 30 - shift.
BIAS, MULTIPLIER, SHIFT, COARSE, FINE, LOW, HIGH, OFFSET, VECTORS = range(9)
Factors: TypeAlias = tuple[Int32s, bool]  # (G, N / LANES, VECTORS, LANES); whether rounding is single
_VECTOR, _WIDE = ir.VectorType(I32, LANES), ir.VectorType(I64, LANES // 2)


def factors_of(bias: Int32s, multiplier: Int32s, shift: Int32s, rounding: Rounding, out_bits: int,
               offset: int) -> Factors:  # fmt: skip
    """For bias (G, N) and multiplier, shift (N,)."""
    single, top = rounding == "single", 2 ** (out_bits - 1)
    rows = np.zeros((len(bias), VECTORS, -(-bias.shape[1] // LANES) * LANES), np.int32)
    # Saturate before the offset: clamp(y) + offset stays inside int32 where y + offset might not.
    rows[:, LOW], rows[:, HIGH] = max(-top - offset, -(2**31)), min(top - 1 - offset, 2**31 - 1)
    used = rows[:, :, : bias.shape[1]]
    used[:, BIAS], used[:, MULTIPLIER], used[:, OFFSET] = bias, multiplier, offset
    used[:, SHIFT] = 30 - shift if single else np.maximum(shift, 0)
    used[:, COARSE], used[:, FINE] = np.maximum(-1 - shift, 0), shift < 0
    return np.ascontiguousarray(rows.reshape(len(bias), VECTORS, -1, LANES).swapaxes(1, 2)), single


def rescale_lanes(single: bool) -> Block:
    """Return the kernel of one rounding: addresses of sums, factors and result, an array of its type."""

    @intrinsic
    def lanes(context: Any, sums: Any, factors: Any, to: Any, like: Any) -> Any:
        bits = like.dtype.bitwidth
        kind = ir.VectorType(ir.IntType(bits), LANES)

        def generate(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
            sums, factors, to = (b.inttoptr(address, BYTES) for address in arguments[:3])

            def load(base: Any, vector: int) -> Any:
                value = b.load(b.bitcast(b.gep(base, [I64(vector * LANES * 4)]), _VECTOR.as_pointer()))
                value.align = 4
                return value

            def every(value: int) -> Any:
                return ir.Constant(_WIDE, [value] * (LANES // 2))

            def halves(x: Any) -> tuple[Any, Any]:
                wide = b.bitcast(x, _WIDE)
                return b.ashr(b.shl(wide, every(32)), every(32)), b.ashr(wide, every(32))

            def within(x: Any, low: Any, high: Any) -> Any:
                x = b.select(b.icmp_signed("<", x, low), low, x)
                return b.select(b.icmp_signed(">", x, high), high, x)

            shift, low, high = (load(factors, vector) for vector in (SHIFT, LOW, HIGH))
            x = b.add(load(sums, 0), load(factors, BIAS))
            x = x if single else b.shl(x, shift)
            both = zip(halves(x), halves(load(factors, MULTIPLIER)), strict=True)
            even, odd = (b.mul(value, multiplier) for value, multiplier in both)
            if single:  # clamped in 64 bits
                pairs = zip((even, odd), halves(shift), halves(low), halves(high), strict=True)
                even, odd = (within(b.ashr(b.add(b.ashr(y, count), every(1)), every(1)), least, most)
                             for y, count, least, most in pairs)  # fmt: skip
                odd = b.shl(odd, every(32))
            else:
                even, odd = (b.add(product, every(1 << 30)) for product in (even, odd))
                even, odd = b.lshr(even, every(31)), b.shl(odd, every(1))
            order = ir.Constant(_VECTOR, [lane + lane % 2 * LANES for lane in range(LANES)])
            y = b.shuffle_vector(b.bitcast(even, _VECTOR), b.bitcast(odd, _VECTOR), order)
            if not single:  # ties away from zero: one less below zero, then halves up
                fine = load(factors, FINE)
                y = b.select(b.icmp_signed("<", y, _VECTOR([0] * LANES)), b.sub(y, fine), y)
                y = b.ashr(b.add(b.ashr(y, load(factors, COARSE)), fine), fine)
                y = within(y, low, high)
            y = b.add(y, load(factors, OFFSET))
            b.store(b.trunc(y, kind) if bits < 32 else y, b.bitcast(to, kind.as_pointer())).align = bits // 8
            return context.get_dummy_value()

        return types.void(types.uint64, types.uint64, types.uint64, like), generate

    return lanes
