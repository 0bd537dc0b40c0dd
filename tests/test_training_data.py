"""Claims: draws are what the stage asks for, repeatable, and never a held-out puzzle in disguise."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from training.config import Data, Stage, read_recipe
from training.data import final_sets, held_out, open_source
from workbench.tasks import maze
from workbench.tasks.puzzles import load_calibration, load_shipped
from workbench.tasks.sets import CARD_SEED, HeldOut, calibration_set, evaluation_set
from workbench.tasks.sudoku import from_tokens
from workbench.tasks.sudoku_generate import generate
from workbench.tasks.sudoku_symmetry import solution_keys

CONFIGS = sorted((Path(__file__).parents[1] / "training" / "configs").glob("*.toml"))
MAZE = next(path for path in CONFIGS if path.stem == "maze10-att")
SMALL = Data(pool=30, held_out=5)
STAGE = Stage(1, 1, 1, givens=(30, 40))


def test_every_draw_shows_as_many_givens_as_the_stage_says_and_only_true_ones() -> None:
    inputs, labels, _ = open_source(SMALL).draw(np.random.default_rng(0), 50, STAGE)
    shown = (inputs > 1).sum(1)
    assert 30 <= shown.min() <= shown.max() <= 40
    assert np.array_equal(inputs[inputs > 1], labels[inputs > 1])
    assert all(sorted(row) == list(range(2, 11)) for row in labels.reshape(-1, 9))


@pytest.mark.parametrize("data", [SMALL, Data("maze", pool=30, size=8, minimum_path=10, held_out=5)])
def test_the_state_of_one_generator_is_the_data_position(data: Data) -> None:
    source = open_source(data)
    rng = np.random.default_rng(1)
    source.draw(rng, 7, STAGE)
    state = rng.bit_generator.state
    expected = source.draw(rng, 7, STAGE)
    again = np.random.default_rng(2)
    again.bit_generator.state = state
    found = open_source(data).draw(again, 7, STAGE)
    assert np.array_equal(found[0], expected[0])
    assert np.array_equal(found[1], expected[1])


def test_a_drawn_maze_has_one_shortest_path_and_it_is_marked() -> None:
    data = Data("maze", pool=50, size=8, minimum_path=10, held_out=5)
    inputs, labels, _ = open_source(data).draw(np.random.default_rng(0), 40, STAGE)
    questions = inputs.astype(np.uint8)
    assert np.array_equal(maze.mark_paths(questions), labels)
    assert maze.has_one_path(maze.MazeBatch(questions, labels.astype(np.uint8))).all()
    assert (labels == maze.PATH).sum(1).min() >= 9


def test_a_card_is_measured_on_puzzles_that_no_curve_watched() -> None:
    number = SMALL.held_out_givens.index(32)
    watched = open_source(SMALL).held_out[number].inputs
    final = final_sets(SMALL, 5)[number]
    assert final.held_out == HeldOut(givens=32, seed=CARD_SEED)
    assert np.array_equal(from_tokens(final.inputs), generate(5, 32, CARD_SEED).questions)
    assert not (watched[:, None] == final.inputs[None]).all(-1).any()


def shipped_data() -> list[Data]:
    """What the recipes that ship generate; those that differ in what only learned positions see are one."""
    every = {replace(read_recipe(path).data, grouping=(), held_out=0): None for path in CONFIGS}
    return [data for data in every if not data.path]


@pytest.mark.slow
@pytest.mark.parametrize("data", shipped_data(), ids=lambda data: f"{data.source}-{data.pool}")
def test_no_shipped_recipe_trains_on_a_held_out_or_shipped_puzzle_up_to_symmetry(data: Data) -> None:
    sets = [*held_out(replace(data, held_out=1000)), *final_sets(data, 1000)]
    if data.source == "maze":
        config = read_recipe(MAZE).model
        sets += [evaluation_set(config), calibration_set(config)]
        pool = maze.generate(data.pool, data.size, data.minimum_path, data.seed, one_path=True).questions
        seen = set(maze.keys(pool))
        assert seen.isdisjoint(key for one in sets for key in maze.keys(one.inputs.astype(np.uint8)))
        return
    seen = set(solution_keys(generate(data.pool, 0, data.seed, data.size).answers))
    for one in sets:
        assert seen.isdisjoint(solution_keys(from_tokens(one.labels)))
    assert seen.isdisjoint(solution_keys(load_shipped().answers))
    assert seen.isdisjoint(solution_keys(load_calibration().answers))
