"""What surrounds a stop rule: its threshold, the task's own rules, relabellings, and the long experiment."""

from __future__ import annotations

import ctypes
import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cross_tools import require

from refimpl import fast
from refimpl.__main__ import main
from refimpl.errors import InputError
from refimpl.formats import parse_weights
from refimpl.image import Image
from refimpl.model_image import read_config
from refimpl.models.recursion import solve
from workbench import codes, stopping
from workbench.fidelity import Reading
from workbench.lab import stopping as lab
from workbench.lab.rewrite import linears
from workbench.networks import find_network
from workbench.retry import relabellings, warranted
from workbench.stop_text import parse_stop
from workbench.stopping import Thresholds, Watched, between, ends, watch, with_labels, without_labels
from workbench.tasks.metrics import puzzle_exact
from workbench.tasks.relabel import draw
from workbench.tasks.rules import maze_rules, sudoku_rules
from workbench.tasks.sets import HeldOut, evaluation_set, spread_givens
from workbench.tasks.task import task_of

NETWORKS = ("sudoku9-mlp", "sudoku6-mlp", "maze10-att")


def test_a_solution_keeps_the_rules_of_sudoku_and_a_changed_cell_does_not() -> None:
    puzzles = evaluation_set(find_network("sudoku9-mlp").config)
    questions, answers = puzzles.inputs[:40], puzzles.labels[:40]
    assert sudoku_rules(questions, answers).all()
    for cell in range(81):
        wrong = answers.copy()
        wrong[:, cell] = wrong[:, cell] % 9 + 2 if cell % 2 else 1  # another digit, or a blank
        wrong[:, cell] = np.where(wrong[:, cell] == answers[:, cell], 0, wrong[:, cell])
        assert not sudoku_rules(questions, wrong).any()


def test_a_valid_grid_that_drops_a_given_breaks_the_rules() -> None:
    puzzles = evaluation_set(find_network("sudoku9-mlp").config)
    swapped = np.arange(11)
    swapped[[2, 3]] = 3, 2
    other = swapped[puzzles.labels[:40]]
    assert not sudoku_rules(puzzles.inputs[:40], other).any()
    assert sudoku_rules(np.ones_like(other), other).all()


def test_only_a_whole_shortest_path_keeps_the_rules_of_mazes() -> None:
    puzzles = HeldOut(minimum_path=12).draw(10, 20)
    assert maze_rules(puzzles.inputs, puzzles.labels).all()
    assert not maze_rules(puzzles.inputs, puzzles.inputs).any()
    for question, label in zip(puzzles.inputs, puzzles.labels, strict=True):
        path, free = np.flatnonzero(label == 5), np.flatnonzero(label == 2)
        wall = np.flatnonzero(label == 1)
        changes = ((path[:1], 2), (path[3:4], 2), (free[:1], 5), (wall[:1], 5), (wall[:1], 2), (path[:1], 4))
        for cells, token in changes:
            wrong = label.copy()
            wrong[cells] = token
            assert not maze_rules(question[None], wrong[None])[0]


@pytest.mark.parametrize("name", NETWORKS)
def test_a_relabelled_puzzle_has_the_relabelled_answer_and_undoing_gives_the_old_one(name: str) -> None:
    config = find_network(name).config
    puzzles, rules = evaluation_set(config, 16), task_of(config).rules
    assert rules is not None
    seen = set()
    for seed in range(6):
        new = draw(config, seed)
        assert new is not None
        questions, answers = new.apply(puzzles.inputs), new.apply(puzzles.labels)
        assert rules(questions, answers).all()
        assert (new.undo(answers) == puzzles.labels).all()
        seen.add(questions.tobytes())
    assert len(seen) > 3


def test_arc_changes_nine_colours_and_leaves_black_borders_and_places() -> None:
    config = replace(find_network("maze10-att").config, task="arc", vocab_size=12)
    new = draw(config, 3)
    assert new is not None
    assert new.tokens[:3].tolist() == [0, 1, 2]
    assert sorted(new.tokens.tolist()) == list(range(12))
    assert new.tokens.tolist() != list(range(12))
    assert new.source.tolist() == list(range(config.seq_len))
    assert draw(replace(config, task="tokens"), 3) is None


