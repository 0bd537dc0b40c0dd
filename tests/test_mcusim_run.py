"""``python -m mcusim run``: exit codes, sentences, and facts that agree with the oracle."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mcusim.__main__ import main
from mcusim.account import CACHED, CARRY, INPUT, TILES
from mcusim.api import simulate
from mcusim.asked import Asked
from mcusim.deployments import load_deployment
from mcusim.footprint import deployed_config, footprint
from mcusim.kernels import rooms_of
from mcusim.laid import lay
from mcusim.parts import load_part
from mcusim.planner.plan import make_plan
from mcusim.planner.search import search
from mcusim.program import kernels_of, program_of
from mcusim.render import grids
from mcusim.render.screen import Screen
from mcusim.simulate import Execution, crc32, execute
from refimpl import fast, ops
from refimpl.__main__ import main as refimpl_main
from refimpl.formats import parse_format
from refimpl.image import Image
from refimpl.models.halting import FIXED
from refimpl.models.recursion import run
from tests.plans import laid_out
from workbench.fidelity import Reading
from workbench.networks import find_network, shapes_of
from workbench.retry import relabellings, warranted
from workbench.stop_text import parse_stop
from workbench.tasks.puzzles import load_shipped
from workbench.tasks.sets import evaluation_set, spread_givens
from workbench.tasks.sudoku import from_tokens, to_tokens

ARENA = {CARRY, INPUT, CACHED, TILES}
DEFAULT_FORMAT = "w4c-a8p16-c16"


def report(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, dict[str, Any]]:
    code = main(["run", "--format", "json", *args])
    return code, json.loads(capsys.readouterr().out)


def test_the_default_run_answers_a_real_sudoku_and_fits_4mb(capsys: pytest.CaptureFixture[str]) -> None:
    code, said = report(capsys, "--budget", "4MB")
    assert code == 0
    assert said["fits"]
    assert said["subject"]["network"] == "sudoku9-pair-mlp"
    assert said["subject"]["format"] == DEFAULT_FORMAT
    assert said["subject"]["stop"] == "head+settled,t=67"
    puzzle = said["puzzle"]
    assert puzzle["right"]
    shipped = load_shipped()
    assert np.array_equal(from_tokens(np.array(puzzle["question"])), shipped.questions[0])
    predicted = from_tokens(np.array(puzzle["prediction"]))
    assert np.array_equal(predicted, shipped.answers[0])
    model = find_network("sudoku9-pair-mlp").integer_model(DEFAULT_FORMAT)
    _, outputs = run(fast, model, to_tokens(shipped.questions[:1]))
    assert puzzle["prediction"] == fast.argmax(outputs.logits)[0].tolist()


def test_the_budget_is_the_file_the_arena_and_the_code(capsys: pytest.CaptureFixture[str]) -> None:
    _, said = report(capsys, "--no-fidelity")
    network, format = find_network("sudoku9-pair-mlp"), parse_format(DEFAULT_FORMAT)
    image = len(network.image(DEFAULT_FORMAT))
    arena = said["total"]["high_water"]
    kernels, rooms = kernels_of(network.config, format), rooms_of(network.config, format)
    program = program_of(load_part("generic-4mb"), kernels, rooms)
    assert said["budget"]["everything"] == image + arena + program.bytes
    assert said["budget"]["weights_only"] == 274_178 // 2


def test_the_format_of_the_default_is_the_defaults_alone(capsys: pytest.CaptureFixture[str]) -> None:
    """A model by itself is read in plain 4 bits; a deployment that is named gives its own format away."""
    for words, format in (
        (["--model", "sudoku9-pair-mlp"], "w4c-a8-c16"), (["--weights", "w8c"], "w8c-a8p16-c16"),
        (["--model", "sudoku6-mlp", "--weights", "w8c"], "w8c-a8-c16"),
        (["sudoku9-pair-mlp-int4", "--model", "sudoku6-mlp"], DEFAULT_FORMAT),
    ):  # fmt: skip
        _, said = report(capsys, *words, "--no-fidelity", "--steps", "1", "--stop", "fixed")
        assert said["subject"]["format"] == format, words


def test_a_smaller_budget_gets_a_smaller_plan_and_the_same_bits(capsys: pytest.CaptureFixture[str]) -> None:
    wide, narrow = (report(capsys, "--no-fidelity", "--budget", size)[1] for size in ("4MB", "300KB"))
    assert narrow["fits"]
    assert narrow["total"]["high_water"] < wide["total"]["high_water"]
    assert narrow["subject"]["plan"] != wide["subject"]["plan"]
    assert narrow["puzzle"] == wide["puzzle"]
    assert [c["crc32_H"] for c in narrow["cycles"]] == [c["crc32_H"] for c in wide["cycles"]]


@pytest.mark.parametrize(
    "name", ["arc-att-int4-resident", "arc-att-int4", "arc-att-int8-h1n8", "sudoku-att-int4"]
)
def test_run_and_check_have_one_account(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The published reading and the image come from the same footprint; a resident table is counted."""
    _, said = report(capsys, name)
    deployment = load_deployment(name)
    network = shapes_of(deployment.model)
    config, size = deployed_config(deployment, network), footprint(deployment, network)
    part = load_part(said["subject"]["part"])
    arena = sum(s["size"] for s in said["budget"]["shares"] if s["what"] in ARENA)
    assert said["budget"]["weights_only"] == size.weights_only
    kernels = kernels_of(config, deployment.format)
    program = program_of(part, kernels, rooms_of(config, deployment.format))
    assert said["budget"]["everything"] == size.image + arena + program.bytes


