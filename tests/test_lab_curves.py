"""Claims: a training curve is drawn from the card that ships, and a card without one is named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from refimpl.__main__ import main
from workbench.checkpoints import read_json
from workbench.lab.curves import points_of, sheet
from workbench.networks import find_network
from workbench.render.plot import Lines

MEASURE = "32 givens exact"


def test_every_point_of_a_cards_curve_is_in_the_data(tmp_path: Path) -> None:
    out = tmp_path / "c.json"
    assert main(["curves", MEASURE, "sudoku9-pair-mlp", "--format", "json", "--out", str(out)]) == 0
    folder = find_network("sudoku9-pair-mlp").folder
    assert folder is not None
    points = [[p["step"], p[MEASURE]] for p in read_json(folder / "config.json")["curve"]]
    assert json.loads(out.read_text())["series"] == {f"sudoku9-pair-mlp, {MEASURE}": points}


def test_the_table_and_the_plot_end_at_the_last_value(capsys: pytest.CaptureFixture[str]) -> None:
    networks = [find_network(name) for name in ("sudoku9-pair-mlp", "sudoku9-pair-att")]
    made = sheet(networks, MEASURE)
    (plot,) = made.plots
    assert isinstance(plot, Lines)
    for (name, points), row in zip(points_of(networks, MEASURE).items(), made.parts[0].rows, strict=True):
        steps, shares = plot.series[name]
        assert (steps[-1], shares[-1]) == points[-1]
        assert row[:3] == (name, f"{points[-1][0]:,.0f}", f"{points[-1][1]:.4f}")
    assert main(["curves", MEASURE, "sudoku9-pair-mlp"]) == 0
    assert "last step" in capsys.readouterr().out



def test_a_network_without_such_a_curve_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "c.svg"
    assert main(["curves", "colour", "sudoku9-pair-mlp", "--format", "svg", "--out", str(out)]) == 2
    assert "no card of sudoku9-pair-mlp has a curve of 'colour'" in capsys.readouterr().err
    assert not out.exists()
