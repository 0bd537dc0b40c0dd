"""Puzzles of a user's own: forms that people publish are read, anything else is one sentence."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from refimpl.__main__ import main
from refimpl.errors import InputError
from refimpl.models.config import ModelConfig
from workbench.checkpoints import write_npz
from workbench.content import FLOAT
from workbench.datasets.read import read_data
from workbench.evaluate import batches, measure, program
from workbench.model_config import model_config
from workbench.networks import find_network
from workbench.seeded import seeded_tensors
from workbench.tasks.arc import encode_grid
from workbench.tasks.codes import IGNORED
from workbench.tasks.puzzles import load_shipped
from workbench.tasks.readers import sudoku_tokens
from workbench.tasks.ship import spell
from workbench.tasks.sudoku import to_tokens
from workbench.tasks.task import TASKS, TOKENS, Task

SUDOKU = find_network("sudoku9-mlp").config
TINY = model_config({
    "model": "trm", "task": "sums", "seq_len": 3, "vocab_size": 7, "hidden_size": 8, "num_heads": 2,
    "L_layers": 1, "H_cycles": 1, "L_cycles": 1, "halt_max_steps": 2, "channel_intermediate_size": 8,
    "puzzle_emb_len": 1, "num_puzzle_identifiers": 4,
})  # fmt: skip
QUESTIONS = [spell(grid) for grid in load_shipped().questions[:4]]
ANSWERS = [spell(grid) for grid in load_shipped().answers[:4]]


def refusal(name: str | Path, config: ModelConfig, **choices: Any) -> str:
    with pytest.raises(InputError) as caught:
        read_data(name, config, **choices)
    assert str(caught.value).endswith(".")
    return str(caught.value)


def csv(path: Path, text: str) -> Path:
    path.write_bytes(text.encode())
    return path


@pytest.mark.parametrize(
    "header",
    [
        "question,answer",
        "puzzle,solution",
        "quizzes,solutions",
        "Puzzle,Solution",
        " question , answer ",
        "inputs,labels",
    ],
)
@pytest.mark.parametrize("bom", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_csv_of_sudokus_is_read_whatever_its_columns_and_line_ends(
    tmp_path: Path, header: str, bom: str, end: str
) -> None:
    rows = [header, *(f"{q},{a}" for q, a in zip(QUESTIONS, ANSWERS, strict=True))]
    puzzles = read_data(csv(tmp_path / "s.csv", bom + end.join(rows) + end), SUDOKU)
    assert np.array_equal(puzzles.inputs, to_tokens(load_shipped().questions[:4]))
    assert np.array_equal(puzzles.labels, to_tokens(load_shipped().answers[:4]))


def test_quotes_commas_and_line_ends_within_fields_are_those_of_rfc_4180(tmp_path: Path) -> None:
    drawn = "\r\n".join(QUESTIONS[0][k : k + 9] for k in range(0, 81, 9))
    text = f'source,question,answer\n"a, ""b""",{QUESTIONS[1]},"{ANSWERS[1]}"\nc,"{drawn}",{ANSWERS[0]}\n'
    puzzles = read_data(csv(tmp_path / "q.csv", text), SUDOKU)
    assert np.array_equal(puzzles.inputs, to_tokens(load_shipped().questions[[1, 0]]))


def test_one_row_and_the_first_rows_are_named_alike_in_every_form(tmp_path: Path) -> None:
    rows = ["puzzle,solution", *map(",".join, zip(QUESTIONS, ANSWERS, strict=True))]
    path = csv(tmp_path / "s.csv", "\n".join(rows))
    np.savez(tmp_path / "s.npz", inputs=to_tokens(load_shipped().questions[:4]))
    for name in (path, tmp_path / "s.npz"):
        one = read_data(f"{name}:2", SUDOKU)
        assert np.array_equal(one.inputs, to_tokens(load_shipped().questions[2:3]))
        assert len(read_data(name, SUDOKU, count=3).inputs) == 3
        assert "there is no number 4" in refusal(f"{name}:4", SUDOKU)
        assert "has 4 puzzles; 5 were asked for" in refusal(name, SUDOKU, count=5)
        assert "at least 1" in refusal(name, SUDOKU, count=0)


