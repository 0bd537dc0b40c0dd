"""Metrics and the statistics beside them."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from refimpl.errors import InputError
from workbench.tasks import maze, sudoku_generate
from workbench.tasks.arc import encode_grid
from workbench.tasks.codes import IGNORED
from workbench.tasks.metrics import Score, arc_exact, copy_floor, puzzle_exact, score, wrong_cells
from workbench.tasks.significance import mcnemar_exact, paired_bootstrap, wilson_interval
from workbench.tasks.sudoku import to_tokens

LABELS = np.array([[1, 2, 3, IGNORED], [4, 5, IGNORED, IGNORED], [6, 6, 6, 6]])
PREDICTED = np.array([[1, 2, 3, 9], [4, 9, 0, 0], [6, 6, 6, 6]])


def test_positions_without_a_label_do_not_count() -> None:
    assert puzzle_exact(PREDICTED, LABELS).tolist() == [True, False, True]
    assert np.argwhere(wrong_cells(PREDICTED, LABELS)).tolist() == [[1, 1]]


def test_cells_are_pooled_over_puzzles() -> None:
    result = score(PREDICTED, LABELS)
    assert result == Score(exact_right=2, puzzles=3, cells_right=8, cells=9)
    assert (result.exact, result.cell) == (2 / 3, 8 / 9)


def test_the_score_of_nothing_is_not_a_number() -> None:
    empty = score(LABELS[:0], LABELS[:0])
    assert math.isnan(empty.exact)
    assert math.isnan(empty.cell)


def test_copying_a_sudoku_gets_exactly_its_givens_right() -> None:
    batch = sudoku_generate.generate(4, 30, seed=1)
    floor = copy_floor(to_tokens(batch.questions), to_tokens(batch.answers))
    assert floor == Score(0, 4, 4 * 30, 4 * 81)


def test_copying_a_maze_misses_exactly_the_path() -> None:
    batch = maze.generate(4, 10, 16, seed=1)
    floor = copy_floor(maze.to_tokens(batch.questions), maze.to_tokens(batch.answers))
    assert floor == Score(0, 4, 400 - int((batch.answers == maze.PATH).sum()), 400)


def test_arc_is_scored_on_the_cropped_grid() -> None:
    grid = np.array([[1, 2], [3, 4]], dtype=np.uint8)
    label = encode_grid(grid)
    noise_outside = label.copy()
    noise_outside[10 * 30 + 10:] = 5
    without_eos = np.where(label == 1, 0, label)
    wider = encode_grid(np.array([[1, 2, 0], [3, 4, 0]], dtype=np.uint8))
    wrong = encode_grid(np.array([[1, 2], [3, 5]], dtype=np.uint8))
    guesses = np.stack([label, noise_outside, without_eos, wider, wrong])
    assert arc_exact(guesses, np.stack([label] * 5)).tolist() == [True, True, True, False, False]


def test_predictions_and_labels_of_different_shape_are_refused() -> None:
    for function in (score, puzzle_exact, wrong_cells, arc_exact):
        with pytest.raises(InputError, match=r"shape \(3, 3\) cannot be compared with labels"):
            function(PREDICTED[:, :3], LABELS)


def test_wilson_interval_equals_published_values() -> None:
    # Newcombe (1998), Statistics in Medicine 17:857, table I, method 3: 81/263, 15/148, 0/20, 1/29.
    published = {(81, 263): (0.2553, 0.3662), (15, 148): (0.0624, 0.1605), (0, 20): (0.0, 0.1611),
                 (1, 29): (0.0061, 0.1718)}
    for (successes, trials), (low, high) in published.items():
        interval = wilson_interval(successes, trials)
        assert (round(interval.low, 4), round(interval.high, 4)) == (low, high)


def test_wilson_interval_is_symmetric_and_closed_at_the_ends() -> None:
    left, right = wilson_interval(3, 10), wilson_interval(7, 10)
    assert left.low == pytest.approx(1 - right.high, abs=1e-15)
    assert wilson_interval(0, 256).low == 0.0
    assert wilson_interval(256, 256).high == 1.0
    for successes, trials in ((1, 0), (3, 2), (-1, 2)):
        with pytest.raises(InputError, match="are no proportion"):
            wilson_interval(successes, trials)


@pytest.mark.parametrize(("only_first", "only_second"), [(0, 0), (1, 0), (5, 1), (3, 3), (2, 9)])
def test_mcnemar_equals_the_enumeration_of_all_coin_flips(only_first: int, only_second: int) -> None:
    first = np.array([1] * only_first + [0] * only_second + [1, 1, 0], dtype=bool)
    second = np.array([0] * only_first + [1] * only_second + [1, 1, 0], dtype=bool)
    flips = [sum(coins) for coins in itertools.product((0, 1), repeat=only_first + only_second)]
    middle = (only_first + only_second) / 2
    extreme = sum(abs(heads - middle) >= abs(only_first - middle) for heads in flips)
    result = mcnemar_exact(first, second)
    assert (result.only_first, result.only_second) == (only_first, only_second)
    assert result.p_value == extreme / len(flips)


def test_paired_bootstrap_covers_the_mean_difference_and_is_seeded() -> None:
    rng = np.random.default_rng(0)
    second = rng.random(400)
    first = second + 0.1 + 0.05 * rng.standard_normal(400)
    interval = paired_bootstrap(first, second, seed=1)
    spread = 1.96 * (first - second).std() / 20
    middle = (first - second).mean()
    assert interval.low == pytest.approx(middle - spread, abs=0.1 * spread)
    assert interval.high == pytest.approx(middle + spread, abs=0.1 * spread)
    assert interval == paired_bootstrap(first, second, seed=1)
    same = paired_bootstrap(second, second, seed=1, resamples=300)
    assert (same.low, same.high) == (0.0, 0.0)


def test_scores_that_are_not_paired_are_refused() -> None:
    with pytest.raises(InputError, match="are not paired"):
        mcnemar_exact([True], [True, False])
    with pytest.raises(InputError, match="has nothing to draw"):
        paired_bootstrap([], [], seed=0)
    with pytest.raises(InputError, match="confidence 1"):
        wilson_interval(1, 2, confidence=1)
