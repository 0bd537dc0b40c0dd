"""Every JSON document of ``docs/schemas`` is what its command writes: no key more, none less."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from closed_schema import violations
from test_executors import AtOnce
from test_fit import ALL, BIG, HALF, W3, W4, W8

from mcusim.__main__ import main as mcusim
from mcusim.fitting.deploy import Deployed
from mcusim.fitting.front import Limits, choose
from mcusim.fitting.report import Found, sheet
from mcusim.parts import load_part
from refimpl.__main__ import main as refimpl
from refimpl.formats import parse_format
from workbench.lab import results
from workbench.lab.cell import Cell, Choice
from workbench.lab.sweep import sweep
from workbench.lab.variant import Variant

ROOT = Path(__file__).resolve().parents[1]
SCHEMAS = {path.stem: json.loads(path.read_text()) for path in (ROOT / "docs" / "schemas").glob("*.json")}
SPANS = {"low": 1, "high": 2}, {"low": 1.5, "high": 3}
RUN = ["run", "--no-fidelity", "--stop", "fixed", "--steps"]


def written(command: Callable[[Sequence[str]], int], path: Path, *words: str) -> Any:
    """What ``command`` writes; it is held to the schema that it states."""
    assert command([*words, "--format", "json", "--out", str(path)]) in (0, 1)
    return held(json.loads(path.read_text()))


def held(data: Any) -> Any:
    schema = SCHEMAS[re.sub(r"[./]", "-", data["schema"])]
    assert violations(data, schema, schema) == []
    return data


def test_a_schema_is_closed_named_by_what_it_describes_and_says_so() -> None:
    assert len(SCHEMAS) >= 8
    for name, schema in SCHEMAS.items():
        assert re.sub(r"[./]", "-", schema["title"]) == name
        assert schema["properties"]["schema"] == {"const": schema["title"]}
        assert schema["description"]
        assert schema["additionalProperties"] is False


@pytest.mark.parametrize("words", [
    [*RUN, "1"], ["plan"], ["check", "sudoku9-mlp-int4", "sudoku-mlp-fp32"],
], ids=" ".join)  # fmt: skip
def test_reports_of_a_simulation(tmp_path: Path, words: list[str]) -> None:
    written(mcusim, tmp_path / "r.json", *words)


@pytest.mark.slow
@pytest.mark.parametrize("words", [
    ["run", "arc-att-int4", "--H-cycles", "1", "--steps", "1"], ["run", "--model", "sudoku6-mlp", "--all"],
    [*RUN, "1", "--budget", "64KB"], ["run", "sudoku9-att-int8"], ["plan", "arc-att-int4"],
    ["plan", "sudoku9-att-int8"], ["check"],
], ids=" ".join)  # fmt: skip
def test_more_reports_of_a_simulation(tmp_path: Path, words: list[str]) -> None:
    """Untrained, measured now, of an attention, of every deployment."""
    written(mcusim, tmp_path / "r.json", *words)


def test_what_two_reports_differ_in(tmp_path: Path) -> None:
    files = [tmp_path / f"{n}.json" for n in (1, 2)]
    for number, file in enumerate(files):
        total = {"macs": number, "time": SPANS[number]}
        file.write_text(json.dumps({"schema": "mcusim-run/2", "total": total, "refusal": "no" * number,
                                    "fits": bool(number)}))  # fmt: skip
    assert len(written(mcusim, tmp_path / "c.json", "compare", *map(str, files))["moved"]) == 4


def test_a_fit() -> None:
    rows = [W8, HALF, W4, W3, BIG]
    choice = choose(rows, Limits(0.98), (ALL, ALL))
    made = [Deployed(Path("fit/recommended/deployment.toml"), Path("fit/recommended-c"), "", "gcc")]
    for found in (choice, choose([BIG], Limits(0.98), (ALL, ALL))):
        part, left = load_part("stm32h743", None), [W4]
        floats = np.ones(100, bool), np.ones(100, bool)
        data = sheet(Found("n", part, Limits(0.98, 2.0), "c", "h", floats, rows, left, found, made)).data
        held(json.loads(json.dumps(data)))


def test_a_line_of_a_sweep_and_the_report_of_it(tmp_path: Path) -> None:
    """A line without a schema is one of an older file."""
    path = tmp_path / "r.jsonl"
    stops = ("fixed", "head+settled,t=300")
    sweep([Cell(Variant("sudoku6-mlp", parse_format("w4c"), 1, 2, stop), Choice(4)) for stop in stops], path,
          AtOnce())  # fmt: skip
    for line in path.read_text().splitlines():
        held(json.loads(line))
    report = written(refimpl, tmp_path / "report.json", "report", str(path))
    assert {row["stopping"] is None for row in report["rows"]} == {True, False}
    old = json.loads(path.read_text().splitlines()[0])
    del old["schema"]
    path.write_text(json.dumps(old) + "\n")
    assert len(results.read_results([path])) == 1


@pytest.mark.slow
def test_a_diagnosis(tmp_path: Path) -> None:
    written(refimpl, tmp_path / "d.json", "diagnose", "sites", "--network", "sudoku6-mlp", "--puzzles", "2")
