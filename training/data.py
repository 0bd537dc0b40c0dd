"""Puzzles for training: a pool per source, drawn with on-line augmentation, and held-out sets.

A draw depends only on the pool and on the state of one ``numpy`` generator, so that state *is* the
data position of a run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from refimpl.errors import InputError, unknown_name
from refimpl.tasks import maze
from refimpl.tasks.arc import COLOURS, ArcPair, encode_pairs, read_arc_json
from refimpl.tasks.readers import read_maze_csv, read_sudoku_csv
from refimpl.tasks.sudoku import SudokuBatch, box_shape, to_tokens
from refimpl.tasks.sudoku_generate import add_givens, generate
from refimpl.tasks.sudoku_symmetry import augment, orbit_keys
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
        return Tokens(*map(to_tokens, add_givens(batch, givens, rng)))

    sets = {f"{givens} givens": generate(data.held_out, givens, data.held_out_seed, data.size)
            for givens in data.held_out_givens}
    return Source(draw, {name: Tokens(*map(to_tokens, batch)) for name, batch in sets.items()})


def sudoku_file(data: Data) -> Source:
    """Return puzzles of a Sudoku-Extreme file under random symmetries; its last ones are held out."""
    batch = read_sudoku_csv(Path(data.path), data.size)
    keys = orbit_keys(batch)
    held = set(keys[-data.held_out:])
    pool = np.flatnonzero([key not in held for key in keys])[: data.pool]

    def draw(rng: np.random.Generator, count: int, stage: Stage) -> Tokens:
        chosen = rng.choice(pool, count)
        drawn = augment(SudokuBatch(batch.questions[chosen], batch.answers[chosen]), rng)
        return Tokens(*map(to_tokens, drawn))

    last = Tokens(*(to_tokens(part[-data.held_out:]) for part in batch))
    return Source(draw, {f"last {data.held_out} of {Path(data.path).name}": last})


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
        raise InputError(f"{drawn} mazes held {len(only)} with one shortest path, not {count}; ask for less.")
    return maze.MazeBatch(batch.questions[only], batch.answers[only])


def maze_keys(questions: NDArray[np.uint8]) -> list[bytes]:
    """Return one key per maze, equal exactly for mazes that a turn or reflection maps onto each other."""
    side = maze.size_of(questions)
    grids = questions.reshape(-1, side, side)
    turns = [np.rot90(side_up, k, (1, 2)) for side_up in (grids, grids.transpose(0, 2, 1)) for k in range(4)]
    return [min(image.tobytes() for image in images) for images in zip(*turns, strict=True)]


def mazes(data: Data) -> Source:
    """Return mazes, generated with a single shortest path or read, turned and reflected at random."""
    if data.path:
        read = read_maze_csv(Path(data.path), data.size)
        held, pool = (maze.MazeBatch(*(part[rows] for part in read))
                      for rows in (slice(-data.held_out, None), slice(0, -data.held_out)))
    else:
        held = unique_mazes(data, data.held_out, data.held_out_seed)
        pool = unique_mazes(data, data.pool, data.seed)
    known = set(maze_keys(held.questions))
    fresh = np.array([key not in known for key in maze_keys(pool.questions)], dtype=bool)
    pool = maze.MazeBatch(pool.questions[fresh], pool.answers[fresh])

    def draw(rng: np.random.Generator, count: int, stage: Stage) -> Tokens:
        chosen = rng.integers(0, len(pool.answers), count)
        drawn = maze.dihedral(maze.MazeBatch(pool.questions[chosen], pool.answers[chosen]), rng)
        return Tokens(*map(maze.to_tokens, drawn))

    name = f"{data.size}x{data.size}, {data.minimum_path} steps or more"
    return Source(draw, {name: Tokens(*map(maze.to_tokens, held))})


def arc(data: Data) -> Source:
    """Return the demonstrations of real tasks under colour permutations and turns; tests are held out."""
    tasks = read_arc_json(Path(data.path))[: data.pool]
    pool = [pair for task in tasks for pair in task.train]

    def changed(pair: ArcPair, rng: np.random.Generator) -> ArcPair:
        colours = np.concatenate(([0], 1 + rng.permutation(COLOURS - 1))).astype(np.uint8)
        turn, flip = (int(k) for k in rng.integers(0, (4, 2)))
        return ArcPair(*(np.rot90(colours[grid.T if flip else grid], turn) for grid in pair))

    def draw(rng: np.random.Generator, count: int, stage: Stage) -> Tokens:
        return Tokens(*encode_pairs(changed(pool[k], rng) for k in rng.integers(0, len(pool), count)))

    tests = [pair for task in tasks for pair in task.test][: data.held_out]
    return Source(draw, {f"tests of {len(tasks)} tasks": Tokens(*encode_pairs(tests))})


def open_source(data: Data) -> Source:
    """Return the source a recipe names."""
    sources = {"sudoku": sudoku, "sudoku-file": sudoku_file, "maze": mazes, "arc": arc}
    if data.source not in sources:
        raise unknown_name("data source", data.source, sources)
    return sources[data.source](data)


def final_sets(data: Data, count: int) -> dict[str, Tokens]:
    """Return the held-out sets of a network's card: other puzzles than those its curve watched."""
    pool = data.pool if data.path else 1
    return open_source(replace(data, pool=pool, held_out=count, held_out_seed=FINAL_SEED)).held_out


def lines_of(data: Data, prefix: int) -> torch.Tensor:
    """Return which row, column or box each position belongs to, (kinds, prefix + cells); the prefix is 0."""
    row, column = np.divmod(np.arange(data.size**2), data.size)
    kinds = {"row": row, "column": column}
    if "box" in data.grouping:
        height, width = box_shape(data.size)
        kinds["box"] = row // height * height + column // width
    return torch.tensor(np.pad([kinds[kind] for kind in data.grouping], ((0, 0), (prefix, 0))))
