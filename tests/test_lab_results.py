"""What is committed under results can be read back: plans say what was measured, tables are printed
from the data."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from workbench.files.typed import build
from workbench.json_lines import read_lines
from workbench.lab.comparison import compare
from workbench.lab.plan import read_plan
from workbench.lab.report import read_tables, sheet
from workbench.lab.results import finished_names, read_results
from workbench.networks import find_network, image_bytes_of
from workbench.render.grid import markdown
from workbench.render.sheet import render

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "benchmarks"))
from narrow import Kept, table

RESULTS = Path(__file__).parent.parent / "results"
PLANS = sorted(RESULTS.glob("*.toml"))
NARROW = RESULTS / "narrow.jsonl"  # rows of benchmarks/narrow.py
SWEEPS = sorted(set(RESULTS.glob("*.jsonl")) - {NARROW})
DATA = sorted([*RESULTS.glob("*.json"), *SWEEPS])


@pytest.mark.parametrize("plan", PLANS, ids=lambda path: path.stem)
def test_every_cell_of_a_plan_is_finished(plan):
    planned = {cell.key for cell in read_plan(plan)}
    assert planned <= finished_names(plan.with_suffix(".jsonl"))


@pytest.mark.parametrize("plan", PLANS, ids=lambda path: path.stem)
def test_every_variant_is_paired_with_its_float_run(plan):
    rows = compare(read_results([plan.with_suffix(".jsonl")]))
    assert all(row.paired is not None for row in rows if row.kind != "float")
    assert all(row.result.puzzles == len(row.result.exact) for row in rows)


@pytest.mark.parametrize("path", DATA, ids=lambda path: path.name)
def test_the_printed_tables_are_those_of_the_data(path):
    """They are made by ``report FILE --format md --out tables/NAME.md``, never by hand."""
    printed = path.parent / "tables" / f"{path.stem}.md"
    if path.suffix == ".json":
        assert printed.read_text() == render(sheet([], read_tables(path)), "md")
    else:
        assert printed.read_text() == render(sheet(read_results([path])), "md")


def test_the_table_of_narrow_formats_is_that_of_its_rows():
    rows = [build(line, Kept) for line in read_lines(NARROW, "results")]
    printed = (RESULTS / "tables" / "narrow.md").read_text()
    assert printed == markdown(table(sorted(rows, key=lambda row: row.network))) + "\n"


@pytest.mark.parametrize("path", SWEEPS, ids=lambda path: path.stem)
def test_stored_bytes_of_integer_rows_are_the_length_of_their_image(path):
    for row in read_results([path]):
        variant = row.variant
        if variant.format.integer:
            network = find_network(variant.network)
            assert row.costs.stored_bytes == image_bytes_of(network, variant.format), variant.key


def test_no_printed_table_is_left_without_its_data():
    assert sorted(path.stem for path in (RESULTS / "tables").iterdir()) == sorted(
        path.stem for path in (*DATA, NARROW)
    )
