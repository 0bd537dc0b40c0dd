"""Static proof that no accumulator of a given integer model can overflow.  Spec: section 5.

Every bound follows from the stored parameters alone (row sums of absolute codes, table maxima, row
lengths after a norm), so it holds for every puzzle and every depth.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isqrt

import numpy as np

from refimpl.block_params import EXPONENT_SPAN, MX_CODE_MAX, TOKEN_CODE_MAX, BlockLinear, Int8Norm, Keep
from refimpl.errors import DoesNotFit
from refimpl.fixedpoint import STATE_FRAC_BITS
from refimpl.models import recursion
from refimpl.models.operators import check_reading
from refimpl.models.tree import Embedding, Leaf, Model
from refimpl.ops.block_linear import weight_values
from refimpl.params import Linear, Norm, RowTable
from refimpl.quantize.scalars import ScalarOps, operators_of

INT32_LIMIT = 2**31
INT64_LIMIT = 2**63
WIDE_LIMIT = 2**47  # OP-BLOCK-LINEAR multiplies its accumulator by 15 bits in 64
ACTIVATION_MAX = 128
PROBABILITY_MAX = 65536
SOFTMAX_TERM_MAX = 2**19  # Q0.31 shifted right by the 12 integer bits of the row sum


@dataclass(frozen=True)
class Bound:
    """``largest`` magnitude that ``what`` can take at ``site``; it must stay below ``limit``."""

    site: str
    what: str
    largest: int
    limit: int


def _row_sums(p: Linear | BlockLinear, activation_max: int) -> list[int]:
    """Largest accumulator magnitude of each row."""
    values = p.codes.astype(np.int64) if isinstance(p, Linear) else weight_values(p)
    rows = [int(r) * activation_max for r in np.abs(values).sum(axis=1)]  # Python integers: no wrap
    if isinstance(p, Linear) and p.bias is not None:
        rows = [r + abs(int(b)) for r, b in zip(rows, p.bias, strict=True)]
    return rows


def accumulator_bound(p: Linear | BlockLinear, in_bits: int = 8) -> int:
    """Largest magnitude before rescaling.

    In OP-LINEAR the left shift of the multiplier is included (it wraps at 32 bits); ``in_bits`` is the
    width of static activation codes.
    """
    if isinstance(p, Linear):
        rows = _row_sums(p, ACTIVATION_MAX)
        return max(r << max(int(s), 0) for r, s in zip(rows, p.shift, strict=True))
    largest = {"static": 1 << in_bits - 1, "token": TOKEN_CODE_MAX, "mx": MX_CODE_MAX << EXPONENT_SPAN}
    return max(_row_sums(p, largest[p.activations]))


def output_bounds(p: Linear | BlockLinear, wide_max: int, in_bits: int = 8) -> list[int]:
    """Largest magnitude of each rescaled int32 output: accumulator times factor, rounded up.

    ``wide_max`` bounds the wide input of a linear that quantizes online: 127 codes of absmax / 127 for
    tokens; at most twice the absmax, or 7, for MX blocks.
    """
    activation_max = 1 << in_bits - 1
    if isinstance(p, BlockLinear) and p.activations == "token":
        activation_max = TOKEN_CODE_MAX * wide_max
    elif isinstance(p, BlockLinear) and p.activations == "mx":
        activation_max = max(2 * wide_max, MX_CODE_MAX)
    added = [0] * len(p.codes)  # the bias of OP-LINEAR is in its accumulator already
    if isinstance(p, BlockLinear) and p.bias is not None:
        added = [abs(int(b)) for b in p.bias]
    scaled = zip(_row_sums(p, activation_max), p.multiplier, p.shift, added, strict=True)
    return [(r * int(m) >> 31 - int(s)) + 2 + b for r, m, s, b in scaled]


def row_bound(table: RowTable | None) -> int:
    """Largest magnitude of a table row in state units."""
    if table is None:
        return 0
    peak = np.abs(table.codes.astype(np.int64)).max(axis=1)
    scaled = zip(peak, table.multiplier, table.shift, strict=True)
    return max((int(c) * int(m) >> 31 - int(s)) + 2 for c, m, s in scaled)


def norm_bound(size: int) -> int:
    """Largest code of a normalised row of ``size`` values: sqrt(size) in state units, rounded up."""
    return isqrt(size << 2 * STATE_FRAC_BITS) + 2


def state_bound(p: Norm | Int8Norm) -> int:
    """Largest magnitude a norm leaves: of an int8 carry, the largest code read back as int16."""
    if isinstance(p, Norm):
        return norm_bound(p.size)
    read = (ACTIVATION_MAX * p.to_state.multiplier >> 31 - p.to_state.shift) + 2
    return int(min(read, 2**15))


@dataclass(frozen=True)
class Range:
    """What the range reading passes for an array: ``peak`` bounds every magnitude.

    ``rows`` bounds each output of a linear, or of a sum with one, on its own: a norm over them needs
    the sum of their squares.  ``bits`` is the width of activation codes, 8 for anything wider.
    """

    peak: int
    rows: tuple[int, ...] = ()
    bits: int = 8


class RangeOps(ScalarOps):
    """Operators that know how large a value can become, note it, and compute nothing."""

    def __init__(self, positions: int, head_dim: int) -> None:
        self.positions, self.head_dim = positions, head_dim
        self.found: dict[tuple[str, str], Bound] = {}

    def note(self, site: str, what: str, largest: int, limit: int = INT32_LIMIT) -> None:
        """Keep the largest bound of one register; calls of one stack under other inputs share it."""
        known = self.found.get((site, what))
        if known is None or known.largest < largest:
            self.found[site, what] = Bound(site, what, largest, limit)

    def embed(self, tokens: object, puzzle_ids: object, p: Embedding) -> Range:
        rows, puzzles, positions = (row_bound(table) for table in (p.tokens, p.puzzles, p.positions))
        return Range(max(rows, puzzles) + positions)

    def reset(self, p: Leaf, batch: int, positions: int) -> Range:
        return Range(int(np.abs(p.astype(np.int64)).max()))

    def add(self, first: Range, *others: Range) -> Range:
        rows = tuple(first.peak + row for other in others for row in other.rows)
        return Range(max(rows) if rows else first.peak + sum(other.peak for other in others), rows)

    def quantize(self, h: Range, p: Leaf) -> Range:
        return Range(h.peak) if isinstance(p, Keep) else Range(1 << p.out_bits - 1, bits=p.out_bits)

    def linear(self, a: Range, p: Linear | BlockLinear) -> Range:
        limit = INT32_LIMIT if isinstance(p, Linear) else WIDE_LIMIT
        self.note(p.name, "accumulator", accumulator_bound(p, a.bits), limit)
        if p.out_bits < 32:
            return Range(ACTIVATION_MAX)
        outputs = output_bounds(p, a.peak, a.bits)
        self.note(p.name, "rescaled output", max(outputs))
        return Range(max(outputs), tuple(outputs))

    def silu(self, a: Range, p: Leaf) -> Range:
        return Range(ACTIVATION_MAX)

    def multiply(self, a: Range, b: Range, p: Leaf) -> Range:
        return self.quantize(Range(a.peak * b.peak), p)

    def rms_norm(self, h: Range, p: Norm | Int8Norm) -> Range:
        self.note(p.name, "residual sum", h.peak)
        norm = p.norm if isinstance(p, Int8Norm) else p
        rows = h.rows or (h.peak,) * norm.size
        self.note(p.name, "sum of squares", sum(row**2 for row in rows) + norm.eps, INT64_LIMIT)
        return Range(state_bound(p))

    rope = ScalarOps.same

    def scores(self, q: Range, k: Range, p: Leaf) -> Range:
        self.note(p.name, "q k^T", self.head_dim * q.peak * k.peak)
        return Range(ACTIVATION_MAX)

    def softmax(self, a: Range, p: Leaf) -> Range:
        self.note(p.name, "sum of exponentials", self.positions * SOFTMAX_TERM_MAX)
        return Range(PROBABILITY_MAX + self.positions)  # of a whole row

    def weighted_values(self, probabilities: Range, v: Range, p: Leaf) -> Range:
        mixed = probabilities.peak * v.peak
        self.note(p.name.replace("o.input", "values"), "weighted values", mixed)
        return self.quantize(Range(mixed), p)

    def split(self, a: Range) -> tuple[Range, Range]:
        return a, a

    def split_heads(self, qkv: Range, heads: int) -> tuple[Range, Range, Range]:
        return qkv, qkv, qkv


check_reading(__name__, operators_of(RangeOps))


def bounds(model: Model) -> tuple[Bound, ...]:
    """Every register bound of an integer ``model``: the model text, read for ranges.

    A state is its init vector or what the last norm of its stack leaves, whatever went in: one step from the
    larger of the two meets every value of every run.
    """
    config, shallow = model.config, model.with_depth(1, 1)
    ops = RangeOps(config.positions, config.head_dim)
    ends = ((model.H_level, model.H_init), (model.L_level, model.L_init))
    z_H, z_L = (
        Range(max(state_bound(level[-1].channel.norm), ops.reset(init, 1, 1).peak)) for level, init in ends
    )
    x = ops.embed(None, None, model.embedding)
    carry, into_H = recursion.Carry(z_H, z_L), ops.add(z_H, z_L).peak
    ops.note("L", "injection sum", ops.add(z_L, z_H, x).peak)
    recursion.act_step(ops, shallow, carry, x, 0, lambda *_: ops.note("H", "injection sum", into_H))
    recursion.read_out(ops, shallow, carry)
    return tuple(ops.found.values())


def prove(model: Model) -> tuple[Bound, ...]:
    """Return :func:`bounds`, or refuse the model with the first bound it breaks."""
    proved = bounds(model)
    for bound in proved:
        if bound.largest >= bound.limit:
            raise DoesNotFit(
                f"{bound.site}: {bound.what} can reach {bound.largest:,}, "
                f"{bound.largest - bound.limit + 1:,} too many for its register; "
                "use a finer weight scale or a smaller inner dimension."
            )
    return proved
