"""The sweep: plans, resumption after a kill, and what the report says about finished cells."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

from refimpl.errors import InputError
from refimpl.formats import FLOAT32, parse_format
from refimpl.models.halting import FIXED
from workbench.evaluate import measure, program
from workbench.executors import local
from workbench.json_lines import writing
from workbench.lab import results
from workbench.lab.cell import Cell, Choice, Result, puzzle_set, run_cell
from workbench.lab.comparison import compare
from workbench.lab.costs import Costs, costs
from workbench.lab.plan import grid_cells, read_plan, unique
from workbench.lab.report import sheet
from workbench.lab.sweep import sweep
from workbench.lab.variant import Variant
from workbench.networks import find_network
from workbench.render.sheet import render


def result(weights="w8c", exact="1100", **changes):
    variant = Variant("sudoku9-mlp", parse_format(weights), H_cycles=2, steps=16)
    whole = Result(variant, len(exact), "made up", exact, 300, 324, 0, 100, 0.9, 0.8, 0.99,
                   (0.8,) * len(exact), Costs(1000, 2000, 3000), 1.0)  # fmt: skip
    return replace(whole, **changes)


def test_a_grid_is_every_combination_and_the_float_run_of_every_depth():
    grid = {"networks": ["sudoku9-mlp"], "weights": ["w8c", "w4c"], "rounding": ["double", "single"],
            "depths": ["2x16", "1x8"]}  # fmt: skip
    cells = unique(grid_cells(grid, Choice(64), "here"))
    assert len(cells) == 2 + 2 * 2 * 2
    assert [c.variant.format for c in cells[:2]] == [FLOAT32, FLOAT32]
    assert {c.choice for c in cells} == {Choice(64)}


def test_own_depth_and_the_same_depth_in_numbers_are_one_cell():
    grid = {"networks": ["sudoku9-mlp"], "weights": ["w8c"], "depths": ["own", "2x16"]}
    assert len(unique(grid_cells(grid, Choice(), "here"))) == 2


@pytest.mark.parametrize(("text", "message"), [
    ("[[grid]]\nnetworks = ['sudoku9-mlp']\nweight = ['w8c']", "did you mean 'weights'"),
    ("[[grid]]\nnetworks = ['sudoku9-mlp']\nweights = 'w8c'", "must be a list"),
    ("[[grid]]\nnetworks = ['sudoku9-mlp']\nweights = ['w9c']", "no weight format 'w9c'"),
    ("[[grid]]\nnetworks = ['sudoku9-mlp']\ndepths = ['16']", "not H_cycles x steps"),
    ("[[grid]]\nweights = ['w8c']", "no networks"),
    ("[[grid]]\nnetworks = ['sudoku9-mpl']\n", "did you mean 'sudoku9-mlp'"),
    ("puzzles = -1\n[[grid]]\nnetworks = ['sudoku9-mlp']", "puzzles is -1"),
    ("", "no \\[\\[grid\\]\\]"),
    ("[[grid", "not valid TOML"),
])  # fmt: skip
def test_a_wrong_plan_is_refused_with_the_reason(tmp_path, text, message):
    (tmp_path / "plan.toml").write_text(text)
    with pytest.raises(InputError, match=message):
        read_plan(tmp_path / "plan.toml")


def test_float_activations_have_no_integer_program():
    with pytest.raises(InputError, match="no integer program"):
        parse_format("w8c-af-c16")


def test_a_seeded_network_is_refused():
    with pytest.raises(InputError, match="seeded weights"):
        Variant("trm-mlp-sudoku", parse_format("w8c")).resolved()


def test_a_result_survives_the_file(tmp_path):
    path = tmp_path / "r.jsonl"
    results.append(path, "a", "content a", result())
    results.append(path, "b", "content b", result("w4c"))
    assert results.read_results([path]) == [result(), result("w4c")]
    assert results.finished_names(path) == {"a", "b"}


def test_a_line_cut_short_by_a_kill_is_dropped_and_the_rest_kept(tmp_path):
    path = tmp_path / "r.jsonl"
    results.append(path, "a", "content a", result())
    whole = path.read_bytes()
    path.write_bytes(whole + whole[: len(whole) // 2])
    assert results.finished_names(path) == {"a"}
    assert results.read_results([path]) == [result()]
    with writing(path):
        results.append(path, "b", "content b", result("w4c"))
    assert results.read_results([path]) == [result(), result("w4c")]


@pytest.mark.parametrize("line", ["{}", "[]", "nonsense", '{"key": "a", "result": {"variant": 1}}'])
def test_a_file_that_is_no_results_file_is_refused_by_line(tmp_path, line):
    path = tmp_path / "r.jsonl"
    results.append(path, "a", "content a", result())
    path.write_text(path.read_text() + line + "\n")
    for read in (lambda: results.read_results([path]), lambda: results.finished_names(path)):
        with pytest.raises(InputError, match=r"results file .*, line 2( must|: key|: result| is not valid)"):
            read()


def test_two_sweeps_do_not_write_one_file(tmp_path):
    path = tmp_path / "r.jsonl"
    with writing(path), pytest.raises(InputError, match="another run"), writing(path):
        pass


def test_the_table_does_not_depend_on_the_order_cells_finished_in():
    cells = [result("fp32", "1110"), result("w8c"), result("w4c"), result("w4t")]
    assert render(sheet(cells), "md") == render(sheet(cells[::-1]), "md")


def test_a_variant_is_paired_with_the_float_run_puzzle_by_puzzle():
    rows = compare([result("w8c", "1001"), result("fp32", "1110")])
    assert rows[0].kind == "float"
    assert rows[0].paired is None
    paired = rows[1].paired
    assert (paired.only_first, paired.only_second) == (2, 1)
    assert rows[1].change == -0.25


def test_no_float_run_no_pairing():
    assert compare([result()])[0].paired is None


def test_a_report_says_its_shares_in_every_form():
    report = sheet([result("fp32", "1110"), result()])
    assert [row["exact"] for row in json.loads(render(report, "json"))["rows"]] == [0.75, 0.5]
    assert "| 50.00 |" in render(report, "md")
    assert "50.00" in render(report, "svg")


def test_costs_by_hand():
    # sudoku9-mlp: 2 blocks of 4 linears, and the heads 11 x 96 and 2 x 96; 4 + 1 bytes of scale a row.
    token, channel = 2 * 224 * 81 + 81 * 224, 2 * 256 * 96 + 96 * 256
    token_rows, channel_rows = 2 * 224 + 81, 2 * 256 + 96
    stack, rows = 2 * (token + channel), 2 * (token_rows + channel_rows)
    found = costs(Variant("sudoku9-mlp", parse_format("w4c")).resolved())
    assert found.traffic_bytes == 96 * (stack // 2 + 5 * rows) + 16 * (13 * 96 // 2 + 5 * 13 + 2 * 4)
    assert found.macs == 96 * 2 * 96 * token + 96 * 2 * 81 * channel + 16 * (81 * 11 * 96 + 2 * 96)


def test_stored_bytes_are_those_of_the_image_also_where_the_run_is_emulated():
    network = find_network("sudoku9-mlp")
    for text in ("w4c", "w3c", "ternary", "w4g32-a8p16", "mxint4-amx-c8"):
        variant = Variant("sudoku9-mlp", parse_format(text)).resolved()
        assert costs(variant).stored_bytes == len(network.image(text)), text
    emulated = Variant("sudoku9-mlp", parse_format("w4t-af")).resolved()
    assert costs(emulated).stored_bytes == len(network.image("w4t"))
    weights = sum(values.size for values in network.tensors.values())
    assert costs(Variant("sudoku9-mlp").resolved()).stored_bytes == 4 * weights


@pytest.mark.slow
def test_a_rerun_does_only_what_is_missing(tmp_path):
    path = tmp_path / "r.jsonl"
    grid = {"networks": ["sudoku6-mlp"], "weights": ["w8c"], "depths": ["1x1"]}
    cells = unique(grid_cells(grid, Choice(4), "here"))
    with local(2) as pool:
        assert sweep(cells, path, pool) == 2
        lines = path.read_bytes().splitlines(keepends=True)
        path.write_bytes(lines[0] + lines[1][:40])
        assert sweep(cells, path, pool) == 1
        again = path.read_bytes().splitlines()
        assert json.loads(again[1])["key"] == json.loads(lines[1])["key"]
        assert sweep(cells, path, pool) == 0


def run_sweep(path, *, kill_after=None):
    command = [sys.executable, "-m", "refimpl", "sweep", "--networks", "sudoku6-mlp", "--weights",
               "w8c,w6c,w4c,w4g32,w3c", "--depths", "2x4", "--puzzles", "32", "--out", str(path)]  # fmt: skip
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    if kill_after is None:
        assert process.wait() == 0
        return
    while not path.exists() or path.read_bytes().count(b"\n") < kill_after:
        assert process.poll() is None, "the sweep ended before it could be killed"
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()


@pytest.mark.slow
def test_a_sweep_killed_in_the_middle_ends_with_the_same_table(tmp_path):
    whole, killed = tmp_path / "whole.jsonl", tmp_path / "killed.jsonl"
    run_sweep(whole)
    run_sweep(killed, kill_after=2)
    before = killed.read_bytes()
    run_sweep(killed)
    finished = before[: before.rfind(b"\n") + 1]
    assert killed.read_bytes().startswith(finished), "finished cells are not run again"
    tables = [render(sheet(results.read_results([path])), "md") for path in (whole, killed)]
    assert tables[0] == tables[1]
    assert len(killed.read_bytes().splitlines()) == 6


@pytest.mark.slow
def test_a_cell_is_the_same_however_often_it_runs():
    cell = Cell(Variant("sudoku6-mlp", parse_format("w4c"), H_cycles=1, steps=2), Choice(4))
    first, second = run_cell(cell), run_cell(cell)
    assert replace(first, seconds=0) == replace(second, seconds=0)
    assert first.one_step < 1
    reference = run_cell(Cell(cell.variant.reference(), Choice(4)))
    assert (reference.one_step, reference.all_steps) == (1.0, 1.0)


def test_a_sweep_counts_what_a_stop_rule_accepts_and_how_many_steps_it_takes(tmp_path):
    grid = {"networks": ["sudoku6-mlp"], "weights": ["w8c"], "depths": ["2x6"],
            "stop": ["fixed", "head+settled,t=120"]}  # fmt: skip
    reference, fixed, stopped = (run_cell(cell) for cell in grid_cells(grid, Choice(12), "here"))
    assert (reference.steps, fixed.steps, fixed.accepted) == ((), (), "")
    network = find_network("sudoku6-mlp")
    runner = program(network, "w8c", 2, 6, "head+settled,t=120")
    puzzles = puzzle_set("sudoku6-mlp", Choice(12))
    wanted = measure(runner, puzzles).stopping
    row = next(row for row in compare([reference, fixed, stopped]) if row.stopping)
    assert row.stopping == wanted
    assert wanted.mean_steps < 6
    assert row.formats == "w8c-a8-c16 head+settled,t=120"
    assert stopped.puzzle_fidelity == fixed.puzzle_fidelity
    assert "runs that a rule ends" in render(sheet([reference, fixed, stopped]), "md")


def test_a_sweep_runs_the_second_program_of_a_rule():
    rule = "head+settled,t=120,more=2,by=w2c"
    grid = {"networks": ["sudoku6-mlp"], "weights": ["w8c"], "depths": ["2x3"], "stop": [rule]}
    _, found = (run_cell(cell) for cell in grid_cells(grid, Choice(12), "here"))
    runner = program(find_network("sudoku6-mlp"), "w8c", 2, 3, rule)
    wanted = measure(runner, puzzle_set("sudoku6-mlp", Choice(12)))
    alone = measure(replace(runner, model=runner.model.with_stop(FIXED), finish=None),
                    puzzle_set("sudoku6-mlp", Choice(12)))  # fmt: skip
    assert int(found.solved.sum()) == wanted.score.exact_right < alone.score.exact_right
    assert tuple(np.bincount(found.steps).tolist()) == wanted.stopping.steps


def test_a_sweep_under_a_rule_whose_t_nobody_knows_is_refused_before_it_starts():
    grid = {"networks": ["sudoku6-mlp"], "weights": ["w2t"], "stop": ["head+settled"]}
    with pytest.raises(InputError, match="keeps no t for w2t-a8-c16"):
        grid_cells(grid, Choice(12), "here")
