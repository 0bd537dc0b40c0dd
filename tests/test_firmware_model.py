"""mcusim's model of this project's own linears: what was measured, and shapes it was not fitted on."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from typing import Any

import pytest
from test_firmware_host import FIRMWARE

from mcusim.cores import BLOCK_KINDS, load_core
from mcusim.planner.choices import Choices, SwiGLUTiles
from mcusim.planner.ledger import NO_ROWS, operator_counts
from mcusim.planner.plan import make_plan
from mcusim.timing import OperatorCounts
from refimpl.formats import parse_format
from workbench.networks import find_network

sys.path.insert(0, str(FIRMWARE))
from core_rows import USED, measured_rows, operator_rows, part_of, stated_rows
from linears import FITTED, HELD_OUT, TOLERANCE, fit, predict, shape_counts

CORES = sorted(USED)
# Counted on exported plans (make block-terms) or products alone (make products): not on the page.
_PARTS = ("partial", "partial_sum")
_TERMS = ("output", "odd", "channel", "weight")
_PRODUCTS = {f"{product}.{term}" for product in ("scores", "weighted_values") for term in _TERMS}
OF_PLANS = {"fetch", "fetched_byte", "embedded_row", "embedded_element", *BLOCK_KINDS, *_PRODUCTS,
            *(f"linear_s{bits}.{term}" for bits in (4, 8) for term in _PARTS)}  # fmt: skip


@pytest.fixture(scope="module")
def counted() -> dict[str, Any]:
    """The counts that ``make -C firmware validation`` kept."""
    data: dict[str, Any] = json.loads((FIRMWARE.parent / "docs" / "validation.json").read_text())
    return data


@pytest.mark.parametrize("core", CORES)
def test_the_core_file_says_what_was_measured(counted: dict[str, Any], core: str) -> None:
    measured, stated = measured_rows(core, counted), stated_rows(core)
    assert {key: stated[key] for key in measured} == measured
    assert set(stated) - set(measured) <= {"call", *OF_PLANS}


@pytest.mark.parametrize(("core", "run"), USED.items())
def test_the_core_file_of_the_library_quotes_the_same_page_for_the_rest(
    counted: dict[str, Any], core: str, run: str
) -> None:
    measured, quoting = operator_rows(run, counted["operators"]), load_core(f"cortex-{core}")
    for kind in ("rescale", "norm_element", "softmax_element", "lookup", "element"):
        assert (quoting.work[kind].value, quoting.work[kind].basis) == (measured[kind], "measured"), kind
    product = quoting.macs["a16a8"].instructions_per_mac
    assert product.value == measured["weighted_values.instructions_per_mac"]


@pytest.mark.parametrize("core", CORES)
def test_what_the_library_lacks_costs_what_it_costs_here(core: str) -> None:
    """Products of P and V, linears in blocks, embedding rows."""
    ours, quoting = load_core(f"cortex-{core}-rr"), load_core(f"cortex-{core}")
    for kind in ("embedded_row", "embedded_element", *BLOCK_KINDS):
        assert quoting.work[kind] == ours.work[kind], kind
    assert replace(quoting.macs["a16a8"], name=ours.macs["a16a8"].name) == ours.macs["a16a8"]


@pytest.mark.parametrize("bits", [8, 4])
@pytest.mark.parametrize("core", CORES)
def test_shapes_it_was_not_fitted_on_are_predicted_within_five_percent(
    counted: dict[str, Any], core: str, bits: int
) -> None:
    counts = counted["linears"][f"{USED[core]}-s{bits}"]
    for shape in HELD_OUT:
        assert abs(predict(part_of(core), shape, bits) / counts[shape] - 1) <= TOLERANCE, shape
    assert {"97-1024-97", "97-1024-5", "1536-512-97", "1536-512-5"} <= set(HELD_OUT) - set(FITTED)


def linear_work(token: SwiGLUTiles, channel: SwiGLUTiles) -> OperatorCounts:
    """What a plan of sudoku9-mlp does in the linears of one L call."""
    config = find_network("sudoku9-mlp").config
    plan = make_plan(config, parse_format("w4c"), Choices(token, channel, x_stored=True))
    sites = [operator_counts(work, 4, NO_ROWS) for work in plan.call_L.sites.values() if work.counts["macs"]]
    return sum(sites, OperatorCounts())


def test_weights_are_charged_as_often_as_a_plan_fetches_them() -> None:
    whole = linear_work(SwiGLUTiles(96, 256, 96), SwiGLUTiles(81, 256, 81))
    partial = linear_work(SwiGLUTiles(96, 128, 96), SwiGLUTiles(81, 128, 81))
    chunks = linear_work(SwiGLUTiles(96, 256, 48), SwiGLUTiles(81, 256, 81))
    assert (partial.macs, partial.weights, partial.past_word) == (whole.macs, whole.weights, whole.past_word)
    # A channel of down is begun once for each of two parts of its sum, and each part adds all its sums.
    assert partial.partials == 2 * (whole.channels - partial.channels) == 2 * 2 * (96 + 81)
    assert partial.partial_sums == 2 * 2 * 2 * 96 * 81
    assert chunks.macs == whole.macs
    assert chunks.weights > whole.weights


def test_a_fit_finds_the_numbers_that_made_its_counts() -> None:
    counts = {}
    for shape in FITTED:
        c = shape_counts(shape, 4)
        work = (c.macs + c.odd, c.requantizations, c.weights, c.loose_words, c.channels, c.pairs, c.past_word)
        counts[shape] = sum(n * unit for n, unit in zip(work, (2, 70, 11, 3, 50, 31, 12), strict=True))
    found = fit("m7-dsp-s4", counts)
    made = {"mac": 2, "output": 70, "weight": 11, "loose_word": 3, "channel": 50, "pair": 31, "past_word": 12}
    assert found == pytest.approx(made)
