"""``python -m mcusim run`` on a maze: a tiny seeded network in a folder, as a user would bring it."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mcusim.__main__ import main
from refimpl import ops
from refimpl.__main__ import main as refimpl_main
from refimpl.models.recursion import run
from workbench.checkpoints import write_npz
from workbench.model_config import model_config
from workbench.networks import find_network
from workbench.seeded import seeded_tensors
from workbench.tasks import maze
from workbench.tasks.games import SEVERAL_PATHS
from workbench.tasks.sets import evaluation_set

SHAPE = {"model": "trm", "task": "maze", "seq_len": 36, "vocab_size": 6, "hidden_size": 32, "num_heads": 2,
         "L_layers": 1, "H_cycles": 2, "L_cycles": 2, "halt_max_steps": 3, "puzzle_emb_len": 2,
         "pos_encodings": "rope", "channel_intermediate_size": 32}  # fmt: skip

Say = Callable[..., tuple[int, str]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("maze6")
    (path / "config.json").write_text(json.dumps(SHAPE))
    write_npz(path / "weights.npz", seeded_tensors(model_config(SHAPE), seed=3), dtype="float16")
    with contextlib.redirect_stdout(io.StringIO()):
        assert refimpl_main(["calibrate", str(path)]) == 0
    return str(path)


@pytest.fixture
def say(folder: str, capsys: pytest.CaptureFixture[str]) -> Say:
    """Run on the tiny network; exit code and output."""

    def said(*args: str) -> tuple[int, str]:
        code = main(["run", "--model", folder, "--full", *args])
        return code, capsys.readouterr().out

    return said


def facts(answer: tuple[int, str]) -> dict[str, Any]:
    code, out = answer
    assert code == 0
    return json.loads(out)


def test_a_numbered_maze_is_answered_as_the_specification_answers_it(say: Say, folder: str) -> None:
    said = facts(say("--puzzle", "7", "--format", "json"))
    puzzle, puzzles = said["puzzle"], evaluation_set(find_network(folder).config)
    assert puzzle["task"] == "maze"
    assert puzzle["question"] == puzzles.inputs[7].tolist()
    assert puzzle["label"] == puzzles.labels[7].tolist()
    _, outputs = run(ops, find_network(folder).integer_model("w4c"), puzzles.inputs[7:8])
    assert puzzle["prediction"] == ops.argmax(outputs.logits)[0].tolist()
    assert puzzle["cells"] == 36
    assert puzzle["cells_right"] == np.count_nonzero(np.array(puzzle["prediction"]) == puzzles.labels[7])
    assert puzzle["right"] == (puzzle["cells_right"] == 36)


def test_number_string_file_and_row_name_the_same_maze(say: Say, folder: str, tmp_path: Path) -> None:
    text = maze.spell(evaluation_set(find_network(folder).config).inputs[7])
    drawn, listed = tmp_path / "drawn.txt", tmp_path / "mazes.csv"
    drawn.write_text("\n".join(text[k : k + 6] for k in range(0, 36, 6)) + "\n")
    listed.write_text(f"question,rating\n{text},0\n{text},0\n")
    said = [
        facts(say("--puzzle", name, "--format", "json", "--no-fidelity"))["puzzle"]
        for name in ("7", text, str(drawn), f"{listed}:1")
    ]
    assert len({one.pop("origin") for one in said}) == 4
    assert all(one == said[0] for one in said)


@pytest.mark.parametrize("width", [20, 80, 120])
def test_the_report_draws_question_prediction_and_answer(
    width: int, say: Say, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    code, text = say("--puzzle", "7", "--no-fidelity")
    assert code == 0
    assert "the answer is wrong" in " ".join(text.split())
    lines = text.splitlines()
    puzzles = evaluation_set(find_network(folder).config)
    shown = {"question": puzzles.inputs[7], "answer": puzzles.labels[7]}
    for heading, tokens in shown.items():  # side by side, or below each other in a narrow terminal
        top = next(i for i, line in enumerate(lines) if heading in line.split())
        left = lines[top].index(heading)
        drawn = [line[left : left + 6].ljust(6) for line in lines[top + 1 : top + 7]]
        assert "".join(drawn) == maze.spell(tokens)
    side_by_side = any(line.split() == ["question", "prediction", "answer"] for line in lines)
    assert side_by_side == (width >= 80)


@pytest.mark.parametrize("form", ["md", "svg"])
def test_every_form_gives_the_verdict_on_the_maze(form: str, say: Say) -> None:
    code, text = say("--puzzle", "7", "--no-fidelity", "--format", form)
    assert code == 0
    plain = text.replace("&#160;", " ").replace("**", "")
    assert "puzzle 7 of 256 generated 6x6 mazes" in plain
    assert "cells right" in plain


def test_all_judges_the_mazes_that_numbers_name(say: Say) -> None:
    said = facts(say("--all", "--no-fidelity", "--format", "json"))
    assert said["all_puzzles"]["puzzles"] == 256
    assert said["all_puzzles"]["origin"] in said["puzzle"]["origin"]


def test_several_shortest_paths_are_no_fault_and_are_named(say: Say) -> None:
    said = facts(say("--puzzle", "S" + 34 * " " + "G", "--no-fidelity", "--format", "json"))
    assert said["puzzle"]["origin"].endswith(SEVERAL_PATHS)


def test_a_maze_in_too_small_a_budget_exits_1(say: Say) -> None:
    code, text = say("--budget", "16KB", "--no-fidelity")
    assert code == 1
    assert "bytes missing" in text


@pytest.mark.parametrize(
    ("puzzle", "sentence"),
    [
        ("256", "they are 0 to 255"),
        ("S" + 34 * " " + "o", "'o' in row 6, column 6, which belongs in an answer"),
        ("S" + 35 * " ", "has 0 cells G; a maze has exactly one goal"),
        ("S" + 34 * "#" + "G", "no way from start S to goal G"),
        ("S G", "has 3 cells; a 6x6 maze has 36"),
        ("nowhere.txt", "no existing file"),
    ],
)
def test_a_bad_maze_is_one_sentence_and_exit_2(
    puzzle: str, sentence: str, folder: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "--model", folder, "--no-fidelity", "--puzzle", puzzle]) == 2
    said = capsys.readouterr()
    assert sentence in said.err
    assert said.out == ""
    assert len(said.err.strip().splitlines()) == 1


def test_a_network_of_arc_is_refused_in_one_sentence(
    folder: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for file in Path(folder).iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "config.json").write_text(json.dumps(SHAPE | {"task": "arc"}))
    assert main(["run", "--model", str(tmp_path)]) == 2
    assert "puzzles of the task 'arc' are not spelled on a command line" in capsys.readouterr().err