def test_the_default_budget_is_that_of_the_part(capsys: pytest.CaptureFixture[str]) -> None:
    assert report(capsys, "--no-fidelity", "--steps", "1")[1]["budget"]["limit"] == 4 * 2**20
    assert report(capsys, "arc-att-int8-h1n8")[1]["budget"]["limit"] == 8 * 2**20


def test_too_small_a_budget_exits_1_with_the_missing_bytes(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["run", "--budget", "64KB", "--no-fidelity"])
    text = capsys.readouterr().out
    _, said = report(capsys, "--budget", "64KB", "--no-fidelity")
    assert code == 1
    assert said["budget"]["missing"] == said["budget"]["everything"] - 65_536
    assert f"DOES NOT FIT  {said['budget']['missing']:,} B missing in the budget" in text


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (["--budget", "banana"], "--budget cannot be 'banana'"),
        (["--model", "sudoku9-mlq"], "did you mean 'sudoku9-mlp'?"),
        (["--part", "stm32h734"], "did you mean 'stm32h743'?"),
        (["--weights", "w9c"], "did you mean 'w8c'?"),
        (["sudoku-mlp-int5"], "did you mean"),
        (["--puzzle", "256"], "0 to 255"),
        (["--budget", ""], "--budget cannot be ''"),
        (["--row", "3"], "add --table"),
        (["--steps", "0"], "at least 1"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_2(
    args: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", *args]) == 2
    said = capsys.readouterr()
    assert sentence in said.err
    assert said.out == ""
    assert len(said.err.strip().splitlines()) == 1


def planned(name: str, depth: tuple[int, int], tokens: np.ndarray) -> Execution:
    """A run from the image under the plan that the generic part gets."""
    network = find_network(name)
    image = Image(network.image("w4c"))
    config = replace(network.config, H_cycles=depth[0], halt_max_steps=depth[1])
    target = laid_out("generic-4mb", len(image.data))
    plan = search(config, parse_format("w4c"), target).chosen
    assert plan is not None
    return execute(image, plan, target, tokens)


@pytest.mark.parametrize("name", ["sudoku9-mlp", "sudoku9-att"])
def test_the_planned_run_is_the_oracle_call_by_call(name: str) -> None:
    tokens = to_tokens(load_shipped().questions)[0]
    model = find_network(name).integer_model("w4c").with_depth(2, 2)
    in_arena = [call.crc32 for call in planned(name, (2, 2), tokens).calls]
    for reading in (ops, fast):
        states: list[int] = []
        run(reading, model, tokens[None], on_call=lambda call, z, s=states: s.append(crc32(z[0])))
        assert states == in_arena
    assert len(set(in_arena)) == len(in_arena)


def test_one_step_of_4_cycles_is_4_steps_of_one_cycle() -> None:
    tokens = to_tokens(load_shipped().questions)[1]
    wide, deep = (planned("sudoku9-att", depth, tokens) for depth in ((2, 4), (1, 8)))
    assert [c.crc32 for c in wide.calls] == [c.crc32 for c in deep.calls]
    assert np.array_equal(wide.answer, deep.answer)


def test_blas_threads_do_not_change_a_bit() -> None:
    said = []
    for threads in ("1", "2"):
        command = [sys.executable, "-m", "mcusim", "run", "--steps", "2", "--no-fidelity", "--format", "json"]
        done = subprocess.run(command, capture_output=True, text=True, check=True,
                              env={"OPENBLAS_NUM_THREADS": threads, "PATH": ""})  # fmt: skip
        said.append(json.loads(done.stdout))
    assert said[0] == said[1]
    assert said[0]["cycles"][-1]["crc32_H"] is not None


def test_untrained_weights_have_no_accuracy(capsys: pytest.CaptureFixture[str]) -> None:
    main(["run", "--model", "trm-mlp-sudoku"])
    text = capsys.readouterr().out
    assert "accuracy n/a (untrained weights)" in text
    assert "puzzle-exact" not in text


def test_rows_are_streamed_one_read_each(capsys: pytest.CaptureFixture[str]) -> None:
    _, said = report(capsys, "--no-fidelity", "--steps", "1", "--stop", "fixed")
    assert said["total"]["row_bytes"] == 81 * (96 + 4 + 1)
    assert said["total"]["row_reads"] == 81 * 3  # codes, multiplier, shift


def test_a_run_that_stops_counts_what_it_ran_and_says_when(capsys: pytest.CaptureFixture[str]) -> None:
    code, said = report(capsys, "--no-fidelity", "--stop", "head+settled,t=60")
    steps = said["puzzle"]["steps"]
    assert code == 0
    assert said["subject"]["stop"] == "head+settled,t=60"
    assert said["puzzle"]["stopped"]
    assert 1 < steps < 16
    assert said["total"]["calls"] == 6 * steps
    assert len(said["cycles"]) == 2 * steps
    _, fixed = report(capsys, "--no-fidelity", "--stop", "fixed")
    assert fixed["total"]["calls"] == 96
    assert fixed["total"]["time"]["high"] > 15 / steps * said["total"]["time"]["high"]
    main(["run", "--no-fidelity", "--stop", "head+settled,t=60"])
    assert f"RIGHT (settled at step {steps} of 16)" in " ".join(capsys.readouterr().out.split())


PAIR = "head+settled,t=140,more=2,by=w8c"


def test_a_second_program_adds_its_image_and_its_time_and_shares_the_arena() -> None:
    network = find_network("sudoku6-mlp")
    asked = {"weights": "w4c", "stop": PAIR, "steps": 8, "plan": "least", "no_fidelity": True}
    said = simulate("sudoku6-mlp", **asked)
    first = network.integer_model("w4c").with_depth(steps=8).with_stop(parse_stop(PAIR))
    program = Reading(fast, first, network.integer_model("w8c"))
    ended = program.solve(evaluation_set(network.config).inputs[:1])
    assert said.puzzle is not None
    assert said.puzzle.prediction == tuple(fast.argmax(ended.outputs.logits)[0].tolist())
    assert (said.puzzle.steps, said.puzzle.stopped) == (ended.steps[0], True)
    images = [len(network.image(fmt)) for fmt in ("w4c", "w8c")]
    held = sum(one.size for region in said.regions for one in region.holds if one.what == "flash image")
    assert held == -(-images[0] // 16) * 16 + images[1]
    assert said.budget.everything == sum(share.size for share in said.budget.shares)
    plan = lay(Asked(model="sudoku6-mlp", **asked)).plan
    assert plan.finish is not None
    alone = [make_plan(replace(plan.config, stop=rule), parse_format(fmt), plan.choices)
             for rule, fmt in ((parse_stop("head+settled,t=140"), "w4c"), (FIXED, "w8c"))]  # fmt: skip
    assert said.total.arena == said.total.high_water == plan.high_water
    assert max(one.high_water for one in alone) <= plan.high_water < sum(one.high_water for one in alone)
    assert said.total.calls == 6 * said.puzzle.steps + 2 * 3
    steps = [row.flash_bytes for row in said.cycles]
    assert len(steps) == 2 * said.puzzle.steps + 2
    assert steps[0] == steps[-3] < steps[-2] == steps[-1]
    once = simulate("sudoku6-mlp", **{**asked, "stop": "head+settled,t=140"})
    assert once.puzzle is not None
    assert once.puzzle.steps == said.puzzle.steps
    assert said.total.time.high > once.total.time.high
    assert said.total.flash_bytes > once.total.flash_bytes + 2 * steps[-1]
    assert "w4c-a8-c16, then w8c-a8-c16" in grids.title(said)


def test_a_deployment_whose_programs_cannot_share_a_carry_is_one_sentence(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["run", "--no-fidelity", "--stop", "head,more=2,by=w8c-c8"]) == 2
    said = capsys.readouterr().err
    assert "cannot go on with the carry of w4c-a8p16-c16; carry and rounding must be the same" in " ".join(
        said.split())  # fmt: skip


def test_a_run_that_never_settles_gives_no_answer(capsys: pytest.CaptureFixture[str]) -> None:
    main(["run", "--no-fidelity", "--stop", "head+settled,t=0", "--steps", "2"])
    assert "NO ANSWER (not settled in 2 steps)" in " ".join(capsys.readouterr().out.split())


RETRIED = {"weights": "w8c", "steps": 8, "stop": "head+settled,t=100", "retries": 2, "no_fidelity": True}


def test_a_refused_puzzle_is_tried_again_as_exported_c_tries_it() -> None:
    """Exported C is compared with ``warranted`` in tests/test_retry_firmware.py; here the simulator is."""
    network = find_network("sudoku6-mlp")
    model = network.integer_model("w8c").with_depth(steps=8)
    model = model.with_stop(network.stop_rule("head+settled,t=100", "w8c-a8-c16"))
    for puzzle, word, tried in (("060000140300000005000004320000510040", "RIGHT", 2),
                                ("200040100060000400040000006000030200", "NO ANSWER", 0)):  # fmt: skip
        said = simulate("sudoku6-mlp", puzzle=puzzle, **RETRIED)
        tokens = np.array([[int(digit) + 1 for digit in puzzle]])
        found = warranted(Reading(fast, model), tokens, relabellings(model.config, 2))
        tries = tuple(steps for steps in found.steps[0].tolist() if steps)
        assert said.puzzle is not None
        assert found.tried[0] == tried
        assert said.puzzle.tries == tries
        assert said.puzzle.prediction == tuple(found.answers[0].tolist())
        assert said.total.calls == model.config.calls_per_step * sum(tries)
        how = f"settled at step {tries[1]} of 8, try 2" if tried else "refused in 3 tries, 24 steps"
        assert " ".join(grids.judged(said, said.puzzle)).startswith(f"{word}  ({how})")


def test_all_puzzles_with_retries_count_the_steps_of_all_tries(tmp_path: Path) -> None:
    puzzles = spread_givens(find_network("sudoku6-mlp").config, 24, 9, 11, 77)
    np.savez(tmp_path / "p.npz", inputs=puzzles.inputs, labels=puzzles.labels)
    asked = {**RETRIED, "data": str(tmp_path / "p.npz"), "all": True}
    said = simulate("sudoku6-mlp", **asked)
    once = simulate("sudoku6-mlp", **{**asked, "retries": 0})
    assert said.all_puzzles is not None
    assert once.all_puzzles is not None
    first, stopping = once.all_puzzles.stopping, said.all_puzzles.stopping
    assert first is not None
    assert stopping is not None
    assert first.by_try == (first.accepted,) == (13,)
    assert stopping.by_try == (13, 5, 1)
    assert (stopping.accepted, stopping.accepted_wrong) == (19, 0)
    assert (sum(stopping.steps), len(stopping.steps) - 1) == (24, 24)  # three tries of 8 steps at the most
    mean, worst = stopping.costs.mean, stopping.costs.worst
    assert mean.steps == pytest.approx(sum(n * count for n, count in enumerate(stopping.steps)) / 24)
    assert mean.time.high > first.costs.mean.time.high
    assert worst.time.high == pytest.approx(3 * first.costs.worst.time.high)
    assert "by try 13 + 5 + 1" in " ".join(grids.stopped(said))
    screen = "\n".join(line.plain for line in Screen(said, (), "").lines(100))
    assert "head+settled,t=100 and 2 retries" in screen
    assert "24 steps a puzzle: half within" in screen


def test_a_rule_of_a_deployment_gives_way_where_no_t_is_kept_and_one_that_was_asked_for_does_not(
    capsys: pytest.CaptureFixture[str],
) -> None:
    _, said = report(capsys, "--no-fidelity", "--steps", "1", "--weights", "w4t")
    assert said["subject"]["stop"] == "fixed (no t is kept for w4t-a8p16-c16)"
    assert main(["run", "--weights", "w4t", "--stop", "settled"]) == 2
    assert "keeps no t for w4t-a8p16-c16" in capsys.readouterr().err
    assert main(["run", "--stop", "setled"]) == 2
    assert "none of fixed, head, settled, head+settled" in capsys.readouterr().err


def test_a_puzzle_row_is_streamed_from_a_table_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "rows"
    assert refimpl_main(["embeddings", "make", str(table), "--rows", "40"]) == 0
    depth = ["--model", "trm-mlp-sudoku", "--H-cycles", "1", "--steps", "1", "--no-fidelity"]
    capsys.readouterr()
    crcs = []
    for row in ("0", "39"):
        _, said = report(capsys, *depth, "--table", str(table), "--row", row)
        crcs.append(said["cycles"][0]["crc32_H"])
        assert (said["total"]["table_reads"], said["total"]["table_bytes"]) == (1, 2048)
    assert crcs[0] != crcs[1]
    assert main(["run", *depth, "--table", str(table), "--row", "40"]) == 2
    assert "40" in capsys.readouterr().err
