"""The Python door: docs/api.md runs as it stands, and wrong requests are sentences."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from mcusim.api import simulate, to_json
from refimpl.__main__ import main
from refimpl.errors import InputError
from workbench.api import calibrate, evaluate, load, puzzles_of, quantize, save_calibration

PAGE = Path(__file__).resolve().parents[1] / "docs" / "api.md"


def test_the_page_runs_block_by_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert len(blocks) >= 4
    scope: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, str(PAGE), "exec"), scope)
    assert len(capsys.readouterr().out.splitlines()) == 6
    assert (tmp_path / "chip" / "selftest").is_dir()
    assert scope["image"] == load("sudoku6-mlp").image("w4c")


def test_commands_and_functions_are_the_same_thing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    network = load("sudoku6-mlp")
    assert main(["quantize", "sudoku6-mlp", str(tmp_path / "x.img"), "--weights", "w8c"]) == 0
    assert (tmp_path / "x.img").read_bytes() == quantize(network, "w8c")
    given, data = puzzles_of(network, count=4), str(tmp_path / "four.npz")
    np.savez(data, inputs=given.inputs)
    arguments = ["calibrate", "sudoku6-mlp", "--data", data, "--puzzles", "4"]
    assert main([*arguments, "--out", str(tmp_path / "c.json")]) == 0
    saved = save_calibration(calibrate(network, data, count=4), tmp_path / "d.json")
    assert saved.read_bytes() == (tmp_path / "c.json").read_bytes()


def test_ranges_of_other_weights_are_refused_with_the_command_that_takes_them_anew(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "a network"
    shutil.copytree(load("sudoku6-mlp").folder, folder)
    shutil.copy(load("sudoku9-mlp").folder / "calibration.json", folder)
    with pytest.raises(InputError, match=r"the ranges are of those with digest 57ff1150c327, the network"):
        quantize(load(folder))
    (folder / "calibration.json").write_text('{"absmax": {}, "source": "an older version"}')
    with pytest.raises(InputError, match="the ranges are of unknown weights"):
        quantize(load(folder))


def test_wrong_requests_are_one_sentence(tmp_path: Path) -> None:
    network = load("sudoku6-mlp")
    for call, sentence in (
        (lambda: simulate(network, weight="w4c"), "is not asked for weight; it is for deployment"),
        (lambda: simulate(network, carry="int4"), "no carry format 'int4'"),
        (lambda: simulate(network, steps=2.5), "steps is 2.5; it must be a whole number"),
        (lambda: simulate(calibrate(network, puzzles_of(network, count=4))), "are in memory alone"),
        (lambda: evaluate(load("trm-mlp-sudoku")), "accuracy n/a (untrained weights)"),
        (lambda: evaluate(network, tmp_path / "none.csv"), "there is no file"),
        (lambda: calibrate(load("trm-mlp-sudoku")), "seeded weights"),
        (lambda: load("sudoku9-mpl"), "did you mean 'sudoku9-mlp'?"),
    ):
        with pytest.raises(InputError) as caught:
            call()
        assert sentence in str(caught.value)


def test_a_report_is_data() -> None:
    report = simulate("sudoku6-mlp", weights="w8c", steps=1, no_fidelity=True)
    assert to_json(report)["fits"] is report.fits
    assert report.subject.format == "w8c-a8-c16"
