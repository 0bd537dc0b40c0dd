"""``python -m refimpl models``: every exact published figure, to the printed digit.

Figures: docs/sources.md.  KiB and MiB are powers of two.
"""

from __future__ import annotations

import argparse
import json
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from typing import Any

import pytest
from rich.console import Console

from refimpl.errors import InputError
from workbench.checkpoints import list_networks
from workbench.models_report import cli
from workbench.models_report.render import sheet
from workbench.models_report.summary import summarise, to_json
from workbench.presets import list_presets, preset
from workbench.render.sheet import rich_form

KIB = 1024


def command(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    parser = argparse.ArgumentParser()
    cli.add_arguments(parser)
    assert cli.run(parser.parse_args(arguments)) == 0
    return capsys.readouterr().out


@cache
def report(name: str) -> dict[str, Any]:
    return to_json(summarise(name, preset(name)))


def printed(value: float | int, unit: float, digits: int) -> str:
    """``value / unit`` as the sources print it: decimal, half up."""
    step = Decimal(1).scaleb(-digits)
    return f"{(Decimal(value) / Decimal(unit)).quantize(step, ROUND_HALF_UP):,}"


# name: (positions task + prefix = T, vocab, position code, H/L/n, layers, parameters)
CONFIGURATIONS = {
    "trm-mlp-sudoku": ((81, 16, 97), 11, "none", (3, 6, 16), (2, 0), 5_028_866),
    "trm-att-sudoku": ((81, 16, 97), 11, "rope", (3, 6, 16), (2, 0), 6_828_034),
    "trm-att-maze": ((900, 16, 916), 6, "rope", (3, 4, 16), (2, 0), 6_822_914),
    "trm-att-arc": ((900, 16, 916), 12, "rope", (3, 4, 16), (2, 0), 6_829_058),
    "trm-mlp-maze": ((900, 16, 916), 6, "none", (3, 4, 16), (2, 0), 18_795_522),
    "hrm-sudoku": ((81, 1, 82), 11, "rope", (2, 2, 16), (4, 4), 27_275_266),
    "hrm-maze": ((900, 1, 901), 6, "rope", (2, 2, 16), (4, 4), 27_270_146),
}


@pytest.mark.parametrize("name", list_presets())
def test_shapes_depth_and_parameter_counts_are_the_published_ones(name: str) -> None:
    positions, vocab, code, depth, layers, count = CONFIGURATIONS[name]
    found = report(name)
    assert tuple(found["positions"].values()) == positions
    assert found["vocabulary"] == vocab
    assert found["hidden"] == 512
    assert found["position_code"] == code
    assert tuple(found["depth"].values()) == depth
    assert tuple(found["layers"].values()) == layers
    assert found["parameters"]["total"] == count


@pytest.mark.parametrize(("name", "step", "puzzle"), [
    ("trm-mlp-sudoku", 21, 336),
    ("trm-att-sudoku", 21, 336),
    ("trm-att-maze", 15, 240),
    ("trm-att-arc", 15, 240),
    ("trm-mlp-maze", 15, 240),
])  # fmt: skip
def test_a_trm_applies_its_stack_as_often_as_published(name: str, step: int, puzzle: int) -> None:
    calls = report(name)["calls"]
    assert (calls["act_step"]["total"], calls["puzzle"]["total"]) == (step, puzzle)


@pytest.mark.parametrize("name", ["hrm-sudoku", "hrm-maze"])
def test_an_hrm_applies_its_two_stacks_4_and_2_times_a_step(name: str) -> None:
    calls = report(name)["calls"]
    assert calls["act_step"] == {"L": 4, "H": 2, "total": 6}
    assert calls["puzzle"] == {"L": 64, "H": 32, "total": 96}


def test_parameters_per_block_are_the_published_ones() -> None:
    mixer, attention = (report(name)["parameters_per_block"] for name in ("trm-mlp-sudoku", "trm-att-arc"))
    assert mixer == {"token_mixer": 148_992, "channel_mixer": 2_359_296}
    assert attention == {"token_mixer": 1_048_576, "channel_mixer": 2_359_296}


@pytest.mark.parametrize(("name", "count", "weights", "rows"), [
    ("trm-mlp-sudoku", 10, 5_023_232, 9_423),
    ("trm-att-sudoku", 10, 6_822_400, 11_277),
    ("trm-att-maze", 10, 6_819_840, 11_272),
    ("trm-att-arc", 10, 6_822_912, 11_278),
])  # fmt: skip
def test_linears_have_the_published_size(name: str, count: int, weights: int, rows: int) -> None:
    assert report(name)["linears"] == {"count": count, "weights": weights, "rows": rows}


def test_an_hrm_has_34_linears() -> None:
    assert report("hrm-sudoku")["linears"]["count"] == report("hrm-maze")["linears"]["count"] == 34


BACKBONES = {
    "trm-mlp-sudoku": ("19,644.0", "4,911.0", "2,455.5"),
    "trm-att-sudoku": ("26,672.0", "6,668.0", "3,334.0"),
    "trm-att-maze": ("26,652.0", "6,663.0", "3,331.5"),
    "trm-att-arc": ("26,676.0", "6,669.0", "3,334.5"),
    "trm-mlp-maze": ("73,420.0", "18,355.0", "9,177.5"),
    "hrm-sudoku": ("106,544.0", "26,636.0", "13,318.0"),
}


@pytest.mark.parametrize("name", BACKBONES)
def test_backbone_kib_are_the_published_ones(name: str) -> None:
    sizes = report(name)["bytes"]["backbone"]
    assert tuple(printed(sizes[fmt], KIB, 1) for fmt in ("fp32", "int8", "int4")) == BACKBONES[name]


def test_the_arc_backbone_in_int4_is_the_published_3_26_mb() -> None:
    size = report("trm-att-arc")["bytes"]["backbone"]["int4"]
    assert (printed(size, KIB**2, 3), printed(size, KIB**2, 2)) == ("3.256", "3.26")


@pytest.mark.parametrize("name", ["trm-mlp-sudoku", "trm-att-sudoku", "trm-att-maze", "trm-att-arc"])
def test_an_int4_image_stays_under_4_mib(name: str) -> None:
    sizes = report(name)["bytes"]
    assert sizes["backbone"]["int4"] < sizes["image"]["w4c"] < sizes["image"]["w4g32"] < 4096 * KIB


@pytest.mark.parametrize("name", ["trm-mlp-maze", "hrm-sudoku", "hrm-maze"])
def test_hrm_and_the_maze_mixer_fit_neither_4_nor_8_mib(name: str) -> None:
    sizes = report(name)["bytes"]
    assert min(sizes["backbone"]["int4"], sizes["image"]["w4c"]) > 8192 * KIB


def test_the_arc_puzzle_table_has_the_published_sizes() -> None:
    table = report("trm-att-arc")["bytes"]["puzzle_table"]
    assert (table["rows"], table["fp32"]) == (50_911, 104_265_728)
    assert printed(table["fp32"], KIB**2, 2) == "99.44"
    assert printed(table["share_of_fp32"], 0.01, 0) == "79"
    assert printed(table["int8_codes"], KIB, 1) == "25,455.5"
    assert printed(table["int8_scales"], KIB, 1) == "198.9"
    assert printed(table["svd"][16], KIB, 1) == "3,213.9"
    assert all(size == (50_911 + 512) * rank * 4 for rank, size in table["svd"].items())
    assert (table["row_fp32"], table["row_int8"]) == (2_048, 512 + 4)


def test_only_arc_has_a_table_of_many_puzzles() -> None:
    assert [name for name in list_presets() if report(name)["bytes"]["puzzle_table"]] == ["trm-att-arc"]


@pytest.mark.parametrize(("name", "mflop"), [
    ("trm-att-arc", "187,503.997"), ("trm-att-maze", "187,498.369"), ("trm-mlp-sudoku", "25,660.110"),
])  # fmt: skip
def test_flops_of_an_act_step_are_the_published_ones_to_the_last_digit(name: str, mflop: str) -> None:
    assert printed(report(name)["flops"]["act_step"]["published"], 1e6, 3) == mflop


@pytest.mark.parametrize("name", list_presets())
def test_the_counted_flops_are_the_published_closed_form(name: str) -> None:
    """The formula behind the published digits, for every configuration, at D = 512."""
    found, config = report(name), preset(name)
    T, D, inner = config.positions, 512, 1536
    calls, layers = found["calls"]["act_step"]["total"], config.L_layers
    channel = 2 * T * 3 * inner * D
    elementwise = T * inner + 2 * T * D + 2 * T * D + T  # product, two norms, two residuals, eps of the last
    if config.token_intermediate_size is not None:
        width = config.token_intermediate_size
        token, elementwise = 2 * D * 3 * width * T, elementwise + D * width + D
    else:
        token, elementwise = 2 * T * 4 * D * D, elementwise + T + 2 * 3 * T * D
    heads = 2 * T * D * config.vocab_size + 2 * 2 * D
    additions = calls * T * D + found["calls"]["act_step"]["L"] * T * D
    expected = calls * layers * (token + channel + elementwise) + heads + additions + T * D
    assert found["flops"]["act_step"]["published"] == expected


@pytest.mark.parametrize(("name", "gflop"), [
    ("trm-att-arc", "51.55"), ("trm-att-maze", "51.55"), ("trm-att-sudoku", "0.81"),
    ("trm-mlp-sudoku", "0.00"),
])  # fmt: skip
def test_attention_products_are_left_out_of_the_published_count(name: str, gflop: str) -> None:
    flops = report(name)["flops"]["act_step"]
    assert printed(flops["with_attention"] - flops["published"], 1e9, 2) == gflop


def test_a_full_arc_puzzle_takes_the_published_3_000_gflop() -> None:
    assert printed(report("trm-att-arc")["flops"]["puzzle"]["published"], 1e9, 2) == "3,000.06"


@pytest.mark.parametrize(("name", "step", "puzzle", "shallow"), [
    ("trm-mlp-sudoku", "12.82", "205.1", "34.2"),
    ("trm-att-sudoku", "14.29", "228.6", "38.1"),
    ("trm-att-maze", "119.43", "1,910.8", "318.5"),
    ("trm-att-arc", "119.43", "1,910.9", "318.5"),
])  # fmt: skip
def test_macs_with_heads_and_attention_products(name: str, step: str, puzzle: str, shallow: str) -> None:
    found = report(name)
    assert printed(found["macs"]["act_step"], 1e9, 2) == step
    assert printed(found["macs"]["puzzle"], 1e9, 1) == puzzle
    assert printed(found["shallow"]["macs"], 1e9, 1) == shallow


def test_the_published_speedups_are_pure_depth_ratios(capsys: pytest.CaptureFixture[str]) -> None:
    assert report("trm-att-arc")["shallow"]["depth_ratio"] == 6
    maze = json.loads(command(capsys, "trm-att-maze", "--steps", "10", "--format", "json"))["models"][0]
    assert maze["shallow"]["depth_ratio"] == 3.75


@pytest.mark.parametrize("name", list_presets())
def test_scratch_holds_at_least_two_int16_states(name: str) -> None:
    found = report(name)
    carry = 2 * found["positions"]["total"] * 512 * 2
    assert found["scratch_bytes"]["carry"] == carry
    assert found["scratch_bytes"]["whole_operators"] > carry


def test_without_tiling_the_peak_of_the_sudoku_mixer_is_its_token_product() -> None:
    """z_H, x, the wide sum, both halves of gate_up, silu and their product; h itself is the wide sum."""
    states, wide = 97 * 512 * 2, 97 * 512 * 4
    gate_up, inner = 512 * 1024, 512 * 512
    found = report("trm-mlp-sudoku")["scratch_bytes"]
    assert found["whole_operators"] == states + 2 * wide + gate_up + 2 * inner


def test_json_lists_every_preset_once(capsys: pytest.CaptureFixture[str]) -> None:
    written = json.loads(command(capsys, "--format", "json"))
    assert written["schema"] == "refimpl.models/1"
    assert [model["name"] for model in written["models"]] == list_presets()
    assert written["models"][3] == json.loads(json.dumps(report("trm-att-arc")))


def test_shipped_networks_are_counted_too(capsys: pytest.CaptureFixture[str]) -> None:
    written = json.loads(command(capsys, *list_networks(), "--format", "json"))
    by_name = {model["name"]: model["parameters"]["total"] for model in written["models"]}
    assert by_name["sudoku6-mlp"] == 169_922


def test_an_unknown_model_suggests_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InputError, match="did you mean 'hrm-maze'"):
        command(capsys, "hrm-mazes")


def test_the_tables_fit_80_columns_without_cutting_a_figure() -> None:
    console = Console(width=80, file=open("/dev/null", "w"), record=True)  # noqa: SIM115
    console.print(rich_form(sheet([summarise(name, preset(name)) for name in list_presets()])))
    text = console.export_text()
    assert "…" not in text
    for figure in ("27,275,266", "187,503.997", "25,619.4", "104,265,728 B", "64L+32H"):
        assert figure in text