def test_a_file_without_answers_has_no_accuracy(tmp_path: Path) -> None:
    for text in ("\n".join(QUESTIONS), "puzzle\n" + "\n".join(QUESTIONS)):
        puzzles = read_data(csv(tmp_path / "s.txt", text), SUDOKU)
        assert not puzzles.labelled
        assert len(puzzles.inputs) == 4
    assert "no labels" in refused("evaluate", "sudoku9-mlp", "--data", tmp_path / "s.txt")


def refused(*arguments: object) -> str:
    import contextlib
    import io

    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        assert main([str(a) for a in arguments]) == 2
    return said.getvalue()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "holds no puzzles"),
        ("puzzle,solution\n", "holds no puzzles"),
        (f"a,b\n{QUESTIONS[0]},{ANSWERS[0]}\n", "line 1 is no csv header"),
        (f"puzzle,solution\n{QUESTIONS[0]}\n", "line 2 has 1 fields; the header names 2"),
        (
            f"puzzle,solution\n{QUESTIONS[0]},{ANSWERS[0]}\n\n{QUESTIONS[1]},5\n",
            "line 4: the answer has 1 cells",
        ),
        (f"puzzle,solution\n{QUESTIONS[0]},{ANSWERS[1]}\n", "line 2 has an answer that changes a given"),
        (f'puzzle,solution\n"{QUESTIONS[0]},{ANSWERS[0]}\n', "is no csv row"),
        (f"puzzle,solution\n{QUESTIONS[0][:-1]}x,{ANSWERS[0]}\n", "has 'x' in cell 81"),
    ],
)
def test_a_damaged_csv_is_named_with_its_line(tmp_path: Path, text: str, sentence: str) -> None:
    path = csv(tmp_path / "bad.csv", text)
    said = refusal(path, SUDOKU)
    assert str(path) in said
    assert sentence in said


