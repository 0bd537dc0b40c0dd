"""``mcusim fit``: what it tries, whom it lets win, what it writes, and that nothing finished is lost."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
import time
from dataclasses import astuple, replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from test_executors import AtOnce

from mcusim.__main__ import main
from mcusim.asked import Asked
from mcusim.fitting import trial as trial_module
from mcusim.fitting.candidates import BASELINE, NAIVE, SHALLOW, TRIED, Candidate, Recipe, mixture
from mcusim.fitting.deploy import compiler_here, deploy
from mcusim.fitting.finals import finals, solver
from mcusim.fitting.front import Limits, Row, choose, front, paired
from mcusim.fitting.measure import Measured, Solver, Store, measure
from mcusim.fitting.place import Asked as Placing
from mcusim.fitting.place import Placed, Taken, place
from mcusim.fitting.race import Entrant, better
from mcusim.fitting.report import Found, sheet
from mcusim.fitting.trial import Trial, Trials, trial
from mcusim.laid import lay
from mcusim.parts import load_part
from mcusim.planner.notation import describe
from mcusim.report import Span
from refimpl import fast
from refimpl.errors import InputError
from refimpl.formats import parse_format, parse_weights
from refimpl.models.halting import FIXED, StopRule
from workbench.content import FLOAT
from workbench.evaluate import measure as evaluate
from workbench.evaluate import program
from workbench.fidelity import Reading
from workbench.lab.second_order import input_moments
from workbench.networks import Network, find_network
from workbench.render.grid import Grid, drawn
from workbench.render.plot import Points
from workbench.retry import relabellings, warranted
from workbench.tasks.metrics import puzzle_exact
from workbench.tasks.sets import evaluation_set

NETWORK = find_network("sudoku6-mlp")


def candidate(fmt: str) -> Candidate:
    return Candidate(Recipe(parse_format(fmt), "nearest", "clipped"), NETWORK)


def row(fmt: str, right: int, costs: tuple[int, int, float, float], fits: bool = True, of: int = 100) -> Row:
    """A row that solves ``right`` of ``of`` puzzles in both sets."""
    solved = np.arange(of) < right
    flash, sram, seconds, joules = costs
    placed = Placed(flash, sram, Span(seconds, seconds), Span(joules, joules), fits, "", flash + sram)
    return Row(candidate(fmt), 16, FIXED, flash, solved, solved, Taken((0,) * 16 + (of,), of), placed)


ALL = np.ones(100, bool)
W8 = row("w8c", 99, (200, 100, 2.0, 2.0))
HALF = replace(row("w8c", 99, (200, 100, 1.9, 1.9)), depth=8)
W4 = row("w4c", 98, (100, 100, 2.0, 2.0))
W3 = row("w3c", 80, (80, 100, 1.0, 1.0))
BIG = row("w6c", 100, (150, 900, 2.0, 2.0), fits=False)


def test_the_cheapest_that_keeps_enough_is_recommended() -> None:
    """And the next one is its runner-up."""
    rows = [W8, HALF, W4, W3, BIG]
    assert choose(rows, Limits(0.99), (ALL, ALL)).best is HALF
    found = choose(rows, Limits(0.98), (ALL, ALL))
    assert (found.best, found.second, found.keeps) == (W4, HALF, True)
    assert choose(rows, Limits(0.8), (ALL, ALL)).best is W3


def test_the_yardstick_itself_is_never_recommended() -> None:
    """What needs no more of anything goes before what is cheaper on the whole; both before nothing."""
    assert choose([W8, W3], Limits(0.99), (ALL, ALL)).best is W3
    assert not choose([W8, W3], Limits(0.99), (ALL, ALL)).keeps
    small = row("w2c", 99, (20, 101, 0.5, 0.5))
    assert choose([W8, small, HALF], Limits(0.99), (ALL, ALL)).best is HALF
    assert choose([W8, small], Limits(0.99), (ALL, ALL)).best is small
    dearer = row("w8t", 100, (201, 100, 2.0, 2.0))
    assert not choose([W8, dearer], Limits(0.99), (ALL, ALL)).keeps


def test_where_none_keeps_enough_the_most_exact_within_the_limits_is_named() -> None:
    found = choose([W8, W4, W3], Limits(0.99, flash=150), (ALL, ALL))
    assert (found.best, found.keeps) == (W4, False)
    nothing = choose([BIG], Limits(0.5), (ALL, ALL))
    assert (nothing.best, nothing.keeps) == (None, False)
    assert choose([W8, W4, W3], Limits(0.5, seconds=1.5), (ALL, ALL)).best is W3
    assert choose([W8], Limits(0.5, sram=99), (ALL, ALL)).best is None


def test_a_row_that_was_lucky_in_the_race_is_found_out_by_the_held_out_puzzles() -> None:
    unlucky = replace(W4, held_out=np.arange(100) < 90)
    assert choose([W8, HALF, unlucky], Limits(0.98), (ALL, ALL)).best is HALF


def test_a_row_that_was_unlucky_in_the_race_is_refused_by_both_sets_together_alone() -> None:
    kept, lost = (replace(W4, calibration=np.arange(100) < n) for n in (97, 95))  # with 99 held-out ones
    kept, lost = (replace(one, held_out=np.arange(100) < 99) for one in (kept, lost))
    assert choose([W8, HALF, kept], Limits(0.98), (ALL, ALL)).best is kept  # 196 of 200
    assert choose([W8, HALF, lost], Limits(0.98), (ALL, ALL)).best is HALF  # 194


def test_what_fails_as_c_is_not_recommended_and_is_named() -> None:
    broken = replace(W4, failed="linear_s4: 1 of 9 cases fails")
    rows = [W8, replace(HALF, failed=""), broken]
    choice = choose(rows, Limits(0.98), (ALL, ALL))
    assert choice.best is rows[1]
    part = load_part("stm32h743", None)
    told = sheet(Found("n", part, Limits(0.98), "c", "h", (ALL, ALL), rows, [], choice, []))
    assert {row["name"]: row["failed_as_c"] for row in told.data["rows"]} == {
        W8.name: None, HALF.name: "", W4.name: broken.failed}  # fmt: skip
    verdict, table = told.parts[0], told.parts[1]
    assert ("failed as C: w4c-a8-c16", broken.failed) in verdict.rows
    assert {row[:2]: row[-1] for row in table.rows} == {
        ("w8c-a8-c16", "16"): "", ("w8c-a8-c16", "8"): "*fc", ("w4c-a8-c16", "16"): "f!"}  # fmt: skip


def placed(name: str, network: Network = NETWORK) -> Row:
    """A row with its place on a part."""
    one = Candidate(Recipe(parse_format(name), "nearest", "clipped"), network)
    asked = Placing(network.config, one.recipe.format, len(network.image(name)), load_part("stm32h743", None),
                    (Taken((0, 1), 1),), None)  # fmt: skip
    return replace(row(name, 9, (1, 1, 1.0, 1.0)), candidate=one, depth=network.config.halt_max_steps,
                   placed=place(asked)[0])  # fmt: skip


@pytest.mark.skipif(compiler_here() is None, reason="no C compiler")
def test_a_row_is_tried_as_c_once_and_anew_where_its_files_differ(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pass is taken for exactly these files: nothing is compiled again.  A failure is not kept."""
    job = Trial(placed("w4c"), "stm32h743", None, False, frozenset())
    key, failed = trial(job)
    assert failed == ""
    trials = Trials(tmp_path / "s.jsonl")
    for said in ("no space left", None, failed, failed):
        trials.add(key, said)
    assert len(trials.path.read_text().splitlines()) == 1
    assert Trials(trials.path).passed == {key}
    monkeypatch.setattr(trial_module, "self_test", lambda made: replace(made, failed="it was run"))
    assert trial(replace(job, passed=frozenset({key}))) == (key, "")
    other = replace(job, row=placed("w4c", short()), passed=frozenset({key}))
    assert trial(other)[0] != key
    assert trial(other)[1] == "it was run"


