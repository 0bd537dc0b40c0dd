"""Claims: a training curve is drawn from the card that ships, and a card without one is named."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from refimpl.__main__ import main
from workbench.checkpoints import read_json
from workbench.networks import find_network


def test_every_point_of_a_cards_curve_is_on_the_line(tmp_path: Path) -> None:
    assert main(["curves", str(tmp_path / "c.svg"), "32 givens exact", "sudoku9-pair-mlp"]) == 0
    folder = find_network("sudoku9-pair-mlp").folder
    assert folder is not None
    points = read_json(folder / "config.json")["curve"]
    lines = ElementTree.parse(tmp_path / "c.svg").findall("{http://www.w3.org/2000/svg}polyline")
    assert len(lines) == 1
    heights = [float(pair.split(",")[1]) for pair in lines[0].attrib["points"].split()]
    drawn = [310 - 300 * point["32 givens exact"] for point in points]
    assert heights == pytest.approx(drawn, abs=0.06)  # drawn with one decimal


def test_a_network_without_such_a_curve_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["curves", str(tmp_path / "c.svg"), "colour", "sudoku9-pair-mlp"]) == 2
    assert "no card of sudoku9-pair-mlp has a curve of 'colour'" in capsys.readouterr().err
    assert not (tmp_path / "c.svg").exists()