def test_a_16x16_sudoku_and_a_maze_of_any_side_are_read_with_the_networks_size(tmp_path: Path) -> None:
    rows = [
        "".join("123456789ABCDEFG"[(4 * (r % 4) + r // 4 + c) % 16] for c in range(16)) for r in range(16)
    ]
    answer = "".join(rows)
    path = csv(tmp_path / "s16.csv", f"puzzle,solution\n{'.' * 16 + answer[16:]},{answer}\n")
    inputs, labels = sudoku_tokens(path, 16)
    assert (inputs[0, :16] == 1).all()
    assert labels.max() == 17
    maze, way = "S   G" + "#" * 20, "SoooG" + "#" * 20
    config = replace(TINY, task="maze", seq_len=25)
    puzzles = read_data(csv(tmp_path / "m.csv", f"input,output\n{maze},{way}\n"), config)
    assert puzzles.labels[0, :5].tolist() == [3, 5, 5, 5, 4]


def test_token_numbers_need_no_code_and_0_is_a_token_there(tmp_path: Path) -> None:
    puzzles = read_data(
        csv(tmp_path / "t.csv", 'input,label\n1 2 6,-100 -100 0\n"5,0,6",-100 -100 5\n'), TINY
    )
    assert puzzles.inputs.tolist() == [[1, 2, 6], [5, 0, 6]]
    assert puzzles.labels.tolist() == [[IGNORED, IGNORED, 0], [IGNORED, IGNORED, 5]]
    assert "has 2 numbers; the network has 3 positions" in refusal(csv(tmp_path / "u.txt", "1 2\n"), TINY)
    assert "has 'x'; token codes" in refusal(csv(tmp_path / "u.txt", "1 2 x\n"), TINY)
    assert "have 7 in puzzle 0, position 2" in refusal(csv(tmp_path / "u.txt", "1 2 7\n"), TINY)


def test_arrays_are_checked_against_the_network(tmp_path: Path) -> None:
    path, good = tmp_path / "a.npz", np.array([[1, 2, 3], [4, 5, 6]])

    def said(**arrays: np.ndarray) -> str:
        np.savez(path, **arrays)
        return refusal(path, TINY)

    assert "have 4 positions a puzzle; the network has 3" in said(inputs=np.ones((2, 4), int))
    assert "have no positions" in said(inputs=np.ones(3, int))
    assert "inputs are float64; token codes" in said(inputs=good * 1.0)
    assert "inputs have 9 in puzzle 1, position 0" in said(inputs=np.array([[1, 1, 1], [9, 1, 1]]))
    assert "labels have -1 in puzzle 0" in said(inputs=good, labels=good - 2)
    assert "2 inputs and 1 labels" in said(inputs=good, labels=good[:1])
    assert "puzzle_ids have shape (3,)" in said(inputs=good, puzzle_ids=np.zeros(3, int))
    assert "puzzle 1 has the id 4; the network has 4 puzzle rows" in said(
        inputs=good, puzzle_ids=np.array([0, 4])
    )
    assert "a file of puzzles holds inputs" in said(labels=good)
    assert "holds no puzzles" in said(inputs=good[:0])


def test_inputs_may_be_grids_and_puzzle_ids_choose_rows(tmp_path: Path) -> None:
    config = replace(TINY, seq_len=4)
    np.savez(
        tmp_path / "g.npz", inputs=np.arange(8).reshape(2, 2, 2) % 7, puzzle_ids=np.array([3, 1], np.uint8)
    )
    puzzles = read_data(tmp_path / "g.npz", config)
    assert puzzles.inputs.tolist() == [[0, 1, 2, 3], [4, 5, 6, 0]]
    assert puzzles.puzzle_ids is not None
    assert read_data(f"{tmp_path / 'g.npz'}:1", config).puzzle_ids.tolist() == [1]


def official(folder: Path, **changes: Any) -> Path:
    """A data set as the official builders write it: three puzzles of 1, 2 and 1 examples."""
    folder.mkdir(parents=True)
    description = {
        "pad_id": 0,
        "ignore_label_id": 0,
        "blank_identifier_id": 0,
        "vocab_size": 7,
        "seq_len": 3,
        "num_puzzle_identifiers": 4,
        "total_groups": 3,
        "mean_puzzle_examples": 1.3,
        "sets": ["all"],
    }
    (folder / "dataset.json").write_text(json.dumps(description | changes))
    np.save(folder / "all__inputs.npy", np.array([[1, 2, 3], [2, 2, 3], [3, 2, 3], [4, 2, 3]], np.uint8))
    np.save(folder / "all__labels.npy", np.array([[0, 2, 3], [2, 2, 3], [3, 2, 0], [4, 2, 3]], np.uint8))
    np.save(folder / "all__puzzle_identifiers.npy", np.array([1, 3, 2], np.int32))
    np.save(folder / "all__puzzle_indices.npy", np.array([0, 1, 3, 4], np.int32))
    np.save(folder / "all__group_indices.npy", np.array([0, 1, 2, 3], np.int32))
    return folder


def test_an_official_data_set_folder_is_read_with_its_identifiers_and_ignored_labels(tmp_path: Path) -> None:
    official(tmp_path / "data" / "test")
    for name in (tmp_path / "data", tmp_path / "data" / "test"):
        puzzles = read_data(name, TINY)
        assert puzzles.puzzle_ids is not None
        assert puzzles.puzzle_ids.tolist() == [1, 3, 3, 2]
        assert puzzles.labels[:, 0].tolist() == [IGNORED, 2, 3, 4]
        assert puzzles.labels[2, 2] == IGNORED
    assert "neither has its folder 'train'" in refusal(tmp_path / "data", TINY, split="train")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"vocab_size": 11}, "vocabulary of 11 tokens; the network has 7"),
        ({"vocab_size": "7"}, "vocab_size is '7'"),
        ({"sets": "all"}, "sets is 'all'"),
        ({"sets": ["../all"]}, "must be a list of names"),
        ({"sets": ["none"]}, "none__inputs.npy cannot be read"),
        ({"ignore_label_id": [0]}, "ignore_label_id is [0]"),
    ],
)
def test_a_damaged_description_is_one_sentence(
    tmp_path: Path, changes: dict[str, Any], sentence: str
) -> None:
    assert sentence in refusal(official(tmp_path / "d", **changes), TINY)