def watched(
    means: list[list[int]], head: list[list[int]], right: list[list[int]]
) -> tuple[Watched, np.ndarray]:
    """Runs of one-token puzzles with label 1, as the thresholds see them; a state has 10 values."""
    moved = np.array(means)[:, :, None] * 10
    answers = np.array(right)[:, :, None]
    q = np.stack([np.array(head), np.zeros_like(head)], axis=-1)
    found = Watched(q, np.repeat(moved, 2, axis=2).astype(np.int64), answers, 10, "trm")
    return found, np.ones((len(means[0]), 1), np.int64)


def test_t_without_labels_is_1_6_times_the_median_of_the_calmer_half() -> None:
    last = [[10, 20, 30, 400, 500, 600]] * 4
    found, _ = watched([[9] * 6, *last], [[0] * 6] * 5, [[0] * 6] * 5)
    assert without_labels(found) == 32


def test_t_with_labels_lies_between_what_right_runs_need_and_where_wrong_ones_begin() -> None:
    means, head = [[300, 250], [40, 160], [20, 90]], [[0, 1], [1, 1], [1, 1]]
    found, labels = watched(means, head, [[0, 0], [1, 0], [1, 0]])
    # right: 20 is reached; wrong: 90; their geometric mean is 42.4
    assert with_labels(found, labels, "head") == 43
    only_right = replace(found, answers=np.ones_like(found.answers))
    assert with_labels(only_right, labels, "head") == 144  # 1.6 times 90
    crossed, labels = watched([[50, 30]], [[1, 1]], [[1, 0]])
    assert with_labels(crossed, labels, "head") == 29
    assert with_labels(crossed, labels, "head", checked=True) == 50  # 29 would keep nothing


def test_one_right_run_that_never_rests_does_not_set_t_among_wrong_answers() -> None:
    resting = np.tile(np.arange(10.0, 30.0), 10)  # 200 runs that come to rest at 10 to 29
    means = np.append(resting, [300.0, 180.0])[None]  # one right that does not, and a wrong one
    right = np.append(np.ones(201, bool), [False])[None]
    assert between(np.ones_like(right), right, means) == 47  # 1.6 times 29, nearer than the mean with 180
    assert between(np.ones_like(right), right, np.where(means == 180, 40.0, means)) == 35  # that with 40
    assert between(np.ones_like(right), right, np.where(means == 180, 20.0, means)) == 19  # nothing helps


def test_halt_asks_q_halt_alone_where_the_head_of_an_hrm_compares_it_with_q_continue() -> None:
    found, labels = watched([[90, 20], [20, 20]], [[1, 0], [1, 0]], [[1, 0], [1, 0]])
    hrm = replace(found, q=np.tile([[[5, 7], [-1, -3]]], (2, 1, 1)), family="hrm")
    said = {rule: ends(hrm, parse_stop(rule))[1].tolist() for rule in ("head", "halt", "halt+settled,t=1")}
    assert said == {"head": [False, True], "halt": [True, False], "halt+settled,t=1": [False, False]}
    assert ends(hrm, parse_stop("halt+settled,t=20"))[0].tolist() == [2, 2]
    assert with_labels(hrm, labels, "halt") == 32  # 1.6 times 20
    assert with_labels(hrm, labels, "head") == 5  # no right run is agreed to, a wrong one at 20: sqrt(1 * 20)
    assert with_labels(replace(hrm, family="trm"), labels, "head") == 32


