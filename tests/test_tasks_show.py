"""The terminal print: wrong cells carry a character, colour only repeats it."""

from __future__ import annotations

import io

import numpy as np
from rich.console import Console, RenderableType

from workbench.tasks import maze
from workbench.tasks.puzzles import load_shipped
from workbench.tasks.show import show_arc, show_maze, show_sudoku
from workbench.tasks.sudoku_generate import generate


def plain(renderable: RenderableType, width: int = 100) -> list[str]:
    console = Console(file=io.StringIO(), width=width, no_color=True, force_terminal=False)
    console.print(renderable)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def coloured(renderable: RenderableType) -> str:
    console = Console(file=io.StringIO(), width=100, color_system="truecolor", force_terminal=True)
    console.print(renderable)
    return console.file.getvalue()


def test_a_sudoku_shows_question_prediction_and_answer_side_by_side() -> None:
    questions, answers = load_shipped()
    lines = plain(show_sudoku(questions[0], answers[0], answers[0]), width=80)
    assert lines[0].split() == ["question", "prediction", "answer"]
    digits = "".join(mark for mark in "".join(lines[1:]) if mark.isdigit())
    assert len(digits) == 26 + 81 + 81
    assert len(lines) == 1 + 9 + 2


def test_a_wrong_sudoku_cell_is_marked_by_a_star_and_counted() -> None:
    questions, answers = load_shipped()
    predicted = answers[0].copy()
    wrong = np.flatnonzero(questions[0] == 0)[:3]
    predicted[wrong] = predicted[wrong] % 9 + 1
    lines = plain(show_sudoku(questions[0], answers[0], predicted))
    assert "".join(lines[:-1]).count("*") == 3
    assert lines[-1] == "3 wrong cells; *5 is wrong"
    assert "*" not in "".join(plain(show_sudoku(questions[0], answers[0], answers[0])))


def test_wrong_cells_are_red_and_givens_bold() -> None:
    questions, answers = load_shipped()
    predicted = answers[0].copy()
    cell = int(np.flatnonzero(questions[0] == 0)[0])
    predicted[cell] = predicted[cell] % 9 + 1
    printed = coloured(show_sudoku(questions[0], answers[0], predicted))
    assert f"\x1b[1;31m*{predicted[cell]}\x1b[0m" in printed
    given = questions[0][np.flatnonzero(questions[0])[0]]
    assert f"\x1b[1m {given}\x1b[0m" in coloured(show_sudoku(questions[0], answers[0]))


def test_a_6x6_sudoku_is_drawn_with_its_own_boxes() -> None:
    batch = generate(1, 14, seed=1, size=6)
    lines = plain(show_sudoku(batch.questions[0], batch.answers[0]))
    assert len(lines) == 1 + 6 + 2
    assert lines[3].split()[0] == "-------+-------"


def test_each_kind_of_wrong_maze_cell_has_its_own_character() -> None:
    batch = maze.generate(1, 10, 16, seed=3)
    answer = batch.answers[0]
    predicted = answer.copy()
    predicted[np.flatnonzero(answer == maze.PATH)[0]] = maze.OPEN
    predicted[np.flatnonzero(answer == maze.OPEN)[:2]] = maze.PATH
    predicted[np.flatnonzero(answer == maze.WALL)[:3]] = 0  # PAD, which a network may emit
    lines = plain(show_maze(batch.questions[0], answer, predicted))
    body = "".join(lines[1:-1])
    assert [body.count(mark) for mark in "?x!"] == [1, 2, 3]
    assert lines[-1].startswith("6 wrong cells; x marks a path too much")
    assert lines[1:-1] == [f"{q}   {p}   {a}".rstrip() for q, p, a in zip(*(
        [rows[k:k + 10] for k in range(0, 100, 10)] for rows in (
            maze.spell(batch.questions[0]), body_of(predicted, answer), maze.spell(answer))), strict=True)]


def body_of(predicted: np.ndarray, answer: np.ndarray) -> str:
    kinds = {(maze.OPEN, maze.PATH): "?", (maze.PATH, maze.OPEN): "x", (0, maze.WALL): "!"}
    pairs = zip(predicted.tolist(), answer.tolist(), strict=True)
    return "".join(kinds.get(pair, maze.MARKS[pair[1] - 1]) for pair in pairs)


def test_wide_mazes_go_below_each_other_in_a_narrow_terminal() -> None:
    batch = maze.generate(1, 30, 20, seed=3)
    lines = plain(show_maze(batch.questions[0], batch.answers[0], batch.answers[0]), width=80)
    assert len(lines) == 2 * 31
    assert max(map(len, lines)) <= 63


def test_arc_grids_of_different_shape_are_compared_cell_by_cell() -> None:
    answer = np.array([[0, 1], [2, 3]])
    predicted = np.array([[0, 1, 5], [2, 9, 5]])
    lines = plain(show_arc(answer, answer, predicted))
    assert lines[0].split("   ") == ["question 2x2", "prediction 2x3", "answer 2x2"]
    assert "".join(lines[:-1]).count("*") == 3
    assert lines[-1] == "3 wrong cells; 3* is wrong"
    smaller = plain(show_arc(answer, answer, answer[:1]))
    assert smaller[-1] == "2 wrong cells; 3* is wrong"
    assert plain(show_arc(answer, answer, answer))[-1].split() == ["2", "3"] * 3
