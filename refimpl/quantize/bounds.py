"""Static proof that no accumulator of a given integer model can overflow.  Spec: section 5.

Every bound follows from the stored parameters alone (row sums of absolute codes, table maxima, row
lengths after a norm), so it holds for every puzzle and every depth.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isqrt

import numpy as np

from refimpl.errors import DoesNotFit
from refimpl.fixedpoint import STATE_FRAC_BITS
from refimpl.models.tree import Attention, Leaf, Model, SwiGLU
from refimpl.params import Linear, RowTable

INT32_LIMIT = 2**31
INT64_LIMIT = 2**63
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


def accumulator_bound(p: Linear) -> int:
    """Largest magnitude before rescaling, the left shift of the multiplier included."""
    rows = np.abs(p.codes.astype(np.int64)).sum(axis=1) * ACTIVATION_MAX
    if p.bias is not None:
        rows += np.abs(p.bias.astype(np.int64))
    shifted = [int(r) << max(int(s), 0) for r, s in zip(rows, p.shift, strict=True)]
    return max(shifted)


def output_bound(p: Linear) -> int:
    """Largest magnitude of a rescaled int32 output: accumulator times factor, rounded up."""
    rows = np.abs(p.codes.astype(np.int64)).sum(axis=1) * ACTIVATION_MAX
    if p.bias is not None:
        rows += np.abs(p.bias.astype(np.int64))
    scaled = zip(rows, p.multiplier, p.shift, strict=True)
    return max((int(r) * int(m) >> 31 - int(s)) + 2 for r, m, s in scaled)


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


def _init_bound(values: Leaf) -> int:
    return int(np.abs(values.astype(np.int64)).max())


def bounds(model: Model) -> tuple[Bound, ...]:
    """Every accumulator bound of an integer ``model``."""
    config = model.config
    found: list[Bound] = []

    def linear(p: Linear) -> int:
        found.append(Bound(p.name, "accumulator, shifted", accumulator_bound(p), INT32_LIMIT))
        if p.out_bits < 32:
            return ACTIVATION_MAX
        found.append(Bound(p.name, "rescaled output", output_bound(p), INT32_LIMIT))
        return output_bound(p)

    def residual(name: str, size: int, h: int, out: int) -> int:
        found.append(Bound(f"{name}.norm", "residual sum", h + out, INT32_LIMIT))
        found.append(Bound(f"{name}.norm", "sum of squares", size * (h + out) ** 2 + size * 16, INT64_LIMIT))
        return norm_bound(size)

    def sublayer(p: SwiGLU | Attention, h: int) -> int:
        if isinstance(p, SwiGLU):
            linear(p.gate_up)
            return residual(p.norm.name.removesuffix(".norm"), p.norm.size, h, linear(p.down))
        linear(p.qkv)
        site, T = p.scores.name, config.positions
        found.append(Bound(site, "q k^T", config.head_dim * ACTIVATION_MAX**2, INT32_LIMIT))
        found.append(Bound(p.softmax.name, "sum of exponentials", T * SOFTMAX_TERM_MAX, INT32_LIMIT))
        largest = (PROBABILITY_MAX + T) * ACTIVATION_MAX
        found.append(Bound(p.values.name, "weighted values", largest, INT32_LIMIT))
        return residual(p.norm.name.removesuffix(".norm"), p.norm.size, h, linear(p.o))

    x = sum(row_bound(t) for t in (model.embedding.tokens, model.embedding.positions))
    x = max(x, row_bound(model.embedding.puzzles) + row_bound(model.embedding.positions))
    state = max(norm_bound(config.hidden_size), _init_bound(model.H_init), _init_bound(model.L_init))
    levels = [("L", model.L_level, 2 * state + x)]
    levels.append(("H", model.H_level, 2 * state))
    for name, layers, injected in levels:
        h = injected
        found.append(Bound(name, "injection sum", h, INT32_LIMIT))
        if layers is model.L_level and name == "H":
            break  # the shared stack is already covered by its larger injection
        for layer in layers:
            h = sublayer(layer.channel, sublayer(layer.token, h))
    linear(model.lm_head.linear)
    linear(model.q_head.linear)
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
