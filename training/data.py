"""Puzzles for training: a pool per source, drawn with on-line augmentation, and held-out sets.

A draw depends only on the pool and on the state of one ``numpy`` generator, so that state *is* the
data position of a run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from refimpl.errors import InputError, unknown_name
from refimpl.tasks.sudoku import SudokuBatch, to_tokens
from refimpl.tasks.sudoku_generate import add_givens, generate
from refimpl.tasks.sudoku_symmetry import augment
from training.config import FINAL_SEED, Data, Stage


class Tokens(NamedTuple):
    """Inputs and labels, int32 (count, seq_len); label 0 is not counted."""

    inputs: NDArray[np.int32]
    labels: NDArray[np.int32]


Draw = Callable[[np.random.Generator, int, Stage], Tokens]


class Source(NamedTuple):
    """Training draws, and named held-out sets that share no puzzle with them up to symmetry."""

    draw: Draw
    held_out: dict[str, Tokens]


def sudoku(data: Data) -> Source:
    """Return minimal puzzles under random symmetries, with solution cells added up to the wanted givens."""
    pool = generate(data.pool, 0, data.seed, data.size)

    def draw(rng: np.random.Generator, count: int, stage: Stage) -> Tokens:
        chosen = rng.integers(0, len(pool.answers), count)
        batch = augment(SudokuBatch(pool.questions[chosen], pool.answers[chosen]), rng)
        givens = rng.integers(stage.givens[0], stage.givens[1] + 1, count)
        return _tokens(add_givens(batch, givens, rng))

    held_out = {
        f"{givens} givens": _tokens(generate(data.held_out, givens, data.held_out_seed, data.size))
        for givens in data.held_out_givens
    }
    return Source(draw, held_out)


def final_sets(data: Data, count: int) -> dict[str, Tokens]:
    """Return the held-out sets of a network's card: other puzzles than those its curve watched."""
    return open_source(replace(data, pool=1, held_out=count, held_out_seed=FINAL_SEED)).held_out


def _tokens(batch: SudokuBatch) -> Tokens:
    return Tokens(to_tokens(batch.questions), to_tokens(batch.answers))


def open_source(data: Data) -> Source:
    """Return the source a recipe names."""
    sources = {"sudoku": sudoku}
    if data.source not in sources:
        raise unknown_name("data source", data.source, sources)
    source = sources[data.source](data)
    for name, tokens in source.held_out.items():
        if not len(tokens.inputs):
            raise InputError(f"held-out set {name!r} is empty; raise held_out in [data].")
    return source
