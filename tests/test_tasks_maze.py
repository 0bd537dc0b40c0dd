"""Mazes: generated ones, the path that is marked, their symmetries."""

from __future__ import annotations

from collections import deque
from pathlib import Path

import numpy as np
import pytest

from refimpl.errors import InputError
from workbench.tasks.maze import (
    GOAL,
    OPEN,
    PATH,
    START,
    WALL,
    dihedral,
    generate,
    has_one_path,
    keys,
    mark_paths,
    parse,
    spell,
    to_tokens,
)
from workbench.tasks.readers import read_maze_csv


def neighbours(cell: int, size: int) -> list[int]:
    row, column = divmod(cell, size)
    steps = [(row + 1, column), (row, column - 1), (row, column + 1), (row - 1, column)]
    return [r * size + c for r, c in steps if 0 <= r < size and 0 <= c < size]


def shortest_steps(question: np.ndarray, size: int) -> int:
    """Independent breadth-first search in plain Python."""
    maze = question.tolist()
    start, goal = maze.index(START), maze.index(GOAL)
    distance = {start: 0}
    queue = deque([start])
    while queue:
        cell = queue.popleft()
        for other in neighbours(cell, size):
            if maze[other] != WALL and other not in distance:
                distance[other] = distance[cell] + 1
                queue.append(other)
    return distance[goal]


def marked_steps(answer: np.ndarray, size: int) -> int:
    """Length of the marked way, which must lead from start to goal without a branch or a left-over mark."""
    maze = answer.tolist()
    way = {cell for cell, code in enumerate(maze) if code in (START, GOAL, PATH)}
    cell, goal, steps = maze.index(START), maze.index(GOAL), 0
    while cell != goal:
        way.remove(cell)
        following = [other for other in neighbours(cell, size) if other in way]
        assert len(following) == 1
        cell = following[0]
        steps += 1
    assert way == {goal}
    return steps


def shortest_paths(question: np.ndarray, size: int) -> int:
    """Number of different shortest ways, counted layer by layer in plain Python."""
    maze = question.tolist()
    ways = {maze.index(START): 1}
    seen = set(ways)
    while maze.index(GOAL) not in ways:
        following: dict[int, int] = {}
        for cell, count in ways.items():
            for other in neighbours(cell, size):
                if maze[other] != WALL and other not in seen:
                    following[other] = following.get(other, 0) + count
        seen |= set(following)
        ways = following
    return ways[maze.index(GOAL)]


def test_mazes_drawn_for_one_path_have_one_and_are_those_among_all_drawn_that_do() -> None:
    only = generate(30, 8, 10, 1, one_path=True)
    assert [shortest_paths(question, 8) for question in only.questions] == [1] * 30
    everything = generate(400, 8, 10, 1)
    ways = np.array([shortest_paths(question, 8) for question in everything.questions])
    assert np.array_equal(has_one_path(everything), ways == 1)
    kept = everything.questions[ways == 1]
    shared = min(len(kept), 30)
    assert shared > 5
    assert np.array_equal(kept[:shared], only.questions[:shared])


def test_the_key_of_a_maze_is_that_of_its_mirror_image_and_of_no_other() -> None:
    mazes = generate(20, 8, 10, 1).questions
    mirrored = mazes.reshape(-1, 8, 8)[:, :, ::-1].reshape(-1, 64)
    assert keys(mirrored) == keys(mazes)
    assert len(set(keys(mazes))) == 20


@pytest.mark.parametrize(("size", "min_path", "count"),
                         [(10, 1, 20), (10, 20, 200), (15, 30, 40), (30, 60, 10)])
def test_every_marked_path_is_a_shortest_one_of_the_length_asked_for(size: int, min_path: int,
                                                                     count: int) -> None:
    batch = generate(count, size, min_path, seed=3)
    for question, answer in zip(batch.questions, batch.answers, strict=True):
        steps = shortest_steps(question, size)
        assert steps >= min_path
        assert marked_steps(answer, size) == steps
        assert np.array_equal(np.where(answer == PATH, OPEN, answer), question)
        assert 0.3 <= (question == WALL).mean() <= 0.5


def test_mazes_as_hard_as_the_public_ones_are_generated() -> None:
    batch = generate(3, 30, 109, seed=1)
    assert all(shortest_steps(question, 30) >= 109 for question in batch.questions)


def test_the_seed_decides_the_mazes_and_a_longer_batch_begins_with_the_shorter() -> None:
    long, short = generate(6, 10, 16, seed=1), generate(2, 10, 16, seed=1)
    assert np.array_equal(long.questions[:2], short.questions)
    assert not np.array_equal(generate(2, 10, 16, seed=2).questions, short.questions)
    assert len({maze.tobytes() for maze in long.questions}) == 6


def test_of_two_shortest_paths_the_one_that_goes_down_first_is_marked() -> None:
    question = parse("    " " S  " "   G" "    ")
    assert spell(mark_paths(question[None])[0]) == "    " " S  " " ooG" "    "


@pytest.mark.parametrize("name", ["train", "test"])
def test_the_public_mazes_mark_the_path_that_mark_paths_marks(shared_dir: Path, name: str) -> None:
    batch = read_maze_csv(shared_dir / "data" / f"maze_hard_30x30_{name}.csv")
    assert np.array_equal(mark_paths(batch.questions), batch.answers)
    for question, answer in zip(batch.questions[:20], batch.answers[:20], strict=True):
        assert marked_steps(answer, 30) == shortest_steps(question, 30)


def test_turning_a_maze_keeps_its_path_shortest_and_reaches_all_eight_symmetries() -> None:
    one = generate(1, 10, 16, seed=5)
    many = type(one)(np.repeat(one.questions, 100, axis=0), np.repeat(one.answers, 100, axis=0))
    turned = dihedral(many, np.random.default_rng(0))
    assert len({maze.tobytes() for maze in turned.questions}) == 8
    for question, answer in zip(turned.questions, turned.answers, strict=True):
        assert marked_steps(answer, 10) == shortest_steps(question, 10)
        assert np.array_equal(np.where(answer == PATH, OPEN, answer), question)


def test_tokens_are_the_official_codes() -> None:
    assert to_tokens(parse("# SGo")).tolist() == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(("arguments", "sentence"), [
    ((1, 3, 2, 0), "a maze of 3x3"),
    ((-1, 10, 2, 0), "-1 mazes"),
    ((1, 10, 0, 0), "at least 0 steps"),
    ((1, 10, 2, -1), "the seed -1"),
    ((1, 10, 2, 0, (0.5, 0.3)), "density 0.5 to 0.3"),
    ((1, 10, 90, 0), "no 10x10 maze with a path of 90 steps"),
])
def test_impossible_wishes_are_refused_with_a_sentence(arguments: tuple, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        generate(*arguments)


@pytest.mark.parametrize(("maze", "sentence"), [
    ("S#G" "###" "   ", "no way from start to goal"),
    ("S S" "  G" "   ", "2 cells start"),
    ("S  " "   " "   ", "0 cells goal"),
    ("SG", "no square"),
])
def test_a_maze_without_a_way_is_refused(maze: str, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        mark_paths(parse(maze)[None])
