"""Claims: views can be undone, every view of every task has a row of its own, no test is learned from, and
votes are counted on answers turned back."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from arc_tasks import SIDE, write_tasks

from refimpl.errors import InputError
from workbench.lab.votes import asked_of, count, grid_of, kept, spelled
from workbench.model_config import model_config
from workbench.tasks.arc import ArcPair, crop, encode_pairs
from workbench.tasks.arc_json import read_arc_json
from workbench.tasks.arc_rows import PUZZLE_ROWS, row_names, rows_of
from workbench.tasks.arc_views import (
    Rows,
    ballot,
    demonstrations,
    held_out_pairs,
    pair_key,
    seen_in,
    small_tasks,
    views,
)

GRID = np.arange(10, dtype=np.uint8).reshape(2, 5)  # no symmetry, every colour once


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_tasks(tmp_path / "tasks.json")


@pytest.fixture
def rows(data: Path) -> Rows:
    return Rows(small_tasks(read_arc_json(data), SIDE, "the file"), 2, SIDE)


def test_the_views_of_a_task_differ_keep_black_and_can_be_undone() -> None:
    shown = views("a task", 3)
    assert len({(grid.shape, grid.tobytes()) for grid in (view.of(GRID) for view in shown)}) == 24
    assert np.array_equal(shown[0].of(GRID), GRID)
    for view in shown:
        assert view.colours[0] == 0
        assert np.array_equal(view.back(view.of(GRID)), GRID)


def test_the_first_eight_views_are_the_turns_and_reflections_in_the_tasks_own_colours() -> None:
    found = {view.of(GRID).tobytes() for view in views("a task", 2)[:8]}
    turned = [np.rot90(side, k) for side in (GRID, GRID.T) for k in range(4)]
    assert found == {np.ascontiguousarray(grid).tobytes() for grid in turned}


def test_views_depend_on_the_name_alone() -> None:
    assert views("a task", 2) == views("a task", 2) == views("a task", 3)[:16]
    assert views("a task", 2)[8:] != views("another", 2)[8:]


def test_tasks_with_a_grid_too_large_have_no_rows(rows: Rows, data: Path) -> None:
    assert [task.name for task in rows.tasks] == ["0mirror", "1recolour"]
    assert (rows.each, rows.count, rows.tests) == (16, 32, 2)
    with pytest.raises(InputError, match="no ARC task whose every grid fits 2x2"):
        small_tasks(read_arc_json(data), 2, "the file")


def test_every_view_of_every_pair_has_the_row_of_its_task_and_view(rows: Rows) -> None:
    asked = seen_in(rows, held_out_pairs(rows), rows.each, "tests")
    assert asked.puzzle_ids is not None
    assert asked.puzzle_ids.tolist() == list(range(32))
    for k, row in enumerate(asked.puzzle_ids):
        task, number = divmod(int(row), rows.each)
        pair = rows.views[task][number].pair(rows.tasks[task].test[0])
        inputs, labels = encode_pairs([pair], SIDE)
        assert np.array_equal(inputs[0], asked.inputs[k])
        assert np.array_equal(labels[0], asked.labels[k])
    own = seen_in(rows, held_out_pairs(rows), 1, "tests")
    assert own.puzzle_ids is not None
    assert own.puzzle_ids.tolist() == [0, 16]


def test_a_key_is_that_of_every_turn_and_colour_order_and_of_no_other_pair() -> None:
    pair = ArcPair(GRID, GRID[:, ::-1])
    keys = {pair_key(view.pair(pair)) for view in views("a task", 4)}
    assert keys == {pair_key(pair)}
    assert pair_key(ArcPair(GRID, GRID[::-1])) not in keys
    black = np.where(GRID == 0, np.uint8(1), np.where(GRID == 1, np.uint8(0), GRID))
    assert pair_key(ArcPair(black, black[:, ::-1])) not in keys


def test_nothing_that_is_learned_from_is_a_test_in_any_view(rows: Rows) -> None:
    """The made-up task 1recolour shows its test, turned, among its demonstrations."""
    assert [len(own) for own in demonstrations(rows)] == [3, 2]
    pool = seen_in(rows, demonstrations(rows), rows.each, "pool")
    tests = seen_in(rows, held_out_pairs(rows), rows.each, "tests")
    learned = {(a.tobytes(), b.tobytes()) for a, b in zip(pool.inputs, pool.labels, strict=True)}
    asked = {(a.tobytes(), b.tobytes()) for a, b in zip(tests.inputs, tests.labels, strict=True)}
    assert len(asked) == 32
    assert not learned & asked


def test_the_answer_given_most_often_comes_first_and_of_as_many_the_surest() -> None:
    one, two, three = (np.full((1, 2), colour, np.uint8) for colour in (1, 2, 3))
    ranked = ballot([one, two, three, two, three, one.T], [9.0, 1.0, 2.0, 1.0, 2.0, 0.0])
    assert [(grid.shape, int(grid[0, 0])) for grid in ranked] == [
        ((1, 2), 3), ((1, 2), 2), ((1, 2), 1), ((2, 1), 1)]  # fmt: skip


def answers(rows: Rows, views: int = 16) -> list[str]:
    """The right answers to the first views of every test, as a network would give them."""
    return [spelled(crop(label)) for label in asked_of(rows, views).labels]


def test_right_answers_in_every_view_agree_once_turned_back(rows: Rows) -> None:
    found = count(rows, answers(rows), [0.0] * 32)
    assert (found.own, found.first, found.either, found.views_right, found.views) == (2, 2, 2, 32, 32)
    fewer = count(rows, answers(rows, 3), [0.0] * 6)
    assert (fewer.own, fewer.first, fewer.views_right, fewer.views) == (2, 2, 6, 6)
    with pytest.raises(InputError, match="each test has 1 to 16"):
        asked_of(rows, 17)


def test_votes_outweigh_a_wrong_own_view_and_a_second_vote_still_counts(rows: Rows) -> None:
    given = answers(rows)
    given[0] = ""  # no grid at all
    wrong = np.ones((SIDE - 1, SIDE), np.uint8)
    for view in range(16, 26):
        given[view] = spelled(rows.views[1][view - 16].of(wrong))
    found = count(rows, given, [0.0] * 32)
    assert (found.own, found.first, found.either, found.views_right) == (0, 1, 2, 21)
    assert found.row("w8c")[:4] == ("w8c", "0.00", "50.00", "100.00")


@pytest.mark.parametrize("grid", [GRID, GRID[:1, :1], np.zeros((0, 0), np.uint8)])
def test_a_spelled_grid_can_be_read(grid: np.ndarray) -> None:
    assert np.array_equal(grid_of(spelled(grid)), grid)
    assert grid_of(spelled(grid)).shape == grid.shape


@pytest.mark.parametrize("answer", ["12/3", "1x", "/", "12/", "\u0661"])
def test_an_answer_in_a_log_that_is_no_grid_is_refused(answer: str, tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_text(json.dumps({"key": "k", "start": 0, "answers": [answer], "sure": [0.5]}) + "\n")
    with pytest.raises(InputError, match=r"line 1.*must be rows of as many digits"):
        kept(log, "k")


CONFIG = model_config({
    "model": "trm", "task": "arc", "seq_len": SIDE**2, "vocab_size": 12, "hidden_size": 16, "num_heads": 2,
    "L_layers": 1, "H_cycles": 1, "L_cycles": 1, "halt_max_steps": 2, "mlp_t": False,
    "num_puzzle_identifiers": 32, "puzzle_emb_len": 1})  # fmt: skip


def test_rows_are_those_of_the_names_on_the_card_whatever_else_the_file_holds(
    rows: Rows, data: Path, tmp_path: Path
) -> None:
    card = tmp_path / "config.json"
    turned = replace(rows, tasks=rows.tasks[::-1])
    card.write_text(json.dumps({PUZZLE_ROWS: row_names(turned)}))
    found = rows_of(card, CONFIG, data)
    assert [task.name for task in found.tasks] == ["1recolour", "0mirror"]
    assert found.views == turned.views


@pytest.mark.parametrize(
    ("said", "config", "sentence"),
    [
        ({}, CONFIG, "names no ARC tasks"),
        ({PUZZLE_ROWS: {"tasks": ["0mirror", "3none"], "colour_orders": 2}}, CONFIG, "lacks 1 of the 2"),
        ({PUZZLE_ROWS: {"tasks": ["0mirror", "2large"], "colour_orders": 2}}, CONFIG, "1 of them fit 4x4"),
        ({PUZZLE_ROWS: {"tasks": ["0mirror", "1recolour"], "colour_orders": 1}}, CONFIG, "has 32 rows"),
        ({PUZZLE_ROWS: {"tasks": ["0mirror"], "colour_orders": 0}}, CONFIG, "must be at least 1"),
        ({PUZZLE_ROWS: {"tasks": "0mirror", "colour_orders": 1}}, CONFIG, "must be a list of names of tasks"),
    ],
)
def test_a_card_and_a_file_that_do_not_belong_together_are_refused(
    said: dict, config: object, sentence: str, data: Path, tmp_path: Path
) -> None:
    card = tmp_path / "config.json"
    card.write_text(json.dumps(said))
    with pytest.raises(InputError, match=sentence):
        rows_of(card, config, data)
