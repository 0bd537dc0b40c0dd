"""Puzzles that a user names: numbers, strings, files, and what is said about wrong ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from refimpl.errors import InputError
from refimpl.tasks.puzzles import load_shipped, parse_puzzle
from refimpl.tasks.ship import DATA, SHIPPED, spell
from refimpl.tasks.sudoku_generate import generate

QUESTION = spell(load_shipped().questions[5])
ANSWER = load_shipped().answers[5]


def test_a_number_names_a_shipped_puzzle() -> None:
    puzzle = parse_puzzle("5")
    assert spell(puzzle.question) == QUESTION
    assert np.array_equal(puzzle.answer, ANSWER)


@pytest.mark.parametrize("text", [QUESTION, QUESTION.replace(".", "0")])
def test_a_string_of_81_cells_is_solved_on_the_way_in(text: str) -> None:
    puzzle = parse_puzzle(text)
    assert spell(puzzle.question) == QUESTION
    assert np.array_equal(puzzle.answer, ANSWER)


def test_a_csv_file_gives_its_first_puzzle_or_the_row_named() -> None:
    path = DATA / SHIPPED.file
    assert spell(parse_puzzle(str(path)).question) == spell(load_shipped().questions[0])
    assert spell(parse_puzzle(f"{path}:5").question) == QUESTION


def test_a_text_file_is_one_puzzle_per_line_or_one_drawn_grid(tmp_path: Path) -> None:
    lines = tmp_path / "lines.txt"
    lines.write_text(f"{spell(load_shipped().questions[0])}\n{QUESTION}\n")
    assert spell(parse_puzzle(f"{lines}:1").question) == QUESTION
    drawn = tmp_path / "drawn.txt"
    rows = [QUESTION[k:k + 9] for k in range(0, 81, 9)]
    drawn.write_text("\n".join(f"{r[:3]} | {r[3:6]} | {r[6:]}" + "\n----+-----+----" * (k in (2, 5))
                               for k, r in enumerate(rows)))
    assert spell(parse_puzzle(str(drawn)).question) == QUESTION


def test_a_6x6_puzzle_is_read_with_its_own_size() -> None:
    batch = generate(1, 14, seed=1, size=6)
    puzzle = parse_puzzle(spell(batch.questions[0]), size=6)
    assert np.array_equal(puzzle.answer, batch.answers[0])



@pytest.mark.parametrize(("text", "sentence"), [
    ("256", "there is no puzzle number 256; the shipped puzzles are 0 to 255."),
    ("-1", "there is no puzzle number -1; the shipped puzzles are 0 to 255."),
    (QUESTION[:-1], "has 80 cells; a 9x9 Sudoku has 81."),
    (QUESTION + "..", "has 83 cells; a 9x9 Sudoku has 81."),
    ("1" * 30, "has 30 cells; a 9x9 Sudoku has 81."),
    (QUESTION[:10] + "x" + QUESTION[11:], "has 'x' in row 2, column 2; a cell is a digit 1 to 9"),
    ("5.......5" + "." * 72, "contradict each other: 5 stands in row 1, column 1 and in row 1, column 9."),
    ("12345678........." + "9" + "." * 63, "has no solution."),
    ("." * 81, "has more than one solution (0 givens); a puzzle must have exactly one."),
    ("nowhere.csv", "is no number of a shipped puzzle, no existing file, and no string of 81 cells"),
    ("", "has 0 cells; a 9x9 Sudoku has 81."),
])
def test_a_wrong_puzzle_gets_a_sentence_of_its_own(text: str, sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_puzzle(text)
    assert sentence in str(caught.value)
    assert str(caught.value).endswith(".")


def test_numbers_name_9x9_puzzles_only() -> None:
    with pytest.raises(InputError, match="the shipped puzzles are 9x9 and this model plays 6x6"):
        parse_puzzle("0", size=6)


def test_a_digit_too_large_for_the_size_is_illegal() -> None:
    with pytest.raises(InputError, match="has '7' in row 1, column 1; a cell is a digit 1 to 6"):
        parse_puzzle("7" + "." * 35, size=6)


@pytest.mark.parametrize(("content", "row", "sentence"), [
    ("", 0, "is empty."),
    ("question,answer\n" + QUESTION, 0, ", line 2 has 1 fields; the header names 2."),
    (f"question,answer\n{QUESTION},{spell(ANSWER)}", 3, "has 1 puzzles; there is no number 3"),
    (f"question,answer\n{QUESTION},{spell(ANSWER)[::-1]}", 0, ", line 2 gives the answer"),
    (f"question\n{QUESTION}\n{QUESTION[1:]}", 1, ", line 3 has 80 cells"),
    (f"{QUESTION}\n\n{QUESTION[1:]}5x", 1, ", line 3 has 82 cells"),
    (QUESTION, 1, "has 1 puzzles; there is no number 1"),
    ("1.3", 0, "has 3 cells"),
    ("1.3", 2, "holds a single puzzle; there is no number 2"),
])
def test_a_wrong_file_is_named_with_its_line(tmp_path: Path, content: str, row: int, sentence: str) -> None:
    path = tmp_path / "puzzles.csv"
    path.write_text(content)
    with pytest.raises(InputError) as caught:
        parse_puzzle(f"{path}:{row}")
    assert str(path) in str(caught.value)
    assert sentence in str(caught.value)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "noise"
    path.write_bytes(b"\xff\xfe\x00\x9f")
    with pytest.raises(InputError, match="is no UTF-8 text"):
        parse_puzzle(str(path))