def test_a_row_that_cannot_be_exported_says_why() -> None:
    nowhere = replace(placed("w4c"), rule=StopRule("head+settled", t=1))
    job = Trial(nowhere, "nowhere", None, False, frozenset())
    key, failed = trial(job)
    assert key == ""
    assert failed is not None
    assert "nowhere" in failed


def test_the_front_is_of_accuracy_and_all_four_costs() -> None:
    worse = row("w8t", 97, (200, 100, 2.0, 2.0))
    assert front([W8, W4, W3, BIG, worse]) == [W8, W4, W3]


def test_a_paired_interval_by_hand() -> None:
    """Newcombe 1998, method 10, his table III: 36 both, 12 only the first, 2 only the second, 0 neither of
    50 gives a difference of 0.20 with [0.0569, 0.3404]."""
    first = np.repeat([True, True, False, False], (36, 12, 2, 0))
    second = np.repeat([True, False, True, False], (36, 12, 2, 0))
    found = paired(second, first)
    assert found.change == pytest.approx(0.20)
    assert (found.interval.low, found.interval.high) == pytest.approx((0.0569, 0.3404), abs=6e-5)
    assert (found.test.only_first, found.test.only_second) == (2, 12)


def test_a_page_of_a_fit_begins_with_its_choice_and_plots_every_cost(tmp_path: Path) -> None:
    choice = choose([W8, HALF, W4], Limits(0.98), (ALL, ALL))
    found = Found("n", load_part("stm32h743", None), Limits(0.98), "c", "h", (ALL, ALL), [W8, HALF, W4], [W3],
                  choice, [])  # fmt: skip
    told = sheet(found)
    assert told.head[0] == "w4c-a8-c16"
    assert "0.1 KiB flash, 0.1 KiB SRAM, 2 s and 2,000 mJ a puzzle" in told.head[1]
    costs = [plot.title.removeprefix("accuracy against ") for plot in told.plots[:-1]]
    assert costs == ["flash", "SRAM", "time", "energy"]
    assert all(isinstance(plot, Points) and len(plot.points) == 3 for plot in told.plots[:-1])
    assert told.data["narrow"] == {"bits": 4, "best": "w4c-a8-c16", "kept": 0.98, "naive_kept": None}