def test_a_watched_run_tells_where_every_rule_would_have_stopped() -> None:
    model = find_network("sudoku9-mlp").integer_model("w4c")
    tokens = evaluation_set(model.config).inputs[:5]
    found = watch(Reading(fast, model), tokens)
    for text in ("head", "settled,t=88", "head+settled,t=900,of=largest,least=3", "fixed"):
        ended = solve(fast, model.with_stop(parse_stop(text)), tokens)
        steps, stopped = ends(found, parse_stop(text))
        assert steps.tolist() == ended.steps.tolist()
        assert stopped.tolist() == ended.stopped.tolist()
        answers = found.answers[steps - 1, np.arange(5)]
        assert (answers == fast.argmax(ended.outputs.logits)).all()
        short = watch(Reading(fast, model), tokens, parse_stop(text))
        again, _ = ends(short, parse_stop(text))
        assert again.tolist() == steps.tolist()
        assert (short.answers[steps - 1, np.arange(5)] == answers).all()
        assert (short.answers[-1] == answers).all()


def test_thresholds_of_other_weights_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "stopping.json"
    kept = {"w4c": Thresholds(70, 90, 95, "some puzzles")}
    stopping.write(path, "abc", kept)
    assert stopping.read(path, "abc") == kept
    assert stopping.read(path, "abd") == {}  # as the command that makes them anew sees it
    with pytest.raises(InputError, match="belongs to other weights; `this` makes it again"):
        stopping.read(path, "abd", "`this`")


def test_a_rule_without_t_takes_the_calibrated_one_or_says_how_to_find_it() -> None:
    network = find_network("sudoku9-pair-mlp")
    assert network.thresholds_path is not None
    known = stopping.read(network.thresholds_path, network.digest)
    t = known["w8c-a8-c16"].labelled
    assert str(network.stop_rule("head+settled", "w8c-a8-c16")) == f"head+settled,t={t}"
    assert str(network.stop_rule("settled,t=5,over=step", "w8c-a8-c16")) == "settled,t=5,over=step"
    with pytest.raises(InputError, match="keeps no t for w2t; write it, as in settled,t=100, or find one"):
        network.stop_rule("settled", "w2t")


def test_an_interrupted_experiment_goes_on_and_gives_the_same_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lab, "BATCH", 3)
    log, out = tmp_path / "log.jsonl", tmp_path / "out.json"
    asked = ["stopping", "sudoku9-mlp", "--formats", "w4c", "--puzzles", "7", "--givens", "27-32",
             "--steps", "8", "--rules", "head;head+settled,t=90", "--log", str(log), "--format", "json",
             "--out", str(out)]  # fmt: skip
    assert main(asked) == 0
    whole, lines = json.loads(out.read_text()), log.read_text().splitlines()
    assert len(lines) == 3
    log.write_text(lines[0] + "\n" + lines[1][:40])
    assert main(asked) == 0
    assert json.loads(out.read_text()) == whole
    assert log.read_text().splitlines() == lines
    fixed, head, both = whole["rows"]
    assert fixed["accepted"] == 0
    assert fixed["steps"][8] == 7
    assert sum(both["steps"]) == head["puzzles"] == 7
    assert both["right_accepted"] + both["accepted_wrong"] == both["accepted"]
    assert main([*asked, "--no-fixed"]) == 0
    told = out.read_text()
    assert main(["stopping", "--log", str(log), "--format", "json", "--out", str(out)]) == 0
    rows = json.loads(out.read_text())["rows"]
    assert [row["program"] for row in rows] == ["sudoku9-mlp w4c-a8-c16, at most 8"] * 5
    assert [row | {"program": 0} for row in rows[:3]] == [row | {"program": 0} for row in whole["rows"]]
    for watched, alone in zip((head, both), json.loads(told)["rows"], strict=True):
        assert alone == {key: watched[key] for key in alone}
        assert "fixed_right" not in alone


