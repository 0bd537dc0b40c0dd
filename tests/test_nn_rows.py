"""What core files say of CMSIS-NN's kernels is what their counts give (firmware/cmsis_nn/counts.tsv)."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "firmware"))

from nn_counts import known
from nn_rows import CORES, ROWS, charged, fitted_at, nn_row
from validation import ATTENDED, NN_SHAPES, NN_TOLERANCE

from mcusim.cores import load_core

CASES = [(core, kernel) for core in CORES for kernel in ROWS]


@pytest.mark.parametrize(("core", "kernel"), CASES)
def test_core_files_state_the_rows_that_the_counts_give(core: str, kernel: int) -> None:
    row = nn_row(core, kernel, known())
    assert load_core(CORES[core]).kernels[row.name] == row


@pytest.mark.parametrize("kernel", ROWS)
def test_the_m85_is_charged_as_the_m55_and_says_that_it_was_not_counted(kernel: int) -> None:
    name = ROWS[kernel][0]
    theirs, stated = load_core("cortex-m55").kernels[name], load_core("cortex-m85").kernels[name]
    values = {term: figure.value for term, figure in theirs.terms.items()}
    assert {term: figure.value for term, figure in stated.terms.items()} == values
    assert replace(stated, instructions_per_mac=theirs.instructions_per_mac, terms=theirs.terms) == theirs
    assert {f.basis for f in (stated.instructions_per_mac, *stated.terms.values())} == {"assumed"}


@pytest.mark.parametrize(("core", "kernel"), CASES)
def test_shapes_of_networks_that_nothing_was_fitted_on_are_within_ten_percent(core: str, kernel: int) -> None:
    shapes = ATTENDED if kernel == 1 else NN_SHAPES
    assert not set(shapes) & set(fitted_at(kernel))
    for shape in shapes:
        assert charged(core, kernel, shape) == pytest.approx(known()[core, kernel, shape], rel=NN_TOLERANCE)


@pytest.mark.parametrize("kernel", [8, 4])
def test_on_helium_a_token_past_the_last_four_costs_more_than_one_of_four(kernel: int) -> None:
    four, five, eight = (charged("m55", kernel, f"512-256-{tokens}") for tokens in (4, 5, 8))
    assert five - four > 1.25 * (eight - four) / 4


@pytest.mark.parametrize(("shape", "instructions"), [("32-16-12544", 0.630), ("24-144-3136", 0.816)])
def test_what_others_counted_on_a_cortex_m55_is_met(shape: str, instructions: float) -> None:
    """The convolutions of mcusim/data/silicon.toml, counted elsewhere with another build."""
    inner, channels, tokens = map(int, shape.split("-"))
    found = charged("m55", 8, shape) / (inner * channels * tokens)
    assert found == pytest.approx(instructions, rel=0.03)
