"""What formats of 4 bits keep: a row a network, and what is finished is not measured again."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "benchmarks"))
import narrow
from narrow import Kept, measured, table

from mcusim.fitting.candidates import NAIVE
from mcusim.fitting.front import paired
from mcusim.fitting.measure import Store
from workbench.json_lines import append_line

ROW = Kept("a-network", "raced", "held out", 200, 100, 60, "w4c", 90, 97, 5.25, (-0.015, -0.05, 0.01))


def test_a_share_is_kept_of_what_float_solves_and_the_bar_stands_beside_it() -> None:
    assert ROW.kept == pytest.approx((0.97, 0.9, 1.02))
    [cells], [missed] = table([ROW]).rows, table([replace(ROW, change=(-0.0151, -0.05, 0.01))]).rows
    assert cells[3:7] == ("50.00", "30.00", "45.00", "48.50")
    assert cells[-4:] == ("60.00", "97.00", "90.0-102.0", "yes")
    assert missed[-1] == "NO"


def test_finished_networks_are_printed_from_the_results(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    results, out = tmp_path / "rows.jsonl", tmp_path / "narrow.md"
    append_line(results, vars(ROW))
    monkeypatch.setattr(narrow, "measured", None)
    monkeypatch.setattr(sys, "argv", ["narrow.py", "a-network", "--results", str(results), "--out", str(out)])
    narrow.main()
    assert "| a-network | w4c | 200 | 50.00 |" in out.read_text()
    assert out.read_text().strip() == capsys.readouterr().out.strip()


@pytest.mark.slow
def test_the_recommendation_is_a_format_of_4_bits_with_retries_and_is_measured_once(tmp_path: Path) -> None:
    store = tmp_path / "store.jsonl"
    with ThreadPoolExecutor(1) as executor:
        first = measured("sudoku6-mlp", 16, Store(store), executor)
        lines = store.read_bytes()
        assert measured("sudoku6-mlp", 16, Store(store), executor) == first
    assert store.read_bytes() == lines
    assert first.configuration.startswith("w4")
    assert NAIVE not in first.configuration
    assert first.configuration.endswith("2 retries")
    assert first.right <= first.puzzles == 16
    float_right, right = (np.arange(16) < n for n in (first.float_right, first.right))
    assert first.change[0] == pytest.approx(paired(float_right, right).change)