@pytest.mark.parametrize("width", [60, 80, 120])
def test_no_cell_of_a_fit_is_cut(width: int) -> None:
    """Also where a mixture is recommended, whose format is longer than the page, and in one table from 80."""
    spared = ((f"L.{n}.mlp_t.gate_up", parse_weights("w4c")) for n in range(4))
    mixed = Recipe(replace(parse_format("w3c"), overrides=tuple(spared)), "feedback", "clipped")
    assert mixed.name == "w3c-a8-c16 +4 w4c feedback"
    best = replace(W4, candidate=Candidate(mixed, NETWORK), rule=StopRule("head+settled", t=160), failed="")
    rows = [W8, replace(best, taken=replace(best.taken, retries=2)), HALF, BIG]
    choice = choose(rows, Limits(0.98), (ALL, ALL))
    assert choice.best is rows[1]
    part = load_part("stm32h743", None)
    told = sheet(Found("n", part, Limits(0.98), "c", "h", (ALL, ALL), rows, [W3], choice, []))
    console = Console(width=width, record=True, file=io.StringIO())
    for grid in told.parts:
        assert isinstance(grid, Grid)
        console.print(drawn(grid))
    text = console.export_text()
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= width
    for cell in ("w3c-a8-c16 +4", "16 t160 r2", "98.00", "*fc", "2/0"):
        assert cell in text
    assert text.count(" program ") == (1 if width >= 80 else 2)


def test_equal_answers_differ_by_nothing() -> None:
    found = paired(ALL, ALL)
    assert found.change == 0
    assert found.interval.low <= 0 <= found.interval.high


def entrant(fmt: str, image: int, kept: bool = False) -> Entrant:
    return Entrant(candidate(fmt), image, kept)


def test_a_race_lets_the_fronts_of_bytes_and_accuracy_go_on() -> None:
    """What others are compared with always does."""
    entrants = [entrant("w8c", 8, True), entrant("w6c", 6), entrant("w4c", 4), entrant("w4t", 4, True),
                entrant("w3c", 3), entrant("w4g32", 5)]  # fmt: skip
    right = {"w8c": 9, "w6c": 9, "w4c": 7, "w4t": 1, "w3c": 2, "w4g32": 9}

    def ran(one: Entrant) -> Measured:
        exact = np.arange(10)[None] < right[one.candidate.recipe.format.weights.name]
        return Measured(exact, exact, exact, np.zeros((1, 10, 2), np.int64), 1)

    found = {one.name: ran(one) for one in entrants}
    assert [one.image for one in better(entrants, found, 4)] == [8, 4, 4, 5]
    assert better(entrants, found, 6) == entrants


def test_a_mixture_spares_the_linears_that_the_format_hurts_most() -> None:
    model = NETWORK.float_model.with_depth(1, 1)
    moments = input_moments(model, evaluation_set(NETWORK.config, 4).inputs)
    one, two = (mixture(NETWORK, moments, "w3c", n, "w8c").overrides for n in (1, 2))
    assert len(one) == 1
    assert len(two) == 2
    assert set(one) < set(two)


def test_everything_that_is_tried_has_a_name_of_its_own() -> None:
    names = [Recipe(parse_format(fmt), how, at).name for fmt, how, at in TRIED]
    names += [Recipe(parse_format(fmt), how, at, 1).name for fmt, how, at in SHALLOW]
    assert len(set(names)) == len(names) >= 20
    assert names[:2] == [BASELINE, NAIVE]


