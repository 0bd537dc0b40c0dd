"""Claims: a training curve is drawn from the card that ships, and a card without one is named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from refimpl.__main__ import main
from workbench.checkpoints import read_json
from workbench.networks import find_network

MEASURE = "32 givens exact"


def test_every_point_of_a_cards_curve_is_in_the_data(tmp_path: Path) -> None:
    out = tmp_path / "c.json"
    assert main(["curves", MEASURE, "sudoku9-pair-mlp", "--format", "json", "--out", str(out)]) == 0
    folder = find_network("sudoku9-pair-mlp").folder
    assert folder is not None
    points = [[p["step"], p[MEASURE]] for p in read_json(folder / "config.json")["curve"]]
    assert json.loads(out.read_text())["series"] == {f"sudoku9-pair-mlp, {MEASURE}": points}


def test_the_plot_starts_low_and_ends_at_the_last_value(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["curves", MEASURE, "sudoku9-pair-mlp", "sudoku9-pair-att"]) == 0
    lines = [line.partition("│")[2] for line in capsys.readouterr().out.splitlines() if "│" in line]
    assert lines[0].rstrip().endswith("o")  # the MLP mixer ends at 1
    assert lines[-1].strip()[0] in "ox"
    assert "x" in "".join(lines)


def test_a_network_without_such_a_curve_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "c.svg"
    assert main(["curves", "colour", "sudoku9-pair-mlp", "--format", "svg", "--out", str(out)]) == 2
    assert "no card of sudoku9-pair-mlp has a curve of 'colour'" in capsys.readouterr().err
    assert not out.exists()