@pytest.mark.parametrize(
    ("file", "content", "sentence"),
    [
        ("inputs", b"", "is no .npy file"),
        (
            "inputs",
            b"\x93NUMPY\x01\x00\x76\x00{'descr': '|O', 'fortran_order': False, 'shape': (1,), }",
            "damaged",
        ),
        ("labels", np.zeros((3, 3), np.uint8), "they must be alike"),
        ("inputs", np.zeros((4, 3)), "must hold whole numbers"),
        ("puzzle_identifiers", np.zeros((4, 1), int), "along 1 axes"),
        ("puzzle_identifiers", np.zeros(2, int), "must hold 3 growing numbers"),
        ("puzzle_indices", np.array([0, 2, 1, 4]), "must hold 4 growing numbers"),
        ("puzzle_indices", np.array([0, 1, 3, 5]), "names 5 examples"),
    ],
)
def test_a_damaged_array_is_one_sentence(tmp_path: Path, file: str, content: Any, sentence: str) -> None:
    path = official(tmp_path / "d") / f"all__{file}.npy"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        np.save(path, content)
    assert sentence in refusal(tmp_path / "d", TINY)


ARC = replace(TINY, task="arc", seq_len=100, vocab_size=12)
PAIR = {"input": [[1, 2]], "output": [[3]]}


def test_arc_is_read_in_both_public_layouts(tmp_path: Path) -> None:
    folder = tmp_path / "evaluation"
    folder.mkdir()
    for name in ("b", "a"):
        (folder / f"{name}.json").write_text(json.dumps({"train": [PAIR], "test": [PAIR, PAIR]}))
    apart = tmp_path / "arc-agi_evaluation_challenges.json"
    apart.write_text(json.dumps({n: {"train": [PAIR], "test": [{"input": [[1, 2]]}] * 2} for n in "ab"}))
    assert not read_data(apart, ARC).labelled
    (tmp_path / "arc-agi_evaluation_solutions.json").write_text(json.dumps({n: [[[3]], [[3]]] for n in "ab"}))
    whole = read_data(folder, ARC)
    assert len(whole.inputs) == 4
    label = encode_grid(np.array([[3]], np.uint8), 10)
    assert np.array_equal(whole.labels[0], np.where(label == 0, IGNORED, label))
    found = read_data(apart, ARC)
    assert np.array_equal(found.inputs, whole.inputs)
    assert np.array_equal(found.labels, whole.labels)
    (tmp_path / "arc-agi_evaluation_solutions.json").write_text(json.dumps({"a": [[[3]]]}))
    assert "task a has 2 tests; its solutions" in refusal(apart, ARC)
    assert "does not fit the canvas of 1x1" in refusal(apart.with_name("evaluation"), replace(ARC, seq_len=1))


def test_paths_that_are_none_are_one_sentence(tmp_path: Path) -> None:
    assert "there is no file or folder" in refusal(tmp_path / "absent.csv", SUDOKU)
    assert "there is no file or folder" in refusal("x" * 5000, SUDOKU)
    assert "has no dataset.json" in refusal(tmp_path, SUDOKU)


