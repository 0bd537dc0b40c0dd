"""Numbers of firmware/src that plans and sizes depend on (tests/test_kernel_numbers.py compares the two)."""

from __future__ import annotations

from dataclasses import dataclass

from refimpl.block_params import Online
from refimpl.formats import Format
from refimpl.models.config import ModelConfig
from refimpl.models.skeleton import skeleton
from refimpl.models.tree import leaves

DOT_ROWS = 96  # rows whose sums are kept at once (RR_DOT_ROWS of rr_dot.h)
ONLINE_ROWS = 4  # the same of a linear that quantizes its rows itself (RR_BLOCK_ROWS of rr_block_rows.h)
MX_ROWS = 2  # with an exponent a block (RR_MX_ROWS of rr_tile_online.c)
QUANTIZED_ROWS = 2  # of the longest rows that such a linear has room for (RR_VALUES of rr_tile_online.c)
PIECE = 512  # inputs that a block linear stages at once (RR_PIECE of rr_block_rows.h)
WIDE_PIECE = 248  # with 16-bit activations, whose products' sum keeps to 32 bits (RR_WIDE_PIECE)
STAGE_END = 32  # inputs of RR_STAGED_ROW (rr_dot.h) beyond those staged at once

SHORTEST = 64  # inputs that any model has room to stage
KEYS_AT_ONCE = 256  # columns of values that are staged in one piece, where no row asks for more room


@dataclass(frozen=True)
class Rooms:
    """What a program has static room for: ``staged``, inputs of a row that are brought into RAM at once;
    ``quantized``, inputs of the longest row that a linear quantizes itself, or 0."""

    staged: int
    quantized: int

    @property
    def columns(self) -> int:
        """Columns of int16 that are staged at once (RR_STAGED_KEYS of rr_dot.h)."""
        return self.staged // 2 // 16 * 16

    def rows_at_once(self, online: Online, inner: int) -> int:
        """Rows of activations that a block linear multiplies in one pass over its weights."""
        if online == "static":
            return DOT_ROWS
        return min(MX_ROWS if online == "mx" else ONLINE_ROWS, QUANTIZED_ROWS * self.quantized // inner)


def rooms_of(config: ModelConfig, *formats: Format) -> Rooms:
    """The rooms of a program in some formats: of rows of weights, or pieces of them where they have blocks or
    the like, and, for attention, of queries, and of two columns of values over all positions, or over
    KEYS_AT_ONCE of them."""
    linears = [spec for spec in leaves(skeleton(config)) if spec.kind == "linear"]
    rows, quantized = [SHORTEST], [0]
    for format in formats:
        for spec in linears:
            inner = spec.shape[1]
            rows.append(inner if format.plain_at(spec.name) else min(PIECE, inner))
            quantized.append(inner * (format.activations.online != "static"))
    if config.token_intermediate_size is None:
        rows += [config.head_dim, 2 * min(KEYS_AT_ONCE, -(-config.positions // 16) * 16)]
    return Rooms(max(rows), max(quantized))
