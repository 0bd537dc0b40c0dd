"""``python -m refimpl``: every refusal is one sentence on stderr and exit code 2, and writes nothing."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from checkpoints_by_hand import name, text

from refimpl.__main__ import main
from refimpl.errors import InputError
from workbench.checkpoints import read_json, write_card
from workbench.model_config import model_config
from workbench.networks import find_network
from workbench.seeded import seeded_tensors

TINY = {"model": "trm", "seq_len": 4, "vocab_size": 5, "hidden_size": 8, "num_heads": 2, "L_layers": 1,
        "H_cycles": 1, "L_cycles": 1, "halt_max_steps": 1, "channel_intermediate_size": 8}  # fmt: skip


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    assert main([str(a) for a in arguments]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert len(said.err.strip().splitlines()) == 1
    return said.err


def checkpoint(folder: Path, **changes: np.ndarray) -> Path:
    tensors = seeded_tensors(model_config(TINY)) | changes
    (folder / "config.json").write_text(json.dumps(TINY))
    np.savez(folder / "weights.npz", **tensors)  # keeps whatever types a test wants
    return folder / "weights.npz"


def test_a_sound_checkpoint_is_imported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", str(checkpoint(tmp_path)), str(tmp_path / "out")]) == 0
    assert find_network(str(tmp_path / "out")).config.hidden_size == 8


def test_a_malicious_pickle_is_refused_and_creates_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    victim = tmp_path / "created"
    attack = b"\x80\x02" + name("builtins", "open") + b"(" + text(str(victim)) + text("w") + b"tR."
    with zipfile.ZipFile(tmp_path / "evil.pt", "w") as archive:
        archive.writestr("evil/data.pkl", attack)
    assert "builtins.open" in refused(capsys, "import", tmp_path / "evil.pt", tmp_path / "out")
    assert not victim.exists()
    assert not (tmp_path / "out").exists()


def test_each_kind_of_bad_checkpoint_gets_its_own_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = "inner.lm_head.weight"
    good = seeded_tensors(model_config(TINY))[key]
    nan = good.copy()
    nan[0, 0] = np.nan
    sentences = []
    for bad in (nan, good[:, :-1], good.astype(np.int32)):
        sentences.append(refused(capsys, "import", checkpoint(tmp_path, **{key: bad}), tmp_path / "out"))
        assert key in sentences[-1]
    path = checkpoint(tmp_path)
    path.write_bytes(path.read_bytes()[:-100])
    sentences.append(refused(capsys, "import", path, tmp_path / "out"))
    assert len(set(sentences)) == 4
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["evaluate", "sudoku9-mpl"], "did you mean 'sudoku9-mlp'?"),
        (["evaluate", "trm-mlp-sudoku"], "accuracy n/a (untrained weights)"),
        (["evaluate", "--puzzles", "0"], "at least 1"),
        (["quantize", "sudoku9-mlp", "/nowhere/x.img"], "cannot be written"),
        (["quantize", "sudoku9-mlp", "x.img", "--weights", "w44c"], "weight format"),
        (["calibrate", "hrm-maze"], "seeded weights"),
        (["show", "sudoku", "--row", "256"], "there are 256"),
        (["show", "maze", "/nowhere.csv"], "/nowhere.csv"),
        (["show", "arc", "/nowhere.json"], "cannot be read"),
    ],
)
def test_bad_requests_are_one_sentence(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sentence in refused(capsys, *arguments)


def test_a_config_with_words_for_numbers_is_refused() -> None:
    with pytest.raises(InputError, match="hidden_size is 'wide'; it must be a whole number"):
        model_config(TINY | {"hidden_size": "wide"})


def test_quantize_writes_the_image_that_the_simulator_counts(tmp_path: Path) -> None:
    target = tmp_path / "net.img"
    assert main(["quantize", "sudoku6-mlp", str(target), "--bounds"]) == 0
    assert target.read_bytes() == find_network("sudoku6-mlp").image("w4c")


def test_show_prints_each_kind_of_puzzle(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    task = {"train": [{"input": [[1, 2]], "output": [[2, 1]]}], "test": [{"input": [[3]], "output": [[4]]}]}
    (tmp_path / "swap.json").write_text(json.dumps(task))
    assert main(["show", "arc", str(tmp_path / "swap.json")]) == 0
    assert "task swap" in capsys.readouterr().out
    assert main(["show", "maze", "--size", "10", "--row", "1"]) == 0
    assert {"S", "G", "o", "#"} <= set(capsys.readouterr().out)
    assert main(["show", "sudoku", "--row", "3"]) == 0
    assert "question" in capsys.readouterr().out


def test_evaluate_prints_accuracy_of_the_formats_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["evaluate", "sudoku6-mlp", "--puzzles", "8", "--formats", "float,w8c", "--format", "json"]
    assert main(arguments) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert [(row["format"], row["puzzles"]) for row in rows] == [("float", 8), ("w8c", 8)]
    assert all(row["low"] <= row["exact"] <= row["high"] for row in rows)


def test_evaluate_compares_with_the_card_on_the_cards_own_puzzles(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "mine"
    shutil.copytree(find_network("sudoku6-mlp").folder, folder)
    assert main(["evaluate", str(folder), "--card", "--givens", "12", "--puzzles", "16"]) == 0
    stated = read_json(folder / "config.json")["held_out"]["12 givens"]
    assert (stated["puzzles"], stated["givens"]) == (16, 12)
    capsys.readouterr()
    assert main(["evaluate", str(folder), "--puzzles", "16", "--formats", "float", "--format", "json"]) == 0
    [row] = json.loads(capsys.readouterr().out)["rows"]
    assert row["exact"] == pytest.approx(stated["exact"], abs=5e-5)  # the card rounds to four places
    assert row["agrees_with_card"]
    assert "12 givens, seed 3000017" in row["origin"]
    card = read_json(folder / "config.json")
    card["held_out"]["12 givens"] |= {"exact": 0.0, "exact_interval_95": [0.0, 0.001]}
    write_card(folder, card)
    assert main(["evaluate", str(folder), "--puzzles", "16", "--formats", "float"]) == 1
    assert "DIFFERS by more than chance" in " ".join(capsys.readouterr().out.split())


def test_a_card_is_written_for_a_named_set_only(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "sudoku6-mlp", "--card"]) == 2
    assert "--card needs --givens and --puzzles" in capsys.readouterr().err