def test_a_task_of_the_callers_own_reads_its_own_files(tmp_path: Path) -> None:
    def read(path: Path, config: ModelConfig, stop: int | None) -> tuple[np.ndarray, np.ndarray]:
        digits = np.array([[int(c) for c in line] for line in path.read_text().split()])
        return digits[:stop], np.where(digits[:stop] == 0, 0, IGNORED)

    path = csv(tmp_path / "mine.txt", "012\n110\n")
    puzzles = read_data(path, TINY, tasks={**TASKS, "sums": Task("sums", read)})
    assert puzzles.inputs.tolist() == [[0, 1, 2], [1, 1, 0]]
    assert replace(TOKENS, name="x").read is TOKENS.read


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A network of a task that no program here knows, with seeded weights, and its puzzles."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(TINY.to_dict()))
    write_npz(folder / "weights.npz", seeded_tensors(TINY, 5))
    rng = np.random.default_rng(0)
    inputs = rng.integers(0, 7, (70, 3))
    labels = np.where([True, False, True], inputs, IGNORED)
    np.savez(folder / "puzzles.npz", inputs=inputs, labels=labels, puzzle_ids=rng.integers(0, 4, 70))
    return folder


def test_an_unknown_task_is_calibrated_evaluated_swept_and_resumed(
    tiny: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, log = f"{tiny}/puzzles.npz", tiny / "log.jsonl"
    assert "--data FILE" in refused("calibrate", tiny)
    assert "--data FILE" in refused("evaluate", tiny)
    assert main(["calibrate", str(tiny), "--data", data]) == 0
    assert "first 64 puzzles" in capsys.readouterr().out
    arguments = ["evaluate", str(tiny), "--data", data, "--resume", str(log)]
    assert main(arguments) == 0
    said = capsys.readouterr().out
    assert f"{tiny} w4t, by position: 0: " in " ".join(said.split())
    whole = log.read_text().splitlines()
    assert len(whole) == 4 * 3  # formats x batches
    log.write_text("\n".join(whole[:7]) + "\n" + whole[7][:20])  # as a kill leaves it
    assert main(arguments) == 0
    assert capsys.readouterr().out == said
    assert sorted(log.read_text().splitlines()) == sorted(whole)
    assert main(["sweep", "--networks", str(tiny), "--data", data, "--weights", "w8c", "--out",
                 str(tiny / "r.jsonl"), "--workers", "1"]) == 0  # fmt: skip
    rows = [json.loads(line)["result"] for line in (tiny / "r.jsonl").read_text().splitlines()]
    assert {row["puzzles"] for row in rows} == {70}
    exact = program(find_network(str(tiny)), FLOAT)
    found = measure(exact, read_data(data, TINY))
    assert rows[0]["exact"].count("1") == found.score.exact_right
    assert found.score.cells == 140


def test_puzzles_do_not_interact_and_an_interrupt_keeps_what_is_done(tiny: Path) -> None:
    runner, puzzles = program(find_network(str(tiny)), FLOAT), read_data(f"{tiny}/puzzles.npz", TINY)
    first = dict(batches(runner, puzzles, threads=1))
    assert first == dict(batches(runner, puzzles, threads=3))
    going = batches(runner, puzzles, threads=1)
    start, part = next(going)
    going.close()  # what an interrupt does
    assert measure(runner, puzzles, done={start: part}) == measure(runner, puzzles)
    with pytest.raises(InputError, match="--threads is 0"):
        next(batches(runner, puzzles, threads=0))


@pytest.mark.parametrize(
    ("file", "network", "count"),
    [
        ("sudoku_extreme_test.csv", "sudoku9-mlp", 300),
        ("sudoku_diabolical.csv", "sudoku9-mlp", 5000),
        ("maze_hard_30x30_test.csv", "trm-att-maze", 400),
        ("arc_agi1_evaluation.json", "trm-att-arc", 419),
    ],
)
def test_public_files_are_read_whole(shared_dir: Path, file: str, network: str, count: int) -> None:
    puzzles = read_data(shared_dir / "data" / file, find_network(network).config)
    assert len(puzzles.inputs) == count
    assert puzzles.labelled
