"""Puzzles for training: a pool per source, drawn with on-line augmentation, and held-out sets.

A draw depends only on the pool and on the state of one ``numpy`` generator, so that state *is* the
data position of a run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from refimpl.errors import InputError, unknown_name
from refimpl.tasks import maze
from refimpl.tasks.sudoku import SudokuBatch, box_shape, to_tokens
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


def unique_mazes(data: Data, count: int, seed: int) -> maze.MazeBatch:
    """Return the first ``count`` generated mazes whose shortest path is the only one.

    The generator marks the first shortest path in a fixed order of directions; in the maze turned by
    180 degrees that is the last one, so the two agree exactly where there is no other.
    """
    drawn = 25 * count + 500
    batch = maze.generate(drawn, data.size, data.minimum_path, seed)
    last = maze.mark_paths(np.ascontiguousarray(batch.questions[:, ::-1]))[:, ::-1]
    only = np.flatnonzero((last == batch.answers).all(1))[:count]
    if len(only) < count:
        raise InputError(
            f"{drawn} mazes held {len(only)} of {count} with one shortest path; ask for shorter."
        )
    return maze.MazeBatch(batch.questions[only], batch.answers[only])


def maze_keys(questions: NDArray[np.uint8]) -> list[bytes]:
    """Return one key per maze, equal exactly for mazes that a turn or reflection maps onto each other."""
    side = maze.size_of(questions)
    grids = questions.reshape(-1, side, side)
    turns = [
        np.rot90(grids if flip else grids.transpose(0, 2, 1), k, (1, 2)) for flip in (0, 1) for k in range(4)
    ]
    return [min(image.tobytes() for image in images) for images in zip(*turns, strict=True)]


def mazes(data: Data) -> Source:
    """Return mazes with a single shortest path, turned and reflected at random."""
    held = unique_mazes(data, data.held_out, data.held_out_seed)
    pool = unique_mazes(data, data.pool, data.seed)
    known = set(maze_keys(held.questions))
    fresh = np.array([key not in known for key in maze_keys(pool.questions)])
    pool = maze.MazeBatch(pool.questions[fresh], pool.answers[fresh])

    def draw(rng: np.random.Generator, count: int, stage: Stage) -> Tokens:
        chosen = rng.integers(0, len(pool.answers), count)
        batch = maze.dihedral(maze.MazeBatch(pool.questions[chosen], pool.answers[chosen]), rng)
        return Tokens(maze.to_tokens(batch.questions), maze.to_tokens(batch.answers))

    name = f"{data.size}x{data.size}, {data.minimum_path} steps or more"
    return Source(draw, {name: Tokens(maze.to_tokens(held.questions), maze.to_tokens(held.answers))})


def final_sets(data: Data, count: int) -> dict[str, Tokens]:
    """Return the held-out sets of a network's card: other puzzles than those its curve watched."""
    return open_source(replace(data, pool=1, held_out=count, held_out_seed=FINAL_SEED)).held_out


def lines_of(data: Data, prefix: int) -> torch.Tensor:
    """Return which row, column or box each position belongs to, (kinds, prefix + cells); the prefix is 0."""
    cell = torch.arange(data.size**2)
    row, column = cell // data.size, cell % data.size
    kinds = {"row": row, "column": column}
    if "box" in data.grouping:
        height, width = box_shape(data.size)
        kinds["box"] = row // height * height + column // width
    chosen = [kinds[kind] if kind in kinds else _no_line(kind, kinds) for kind in data.grouping]
    return torch.stack([torch.cat((torch.zeros(prefix, dtype=torch.long), line)) for line in chosen])


def _no_line(kind: str, kinds: dict[str, torch.Tensor]) -> torch.Tensor:
    raise unknown_name("line in grouping", kind, [*kinds, "box"])


def _tokens(batch: SudokuBatch) -> Tokens:
    return Tokens(to_tokens(batch.questions), to_tokens(batch.answers))


def open_source(data: Data) -> Source:
    """Return the source a recipe names."""
    sources = {"sudoku": sudoku, "maze": mazes}
    if data.source not in sources:
        raise unknown_name("data source", data.source, sources)
    source = sources[data.source](data)
    for name, tokens in source.held_out.items():
        if not len(tokens.inputs):
            raise InputError(f"held-out set {name!r} is empty; raise held_out in [data].")
    return source
