"""``python -m mcusim run --data``: a network and puzzles of a task that no program here knows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mcusim.__main__ import main
from refimpl import fast
from refimpl.__main__ import main as refimpl_main
from refimpl.models.recursion import run
from workbench.checkpoints import write_npz
from workbench.model_config import model_config
from workbench.networks import find_network
from workbench.seeded import seeded_tensors

TINY = model_config(
    {
        "model": "trm", "task": "sums", "seq_len": 3, "vocab_size": 7, "hidden_size": 32, "num_heads": 2,
        "L_layers": 1, "H_cycles": 2, "L_cycles": 2, "halt_max_steps": 3, "channel_intermediate_size": 32,
        "puzzle_emb_len": 2, "num_puzzle_identifiers": 4,
    }
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sums")
    (path / "config.json").write_text(json.dumps(TINY.to_dict()))
    write_npz(path / "weights.npz", seeded_tensors(TINY, seed=3))
    rng = np.random.default_rng(1)
    inputs = rng.integers(0, 7, (40, 3))
    labels = np.where([False, True, True], inputs, -100)
    np.savez(path / "puzzles.npz", inputs=inputs, labels=labels, puzzle_ids=rng.integers(0, 4, 40))
    np.savez(path / "unlabelled.npz", inputs=inputs)
    assert refimpl_main(["calibrate", str(path), "--data", f"{path}/puzzles.npz"]) == 0
    return path


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    capsys.readouterr()
    assert main(["run", *arguments, "--full"]) == 0
    return capsys.readouterr().out


def facts(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    return json.loads(said(capsys, *arguments, "--format", "json"))


def test_a_row_of_a_file_runs_with_its_own_puzzle_row(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = f"{folder}/puzzles.npz"
    with np.load(data) as stored:
        inputs, ids = stored["inputs"], stored["puzzle_ids"]
    _, outputs = run(fast, find_network(str(folder)).integer_model("w8c"), inputs, ids)
    expected = fast.argmax(outputs.logits)
    assert len(set(ids[:4])) > 1
    for row in range(4):
        found = facts(capsys, "--model", str(folder), "--weights", "w8c", "--data", f"{data}:{row}")["puzzle"]
        assert found["prediction"] == expected[row].tolist()
        assert found["origin"] == f"{data}, puzzle {row}"
        assert found["cells"] == 2
    whole = facts(capsys, "--model", str(folder), "--weights", "w8c", "--data", data, "--puzzle", "3")[
        "puzzle"
    ]
    assert whole["prediction"] == expected[3].tolist()


def test_token_answers_are_printed_as_numbers(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = said(capsys, "--model", str(folder), "--data", f"{folder}/puzzles.npz:0")
    rows = {
        line.split()[0]: line.split()[1:] for line in out.splitlines() if line.startswith(("quest", "pred"))
    }
    assert len(rows["question"]) == len(rows["prediction"]) == 3


def test_a_puzzle_without_a_label_is_answered_and_not_judged(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("--model", str(folder), "--data", f"{folder}/unlabelled.npz:2")
    assert facts(capsys, *arguments)["puzzle"]["right"] is None
    assert "the answer is n/a (the puzzle has no label)" in " ".join(said(capsys, *arguments).split())
    assert main(["run", *arguments, "--all"]) == 2
    assert "accuracy n/a" in capsys.readouterr().err


def test_all_counts_the_whole_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = facts(capsys, "--model", str(folder), "--data", f"{folder}/puzzles.npz", "--all")["all_puzzles"]
    assert (found["puzzles"], found["cells"]) == (40, 80)


def test_seeded_weights_cost_and_have_no_accuracy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    side = 30
    maze = "S" + " " * (side - 2) + "G" + "#" * (side * side - side)
    (tmp_path / "m.csv").write_text(f"question,answer\n{maze},{maze.replace(' ', 'o')}\n")
    # A paper-shaped preset: shapes are counted, nothing is executed.
    found = main(
        ["run", "--model", "trm-att-maze", "--data", f"{tmp_path}/m.csv:0", "--budget", "8MB", "--full"]
    )
    assert found in (0, 1)
    out = " ".join(capsys.readouterr().out.split())
    assert "accuracy n/a (untrained weights)" in out
    assert "1911 G MACs" in out


@pytest.mark.parametrize(("arguments", "sentence"), [
    (("--data", "absent.csv"), "there is no file or folder absent.csv"),
    (("--puzzle", "0"), "--data FILE"),
    (("--puzzle", "1 2 3"), "--data FILE:ROW"),
])  # fmt: skip
def test_what_cannot_be_read_is_one_sentence(
    folder: Path, arguments: tuple[str, ...], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "--model", str(folder), *arguments]) == 2
    assert sentence in capsys.readouterr().err


def test_a_puzzle_of_data_is_a_number(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = ("--model", str(folder), "--data", f"{folder}/puzzles.npz")
    for number, sentence in (("40", "they are 0 to 39"), ("x", "it is a number")):
        assert main(["run", *data, "--puzzle", number]) == 2
        assert sentence in capsys.readouterr().err
