"""Puzzles that a user names: numbers, strings, files, and what is said about wrong ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from refimpl.errors import InputError, NotImplementedHere
from refimpl.models.config import ModelConfig
from workbench.networks import find_network
from workbench.tasks import maze, sudoku
from workbench.tasks.games import SEVERAL_PATHS, Puzzle
from workbench.tasks.naming import find_puzzle
from workbench.tasks.puzzles import load_shipped
from workbench.tasks.sets import evaluation_set
from workbench.tasks.ship import DATA, SHIPPED, spell
from workbench.tasks.sudoku_generate import generate

SUDOKU9, SUDOKU6 = (find_network(name).config for name in ("sudoku9-mlp", "sudoku6-mlp"))
MAZE4 = replace(SUDOKU6, task="maze", seq_len=16, vocab_size=6)
QUESTION = spell(load_shipped().questions[5])
ANSWER = spell(load_shipped().answers[5])
MAZE = "  S # # # # ##G "  # opens and ends with a space
WAY = "  So# #o# #o##Go"
FORKED = "  S#  ## ##  G# "


def sudoku_text(puzzle: Puzzle) -> tuple[str, str]:
    question, answer = map(sudoku.from_tokens, puzzle[:2])
    return spell(question), spell(answer)


def maze_text(puzzle: Puzzle) -> tuple[str, str]:
    return maze.spell(puzzle.question), maze.spell(puzzle.answer)


def refusal(text: str, config: ModelConfig) -> str:
    with pytest.raises(InputError) as caught:
        find_puzzle(text, config)
    assert str(caught.value).endswith(".")
    return str(caught.value)


@pytest.mark.parametrize("config", [SUDOKU9, SUDOKU6, MAZE4], ids=["sudoku9", "sudoku6", "maze4"])
def test_a_number_names_a_puzzle_of_the_evaluation_set(config: ModelConfig) -> None:
    puzzles = evaluation_set(config)
    for index in (0, 5, 255):
        puzzle = find_puzzle(str(index), config)
        assert np.array_equal(puzzle.question, puzzles.inputs[index])
        assert np.array_equal(puzzle.answer, puzzles.labels[index])
        assert puzzle.origin.startswith(f"puzzle {index} of {puzzles.origin}")


@pytest.mark.parametrize("text", [QUESTION, QUESTION.replace(".", "0")])
def test_a_string_of_81_cells_is_solved_on_the_way_in(text: str) -> None:
    assert sudoku_text(find_puzzle(text, SUDOKU9)) == (QUESTION, ANSWER)


def test_a_string_of_a_maze_gets_its_path_and_keeps_its_spaces() -> None:
    puzzle = find_puzzle(MAZE, MAZE4)
    assert maze_text(puzzle) == (MAZE, WAY)
    assert puzzle.origin == "the puzzle '  S # # # # ##G '"


def test_an_answer_among_several_shortest_paths_says_so() -> None:
    puzzle = find_puzzle(FORKED, MAZE4)
    answers = maze.mark_paths(maze.parse(FORKED)[None])
    assert np.array_equal(puzzle.answer, answers[0])
    assert puzzle.origin.endswith(SEVERAL_PATHS)


def test_a_6x6_puzzle_is_read_with_its_own_size() -> None:
    batch = generate(1, 14, seed=1, size=6)
    puzzle = find_puzzle(spell(batch.questions[0]), SUDOKU6)
    assert sudoku_text(puzzle)[1] == spell(batch.answers[0])


def test_a_csv_file_gives_its_first_puzzle_or_the_row_named(tmp_path: Path) -> None:
    path = DATA / SHIPPED.file
    assert sudoku_text(find_puzzle(str(path), SUDOKU9))[0] == spell(load_shipped().questions[0])
    assert sudoku_text(find_puzzle(f"{path}:5", SUDOKU9)) == (QUESTION, ANSWER)
    mazes = tmp_path / "mazes.csv"
    mazes.write_text(f"source,question,answer\na,{FORKED},{'x' * 16}\nb,{MAZE},{WAY}\n")
    assert maze_text(find_puzzle(f"{mazes}:1", MAZE4)) == (MAZE, WAY)


def test_a_text_file_is_one_puzzle_per_line_or_one_drawn_grid(tmp_path: Path) -> None:
    lines = tmp_path / "lines.txt"
    lines.write_text(f"{spell(load_shipped().questions[0])}\n{QUESTION}\n")
    assert sudoku_text(find_puzzle(f"{lines}:1", SUDOKU9))[0] == QUESTION
    drawn = tmp_path / "drawn.txt"
    rows = [QUESTION[k:k + 9] for k in range(0, 81, 9)]
    drawn.write_text("\n".join(f"{r[:3]} | {r[3:6]} | {r[6:]}" + "\n----+-----+----" * (k in (2, 5))
                               for k, r in enumerate(rows)))
    assert sudoku_text(find_puzzle(str(drawn), SUDOKU9))[0] == QUESTION


def test_lines_of_a_maze_are_never_stripped(tmp_path: Path) -> None:
    lines, drawn = tmp_path / "lines.txt", tmp_path / "drawn.txt"
    lines.write_text(f"{FORKED}\n{MAZE}\n")
    assert maze_text(find_puzzle(f"{lines}:1", MAZE4)) == (MAZE, WAY)
    drawn.write_bytes(b"\r\n".join(MAZE[k:k + 4].encode() for k in range(0, 16, 4)))
    assert maze_text(find_puzzle(str(drawn), MAZE4)) == (MAZE, WAY)


@pytest.mark.parametrize(("text", "sentence"), [
    ("256", "there is no puzzle number 256 of 256 shipped Sudokus, 26-32 givens; they are 0 to 255."),
    ("-1", "there is no puzzle number -1 of"),
    (QUESTION[:-1], "has 80 cells; a 9x9 Sudoku has 81."),
    (QUESTION + "..", "has 83 cells; a 9x9 Sudoku has 81."),
    ("1" * 30, "has 30 cells; a 9x9 Sudoku has 81."),
    (QUESTION[:10] + "x" + QUESTION[11:], "has 'x' in row 2, column 2; a cell is a digit 1 to 9"),
    ("5.......5" + "." * 72, "contradict each other: 5 stands in row 1, column 1 and in row 1, column 9."),
    ("12345678........." + "9" + "." * 63, "has no solution."),
    ("." * 81, "has more than one solution (0 givens); a puzzle must have exactly one."),
    ("nowhere.csv", "is no number of a puzzle, no existing file, and no string of 81 cells, each a digit"),
    ("x" * 5000, "is no number of a puzzle, no existing file"),
    ("", "has 0 cells; a 9x9 Sudoku has 81."),
])
def test_a_wrong_sudoku_gets_a_sentence_of_its_own(text: str, sentence: str) -> None:
    assert sentence in refusal(text, SUDOKU9)


@pytest.mark.parametrize(("text", "sentence"), [
    ("256", "generated 4x4 mazes"),
    (MAZE[1:], "has 15 cells; a 4x4 maze has 16."),
    (WAY, "has 'o' in row 1, column 4, which belongs in an answer; a cell is # for a wall, a space for"),
    (MAZE.replace("#", "X", 1), "has 'X' in row 2, column 1; a cell is # for a wall"),
    (MAZE.replace("S", " "), "has 0 cells S; a maze has exactly one start."),
    (MAZE.replace(" ", "G", 2), "has 3 cells G; a maze has exactly one goal."),
    ("  S ########  G ", "has no way from start S to goal G."),
    ("nowhere.txt", "is no number of a puzzle, no existing file, and no string of 16 cells, each # for"),
])
def test_a_wrong_maze_gets_a_sentence_of_its_own(text: str, sentence: str) -> None:
    assert sentence in refusal(text, MAZE4)


def test_a_digit_too_large_for_the_size_is_illegal() -> None:
    assert "has '7' in row 1, column 1; a cell is a digit 1 to 6" in refusal("7" + "." * 35, SUDOKU6)


@pytest.mark.parametrize(("content", "row", "sentence"), [
    ("", 0, "is empty."),
    ("question,answer\n" + QUESTION, 0, ", line 2 has 1 fields; the header names 2."),
    (f"question,answer\n{QUESTION},{ANSWER}", 3, "has 1 puzzles; there is no number 3"),
    (f"question,answer\n{QUESTION},{ANSWER[::-1]}", 0, f", line 2 gives the answer '{ANSWER[-1]}' in row 1"),
    (f"question,answer\n{QUESTION},{ANSWER[1:]}", 0, ", line 2 gives an answer of 80 cells; a 9x9 Sudoku"),
    (f"question\n{QUESTION}\n{QUESTION[1:]}", 1, ", line 3 has 80 cells"),
    (f"{QUESTION}\n\n{QUESTION[1:]}5x", 1, ", line 3 has 82 cells"),
    (QUESTION, 1, "has 1 puzzles; there is no number 1"),
    ("1.3", 0, ", line 1 has 3 cells; a row of a 9x9 Sudoku has 9, the whole 81."),
    ("1.3......\n" * 8, 0, "has 8 rows; a 9x9 Sudoku has 9."),
    ("1.3", 2, "holds a single puzzle; there is no number 2"),
])
def test_a_wrong_file_is_named_with_its_line(tmp_path: Path, content: str, row: int, sentence: str) -> None:
    path = tmp_path / "puzzles.csv"
    path.write_text(content)
    said = refusal(f"{path}:{row}", SUDOKU9)
    assert str(path) in said
    assert sentence in said


@pytest.mark.parametrize(("content", "sentence"), [
    (f"{MAZE[:4]}\n{MAZE[4:8]}\n{MAZE[8:12]}\n{MAZE[12:15]}", ", line 4 has 3 cells; a row of a 4x4"),
    (f"question,answer\n{MAZE},{MAZE}", ", line 2 gives the answer ' ' in row 1, column 4; the answer to its "
                                        "question has 'o' there."),
    (f"question,answer\n{FORKED},{FORKED}", f"there{SEVERAL_PATHS}."),
])
def test_a_wrong_maze_file_is_named_with_its_line(tmp_path: Path, content: str, sentence: str) -> None:
    path = tmp_path / "mazes.csv"
    path.write_text(content)
    said = refusal(str(path), MAZE4)
    assert str(path) in said
    assert sentence in said


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "noise"
    path.write_bytes(b"\xff\xfe\x00\x9f")
    assert "is no UTF-8 text" in refusal(str(path), SUDOKU9)


def test_a_network_of_another_task_or_shape_has_no_puzzle_to_name() -> None:
    with pytest.raises(NotImplementedHere, match="puzzles of the task 'arc' are not spelled"):
        find_puzzle("0", replace(MAZE4, task="arc"))
    assert "17 cells make no square" in refusal("0", replace(MAZE4, seq_len=17))