@pytest.mark.parametrize("key", ['["0f", "w4c-a8-c16", 8]', "w4c", "3"])
def test_a_log_of_an_earlier_version_is_one_sentence(
    key: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log, shipped = tmp_path / "old.jsonl", Path(__file__).parents[1] / "results" / "stopping" / "log.jsonl"
    batch = next(line for line in map(json.loads, shipped.read_text().splitlines()) if "rules" in line)
    log.write_text(json.dumps({**batch, "key": key}) + "\n")
    assert main(["stopping", "--log", str(log)]) == 2
    assert "is none of this version's; measure anew." in " ".join(capsys.readouterr().err.split())


def test_a_changed_calibration_is_another_program_of_the_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shipped, own, log = find_network("sudoku6-mlp"), tmp_path / "own", tmp_path / "log.jsonl"
    assert shipped.folder is not None
    shutil.copytree(shipped.folder, own)
    asked = ["stopping", str(own), "--formats", "w4c", "--puzzles", "2", "--steps", "2", "--rules",
             "head;head,more=2,by=w8c", "--log", str(log)]  # fmt: skip

    def lines(*options: str) -> int:
        assert main([*asked, *options]) == 0
        return len(log.read_text().splitlines())

    assert [lines(), lines(), lines("--retries", "1"), lines("--retries", "1")] == [1, 1, 3, 3]
    ranges = json.loads((own / "calibration.json").read_text())
    site = next(iter(ranges["absmax"]))
    ranges["absmax"][site] *= 1 + 2**-20
    (own / "calibration.json").write_text(json.dumps(ranges))
    assert [lines(), lines("--retries", "1")] == [4, 6]
    rounded = {p.name: parse_weights("w8c").quantize(p.weight) for p in linears(shipped.float_model)}
    codes.write(own / codes.FILE, shipped.digest, {"w8c": rounded})  # of the second program alone
    assert [lines(), lines("--retries", "1")] == [7, 8]


def test_cycles_after_a_stop_are_run_where_a_fixed_run_is_watched_as_well(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    network = find_network("sudoku6-mlp")
    rules = [parse_stop(text) for text in ("fixed", "head", "head,more=4", "head,more=4,by=w8c")]
    puzzles = evaluation_set(network.config, 4)
    program = Reading(fast, network.integer_model("w4c").with_depth(steps=2))
    finishes = {rules[-1].by: network.integer_model("w8c")}
    found = lab.run(program, "key", puzzles, rules, tmp_path / "log.jsonl", finishes=finishes)
    for rule in rules:
        again = Reading(fast, program.model.with_stop(rule), finishes.get(rule.by)).solve(puzzles.inputs)
        assert found[str(rule)].steps.tolist() == again.steps.tolist()
        right = puzzle_exact(fast.argmax(again.outputs.logits), puzzles.labels)
        assert found[str(rule)].right.tolist() == right.tolist()


def test_a_lower_maximum_and_giving_up_are_read_off_the_same_runs() -> None:
    steps = np.array([3, 6, 9, 16])
    yes = np.ones(4, np.bool_)
    both = lab.Stopped(steps, np.array([True, True, True, False]), yes, yes)
    rests = lab.Stopped(np.array([3, 4, 16, 7]), np.array([True, True, False, True]), yes, yes)
    lower = lab.cut(both, 8, None)
    assert (lower.steps.tolist(), lower.stopped.tolist()) == ([3, 6, 8, 8], [True, True, False, False])
    given_up = lab.cut(both, 16, rests)  # the second rests at 4 without agreement, the last at 7
    assert (given_up.steps.tolist(), given_up.stopped.tolist()) == ([3, 4, 9, 7], [True, False, True, False])


def test_retries_are_kept_in_the_log_and_not_run_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    log, out = tmp_path / "log.jsonl", tmp_path / "out.json"
    asked = ["stopping", "sudoku9-pair-mlp", "--formats", "w8c", "--puzzles", "4", "--givens", "32", "--log",
             str(log), "--retries", "1", "--format", "json", "--out", str(out)]  # fmt: skip
    assert main(asked) == 0
    once, kept = out.read_text(), log.read_text()
    [row] = json.loads(once)["rows"]
    assert sum(row["by_try"]) == row["right"] + row["wrong"] <= row["puzzles"] == 4
    monkeypatch.setattr("workbench.stopping_cli.warranted", None)
    assert main(asked) == 0
    assert (out.read_text(), log.read_text()) == (once, kept)
    monkeypatch.undo()
    assert main([*asked, "--rules", "head,least=3;head+settled"]) == 0
    early, again = json.loads(out.read_text())["rows"]
    assert (early["rule"], again) == ("head,least=3", row)
    assert early["wrong"] == 0
    assert main(["stopping", "--log", str(log), "--format", "md"]) == 0
    assert "sudoku9-pair-mlp w8c-a8-c16, at most 16" in capsys.readouterr().out


def test_refused_puzzles_are_tried_again_under_relabellings_and_nothing_wrong_is_accepted() -> None:
    network = find_network("sudoku9-pair-mlp")
    model = network.integer_model("w8c").with_stop(network.stop_rule("head+settled", "w8c-a8-c16"))
    puzzles = spread_givens(network.config, 40, 26, 27, 14_000_000)
    program = Reading(fast, model)
    names = relabellings(model.config, 3, seed=7)
    once, more = warranted(program, puzzles.inputs, ()), warranted(program, puzzles.inputs, names)
    right = puzzle_exact(more.answers, puzzles.labels)
    assert (once.tried > 0).sum() < (more.tried > 0).sum()
    assert right[more.tried > 0].all()
    first = more.tried == 1
    assert (once.tried == 1).tolist() == first.tolist()
    assert (more.steps[:, :1] == once.steps).all()
    assert (more.steps[first, 1:] == 0).all()
    assert (more.steps[~first, 1] > 0).all()
    second = int(np.flatnonzero(more.tried == 2)[0])
    ended = solve(fast, model, names[0].apply(puzzles.inputs[second : second + 1]))
    assert (names[0].undo(fast.argmax(ended.outputs.logits))[0] == more.answers[second]).all()


class _Tables(ctypes.Structure):
    _fields_ = (("names", ctypes.c_void_p), ("source", ctypes.c_void_p), ("seq", ctypes.c_int32),
                ("vocab", ctypes.c_int32))  # fmt: skip


def call(function: Any, tables: _Tables, given: np.ndarray, to: np.ndarray) -> None:
    function(ctypes.byref(tables), *(a.ctypes.data_as(ctypes.c_void_p) for a in (given, to)))


@pytest.mark.parametrize("name", NETWORKS)
def test_firmware_relabels_and_undoes_alike(name: str, tmp_path: Path) -> None:
    require("gcc")
    source, library = Path(__file__).parents[1] / "firmware" / "src" / "rr_relabel.c", tmp_path / "relabel.so"
    subprocess.run(["gcc", "-std=c99", "-Wall", "-Werror", "-Wconversion", "-shared", "-fPIC", "-o", library,
                    source], check=True)  # fmt: skip
    c, config = ctypes.CDLL(str(library)), find_network(name).config
    puzzle = evaluation_set(config, 1).inputs[0].astype(np.uint8)
    for seed in range(4):
        new = draw(config, seed)
        assert new is not None
        names, places = new.tokens.astype(np.uint8), new.source.astype(np.uint16)
        tables = _Tables(names.ctypes.data, places.ctypes.data, len(puzzle), len(names))
        to, back = np.zeros_like(puzzle), np.zeros_like(puzzle)
        call(c.rr_relabel, tables, puzzle, to)
        assert (to == new.apply(puzzle)).all()
        call(c.rr_relabel_undo, tables, to, back)
        assert (back == puzzle).all()


def test_quantize_writes_the_rule_into_the_image(tmp_path: Path) -> None:
    path = tmp_path / "image"
    assert main(["quantize", "sudoku9-mlp", str(path), "--stop", "head+settled"]) == 0
    network = find_network("sudoku9-mlp")
    rule = network.stop_rule("head+settled", "w4c-a8-c16")
    assert rule.t > 0
    assert read_config(Image(path.read_bytes(), "image"))[0].stop == rule