def short() -> Network:
    return replace(NETWORK, config=replace(NETWORK.config, halt_max_steps=4), ranges=NETWORK.calibration)


def test_one_run_tells_every_depth_and_stop_rule(tmp_path: Path) -> None:
    """The same as runs that really stop there."""
    network = short()
    puzzles = evaluation_set(network.config, 40)
    one = Solver("w4c", network, "w4c-a8-c16")
    found = measure([(one, puzzles)], Store(tmp_path / "s.jsonl"), AtOnce())["w4c"]
    for rule, steps in ((FIXED, 4), (FIXED, 2), (StopRule("head+settled", t=300), 4)):
        under = found.under(rule, steps)
        runner = program(network, "w4c", steps=steps, stop=str(rule))
        expected = evaluate(runner, puzzles)
        assert under.right.sum() == expected.score.exact_right
        assert under.steps.mean() == (expected.mean_steps or steps)
        assert under.accepted.sum() == (expected.stopping.accepted if expected.stopping else 0)
        stopped = measure([(replace(one, until=rule), puzzles)], Store(tmp_path / "s.jsonl"), AtOnce())["w4c"]
        for depth in {2, steps}:
            pairs = zip(astuple(stopped.under(rule, depth)), astuple(found.under(rule, depth)), strict=True)
            assert all((a == b).all() for a, b in pairs)


def test_a_store_gives_back_what_it_holds_and_runs_only_the_rest(tmp_path: Path) -> None:
    network, path = short(), tmp_path / "s.jsonl"
    puzzles = evaluation_set(network.config, 64)
    solvers = [Solver(FLOAT, network, FLOAT), Solver("w4c", network, "w4c-a8-c16")]
    runs = [(one, puzzles) for one in solvers]
    counts: list[int] = []
    first = measure(runs, Store(path), AtOnce(), counts.append)
    whole = path.read_bytes()
    path.write_bytes(whole[: whole.rfind(b"\n", 0, -1) + 30])  # a kill in the middle of the last line
    again = measure(runs, Store(path), AtOnce(), counts.append)
    assert counts == [4, 1]
    assert all((first[name].exact == again[name].exact).all() for name in first)


def test_wrong_requests_are_sentences(capsys, tmp_path: Path) -> None:
    for flags, said in (
        (["--keep", "101%"], "--keep 101%"), (["--keep", "x"], "--keep x"),
        (["--max-time", "5 h"], "--max-time 5 h"), (["--max-flash", "lots"], "--max-flash"),
        (["--model", "trm-mlp-sudoku"], "seeded weights"), (["--part", "stm32h7"], "stm32h7s7"),
        (["--model", "sudoku6-mlp", "--givens", "x"], "--givens x"), (["--workers", "0"], "--workers is 0"),
    ):  # fmt: skip
        assert main(["fit", "--folder", str(tmp_path / "fit"), *flags]) == 2
        assert said in capsys.readouterr().err


def test_a_deployment_file_may_lie_anywhere(tmp_path: Path, capsys) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('kind = "deployment"\ntitle = "x"\nmodel = "sudoku6-mlp"\nformat = "w4c"\n'
                    'puzzle_rows = "streamed"\nH_cycles = 1\nsteps = 2\npart = "stm32h743"\nsource = "x"\n'
                    "[expect]\n4MB = { weights_only = true, everything = true }\n"
                    "8MB = { weights_only = true, everything = true }\n")  # fmt: skip
    assert main(["run", str(file), "--format", "json", "--no-fidelity"]) == 0
    assert json.loads(capsys.readouterr().out)["subject"]["network"] == "sudoku6-mlp"
    file.write_text(file.read_text().replace("sudoku6-mlp", "nowhere"))
    assert main(["run", str(file)]) == 2
    assert "mine.toml" in capsys.readouterr().err


COMMAND = [sys.executable, "-m", "mcusim", "fit", "--model", "sudoku6-mlp", "--part", "stm32h743",
           "--puzzles", "32"]  # fmt: skip


