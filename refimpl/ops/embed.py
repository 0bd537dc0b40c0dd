"""Input rows and the carry's reset.  Spec: OP-EMBED, OP-RESET."""

from __future__ import annotations

import numpy as np

from refimpl.fixedpoint import Ints, requantize
from refimpl.models.tree import Embedding
from refimpl.params import Int16s, Int32s, RowTable


def rescaled_rows(table: RowTable, indices: Ints) -> Int32s:
    """Rows of ``table`` in state units: ``requantize(code, multiplier, shift)`` with the row's own."""
    codes, multiplier, shift = table.rows(indices)
    scaled = requantize(codes, multiplier[..., None], shift[..., None], table.rounding)
    return scaled.astype(np.int32)


def embed(tokens: Ints, puzzle_ids: Ints | None, p: Embedding) -> Int32s:
    """(B, seq) token codes -> x (B, T, D) int32 in state units.

    The puzzle row, zero padded to ``prefix`` positions, stands in front; position rows are added to
    all T positions.  The input scale sqrt(D) is part of each row's multiplier.
    """
    tokens = np.asarray(tokens)
    x = rescaled_rows(p.tokens, tokens)
    if p.puzzles is not None:
        ids = np.zeros(len(tokens), np.int64) if puzzle_ids is None else np.asarray(puzzle_ids)
        row = rescaled_rows(p.puzzles, ids)
        prefix = np.zeros((len(tokens), p.prefix * x.shape[-1]), np.int32)
        prefix[:, : row.shape[-1]] = row
        x = np.concatenate([prefix.reshape(len(tokens), p.prefix, -1), x], axis=1)
    if p.positions is not None:
        x = x + rescaled_rows(p.positions, np.arange(x.shape[1]))
    return x


def reset(p: Int16s, batch: int, positions: int) -> Int16s:
    """An init vector (D,) int16 Q5.10, broadcast to (batch, positions, D)."""
    return np.broadcast_to(p, (batch, positions, len(p)))
