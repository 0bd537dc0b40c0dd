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
from refimpl.models.tree import Attention, Leaf, Model, SwiGLU
from refimpl.ops.block_linear import weight_values
from refimpl.params import Linear, Norm, RowTable

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


def _init_bound(values: Leaf) -> int:
    return int(np.abs(values.astype(np.int64)).max())


def bounds(model: Model) -> tuple[Bound, ...]:
    """Every accumulator bound of an integer ``model``."""
    config = model.config
    found: list[Bound] = []

    def linear(p: Linear | BlockLinear, entry: Leaf, wide_max: int) -> list[int]:
        """Bounds of a linear's outputs, its input coming through ``entry`` from values up to ``wide_max``."""
        in_bits = 8 if isinstance(entry, Keep) else entry.out_bits
        limit = INT32_LIMIT if isinstance(p, Linear) else WIDE_LIMIT
        found.append(Bound(p.name, "accumulator", accumulator_bound(p, in_bits), limit))
        if p.out_bits < 32:
            return [ACTIVATION_MAX] * len(p.codes)
        outputs = output_bounds(p, wide_max, in_bits)
        found.append(Bound(p.name, "rescaled output", max(outputs), INT32_LIMIT))
        return outputs

    def residual(name: str, p: Norm | Int8Norm, h: int, outputs: list[int]) -> int:
        """The norm runs over the outputs of one linear, so each square has a bound of its own."""
        eps = (p.norm if isinstance(p, Int8Norm) else p).eps
        found.append(Bound(f"{name}.norm", "residual sum", h + max(outputs), INT32_LIMIT))
        squares = sum((h + out) ** 2 for out in outputs)
        found.append(Bound(f"{name}.norm", "sum of squares", squares + eps, INT64_LIMIT))
        return state_bound(p)

    def sublayer(p: SwiGLU | Attention, h: int) -> int:
        site = p.norm.name.removesuffix(".norm")
        if isinstance(p, SwiGLU):
            linear(p.gate_up, p.input, h)
            return residual(site, p.norm, h, linear(p.down, p.product, ACTIVATION_MAX**2))
        linear(p.qkv, p.input, h)
        T = config.positions
        found.append(Bound(f"{site}.scores", "q k^T", config.head_dim * ACTIVATION_MAX**2, INT32_LIMIT))
        found.append(Bound(f"{site}.softmax", "sum of exponentials", T * SOFTMAX_TERM_MAX, INT32_LIMIT))
        mixed = (PROBABILITY_MAX + T) * ACTIVATION_MAX
        found.append(Bound(f"{site}.values", "weighted values", mixed, INT32_LIMIT))
        return residual(site, p.norm, h, linear(p.o, p.values, mixed))

    x = sum(row_bound(t) for t in (model.embedding.tokens, model.embedding.positions))
    x = max(x, row_bound(model.embedding.puzzles) + row_bound(model.embedding.positions))
    last = (state_bound(level[-1].channel.norm) for level in (model.L_level, model.H_level))
    state = max(*last, _init_bound(model.H_init), _init_bound(model.L_init))
    levels = [("L", model.L_level, 2 * state + x)]
    levels.append(("H", model.H_level, 2 * state))
    for name, layers, injected in levels:
        h = injected
        found.append(Bound(name, "injection sum", h, INT32_LIMIT))
        if layers is model.L_level and name == "H":
            break  # the shared stack is already covered by its larger injection
        for layer in layers:
            h = sublayer(layer.channel, sublayer(layer.token, h))
    for head in (model.lm_head, model.q_head):
        linear(head.linear, head.input, state)
    return tuple(found)


def prove(model: Model) -> tuple[Bound, ...]:
    """Return :func:`bounds`, or refuse the model with the first bound it breaks."""
    proved = bounds(model)
    for bound in proved:
        if bound.largest >= bound.limit:
            raise DoesNotFit(f"{bound.site}: {bound.what} can reach {bound.largest:,}, "
                             f"{bound.largest - bound.limit + 1:,} too many for its register; "
                             "use a finer weight scale or a smaller inner dimension.")
    return proved
