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
from workbench.tasks.arc import augment_pair, encode_pairs
from workbench.tasks.arc_json import read_arc_json
from workbench.tasks.readers import read_maze_csv, read_sudoku_csv
from workbench.tasks.sets import CARD_SEED, HeldOut, PuzzleSet
from workbench.tasks.sudoku import SudokuBatch, to_tokens
from workbench.tasks.sudoku_generate import add_givens, generate
from workbench.tasks.sudoku_symmetry import augment, orbit_keys

Tokens = tuple[NDArray[np.int32], NDArray[np.int32]]  # (count, seq_len) each; a negative label: not counted
Draw = Callable[[np.random.Generator, int, Stage], Tokens]


class Source(NamedTuple):
    """Training draws, and held-out sets that share no puzzle with them up to symmetry."""

    draw: Draw
    held_out: list[PuzzleSet]


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

    def draw(rng: np.random.Generator, count: int, stage: Stage) -> Tokens:
        chosen = rng.integers(0, len(pool.answers), count)
        batch = augment(SudokuBatch(pool.questions[chosen], pool.answers[chosen]), rng)
        givens = rng.integers(stage.givens[0], stage.givens[1] + 1, count)
        question, answer = add_givens(batch, givens, rng)
        return to_tokens(question), to_tokens(answer)

    return Source(draw, held_out(data))


def sudoku_file(data: Data) -> Source:
    """Return puzzles of a Sudoku-Extreme file under random symmetries; its last ones are held out."""
    batch = read_sudoku_csv(Path(data.path), data.size)
    keys = orbit_keys(batch)
    held = set(keys[-data.held_out:])
    pool = np.flatnonzero([key not in held for key in keys])[: data.pool]

    def draw(rng: np.random.Generator, count: int, stage: Stage) -> Tokens:
        chosen = rng.choice(pool, count)
        drawn = augment(SudokuBatch(batch.questions[chosen], batch.answers[chosen]), rng)
        return to_tokens(drawn.questions), to_tokens(drawn.answers)

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

    def draw(rng: np.random.Generator, count: int, stage: Stage) -> Tokens:
        chosen = rng.integers(0, len(pool[0]), count)
        drawn = maze.dihedral(maze.MazeBatch(*(part[chosen] for part in pool)), rng)
        return maze.to_tokens(drawn.questions), maze.to_tokens(drawn.answers)

    return Source(draw, tests)


def arc(data: Data) -> Source:
    """Return the demonstrations of real tasks under colour permutations and turns; tests are held out."""
    tasks = read_arc_json(Path(data.path))[: data.pool]
    pool = [pair for task in tasks for pair in task.train]

    def draw(rng: np.random.Generator, count: int, stage: Stage) -> Tokens:
        return encode_pairs(augment_pair(pool[k], rng) for k in rng.integers(0, len(pool), count))

    tests = [pair for task in tasks for pair in task.test][: data.held_out]
    return Source(draw, [PuzzleSet(*encode_pairs(tests), f"tests of {len(tasks)} tasks")])


def any_task(data: Data, model: ModelConfig) -> Source:
    """Return the puzzles of a file of any task as they stand, and those of another that are held out."""
    pool = read_data(data.path, model, split="train")
    tests = read_data(data.held_out_path or data.path, model)
    tests = tests.rows(0, data.held_out, tests.origin)
    for puzzles in (pool, tests):
        if not puzzles.labelled or puzzles.puzzle_ids is not None:
            raise InputError(f"{puzzles.origin}: a recipe trains on labelled puzzles without puzzle_ids.")

    def draw(rng: np.random.Generator, count: int, stage: Stage) -> Tokens:
        chosen = rng.integers(0, min(data.pool, len(pool.inputs)), count)
        return pool.inputs[chosen], pool.labels[chosen]

    return Source(draw, [tests])


def open_source(data: Data, model: ModelConfig | None = None) -> Source:
    """Return the source a recipe names; ``file`` needs ``model``, whose shapes its puzzles must have."""
    if data.source == "file" and model is not None:
        return any_task(data, model)
    sources = {"sudoku": sudoku, "sudoku-file": sudoku_file, "maze": mazes, "arc": arc}
    if data.source not in sources:
        raise unknown_name("data source", data.source, [*sources, "file"])
    return sources[data.source](data)


def final_sets(data: Data, count: int, model: ModelConfig | None = None) -> list[PuzzleSet]:
    """Return the held-out sets of a network's card; generated ones are not those its curve watched."""
    if data.path:
        return open_source(data, model).held_out
    return held_out(replace(data, held_out=count, held_out_seed=CARD_SEED))
