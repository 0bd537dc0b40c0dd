"""What is committed under docs/results can be read back, and the plans there still say what they measured."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from workbench.lab.comparison import compare
from workbench.lab.diagnose import SCHEMA
from workbench.lab.plan import read_plan
from workbench.lab.results import finished_keys, read_results

RESULTS = Path(__file__).parent.parent / "docs" / "results"
PLANS = sorted(RESULTS.glob("*.toml"))
# Other commands leave JSON of their own here.
TABLES = sorted(path for path in RESULTS.glob("*.json") if "headings" in path.read_text())


@pytest.mark.parametrize("plan", PLANS, ids=lambda path: path.stem)
def test_every_cell_of_a_plan_is_finished(plan):
    planned = {cell.key for cell in read_plan(plan)}
    assert planned <= finished_keys(plan.with_suffix(".jsonl"))


@pytest.mark.parametrize("plan", PLANS, ids=lambda path: path.stem)
def test_every_variant_is_paired_with_its_float_run(plan):
    rows = compare(read_results([plan.with_suffix(".jsonl")]))
    assert all(row.paired is not None for row in rows if row.kind != "float")
    assert all(row.result.puzzles == len(row.result.exact) for row in rows)


@pytest.mark.parametrize("path", TABLES, ids=lambda path: path.stem)
def test_tables_are_whole(path):
    diagnosis = json.loads(path.read_text())
    assert diagnosis["schema"] == SCHEMA
    for table in diagnosis["tables"]:
        assert table["rows"]
        assert all(len(row) == len(table["headings"]) for row in table["rows"])