@pytest.mark.slow
def test_a_fit_that_is_killed_ends_as_one_that_is_not(tmp_path: Path) -> None:
    """Killed every few batches; no finished batch is run again, and the deployment runs and passes."""
    store = tmp_path / "fit" / "measured.jsonl"
    command = [*COMMAND, "--folder", str(tmp_path / "fit"), "--format", "json"]
    for i in range(4):
        running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while not store.exists() or store.read_bytes().count(b"\n") < 6 * (i + 1):
            assert running.poll() is None
            time.sleep(0.05)
        before = store.read_bytes()
        running.send_signal(signal.SIGINT if i % 2 else signal.SIGKILL)
        started = time.monotonic()
        running.wait()
        assert time.monotonic() - started < 3
        assert store.read_bytes().startswith(before[: before.rfind(b"\n") + 1])
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    keys = [json.loads(line)["key"] for line in store.read_text().splitlines()]
    assert len(set(keys)) == len(keys)
    report = json.loads(done.stdout)
    assert len(report["rows"]) >= 20
    assert report["deployments"][0]["failed"] == ""
    assert {row["failed_as_c"] for row in report["rows"] if (row["placed"] or {}).get("fits")} <= {"", None}
    assert any(row["failed_as_c"] == "" for row in report["rows"])
    best = next(row for row in report["rows"] if row["name"] == report["recommended"])
    file, ran = report["deployments"][0]["file"], tmp_path / "run.json"
    assert main(["run", file, "--no-fidelity", "--format", "json", "--out", str(ran)]) == 0
    kept = json.loads(ran.read_text())["all_puzzles"]
    assert (kept["source"], kept["exact_right"]) == ("kept", best["held_out"]["exact"])
    steps = sum(n * count for n, count in enumerate(kept["stopping"]["steps"]))
    assert steps == round(32 * best["mean_steps"])


def test_a_store_whose_counts_disagree_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    seen = {"exact": ["01"], "keeps": ["01"], "head": ["0"], "moved": [1]}
    path.write_text(json.dumps({"key": "a", "watched": seen}) + "\n")
    with pytest.raises(InputError, match="exact, keeps, head and moved"):
        Store(path)


def test_a_deployment_file_states_its_plan_for_run_and_export(tmp_path: Path) -> None:
    """A fit under a limit of SRAM may need another plan than the fastest that the part holds."""
    limit = 48 * 1024
    recipe = Candidate(Recipe(parse_format("w4c"), "nearest", "clipped"), NETWORK)
    image = len(NETWORK.image("w4c"))
    part = load_part("stm32h743", None)
    asked = Placing(NETWORK.config, recipe.recipe.format, image, part, (Taken((0, 1), 1),), limit)
    (tight,), (free,) = place(asked), place(replace(asked, limit=None))
    assert tight.plan != free.plan
    assert tight.sram <= limit < free.sram
    file = deploy(replace(row("w4c", 9, (1, 1, 1.0, 1.0)), candidate=recipe, placed=tight), "stm32h743",
                  tmp_path / "here", "test")  # fmt: skip
    for plan, expected in ((None, tight.plan), ("chosen", free.plan)):
        assert describe(lay(Asked(str(file), plan=plan)).plan.choices) == expected


def test_refused_puzzles_are_tried_again_as_an_exported_folder_does(tmp_path: Path) -> None:
    """The retries of a row: the same answers, accepted or not, in the same steps."""
    network = short()
    raced, held_out = (evaluation_set(network.config, n, seed=n) for n in (20, 36))
    one = Entrant(Candidate(Recipe(parse_format("w4c"), "nearest", "clipped"), network), 1, False)
    store, original = Store(tmp_path / "s.jsonl"), Solver(FLOAT, network, FLOAT)
    seen = measure([(original, raced), (solver(one), raced)], store, AtOnce())
    rows, solved = finals([one], seen, original, raced, held_out, lambda _, runs: measure(
        runs, store, AtOnce()))  # fmt: skip
    assert [(row.depth, row.taken.retries) for row in rows] == [(4, 0), (2, 0), (4, 2)]
    assert rows[2].name.endswith("2 retries")
    last, model = rows[2], network.integer_model("w4c").with_stop(rows[2].rule)
    for puzzles, right in ((raced, last.calibration), (held_out, last.held_out)):
        again = relabellings(model.config, 2)
        done = warranted(Reading(fast, model), puzzles.inputs, again)
        assert (puzzle_exact(done.answers, puzzles.labels) == right).all()
    assert last.taken == Taken(tuple(np.bincount(done.steps[done.steps > 0], minlength=5).tolist()), 36, 2)
    assert last.steps == done.steps.sum() / 36 > rows[0].steps
    assert len(solved) == 36
    asked = Placing(model.config, one.candidate.recipe.format, 1, load_part("stm32h743", None),
                    (rows[0].taken, last.taken), None)  # fmt: skip
    once, tried = place(asked)
    assert tried.flash > once.flash
    assert tried.seconds.high > once.seconds.high
