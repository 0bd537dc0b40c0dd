"""Claims: ``plan`` and ``fit`` charge the checks of what is fetched as ``run --check-tiles`` does."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cross_tools import require
from rich.progress import Progress
from test_executors import AtOnce
from test_fit import ALL, NETWORK, row

from mcusim.__main__ import main
from mcusim.asked import Asked
from mcusim.build import Costs
from mcusim.charge import requested
from mcusim.checks import checked_part, checks
from mcusim.fit import fit
from mcusim.fitting.deploy import Deployed, deploy, export_and_test
from mcusim.fitting.front import Limits, Row, choose
from mcusim.fitting.place import Asked as Placing
from mcusim.fitting.place import Taken, place
from mcusim.fitting.report import Found
from mcusim.fitting.report import sheet as fitted
from mcusim.fitting.run import Wanted, placed_rows
from mcusim.laid import Laid, lay
from mcusim.parts import load_part
from mcusim.planner.notation import describe
from mcusim.planner.target import Target, target_of
from mcusim.render.plans import sheet
from mcusim.written import checking
from refimpl.errors import InputError
from refimpl.formats import parse_format
from workbench.networks import find_network

PART = "stm32h743"
# Codes a channel, groups of them with online activations, attention with RoPE.
CASES = (("sudoku6-mlp", "w4c"), ("sudoku6-mlp", "w4g32-a8d"), ("sudoku9-rope", "w8c"))


def laid_out(network: str, weights: str, **more: Any) -> Laid:
    """As ``run`` lays it out, under a budget that binds nothing."""
    asked = Asked(model=network, weights=weights, part=PART, stop="fixed", budget="64MB", check_tiles=True)
    return lay(replace(asked, **more))


def of_program(laid: Laid) -> dict[str, int]:
    return {name: figure.count for name, figure in laid.target.program.named_figures()}


def planned(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    assert main(["plan", "--part", PART, "--stop", "fixed", "--format", "json", *words]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


@pytest.mark.parametrize(("network", "weights"), CASES)
def test_the_row_of_the_chosen_plan_is_what_run_charges(
    network: str, weights: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found = planned(capsys, "--model", network, "--weights", weights, "--check-tiles")
    assert found["check_tiles"] is True
    (row,) = (plan for plan in found["plans"] if plan["chosen"])
    run = laid_out(network, weights)
    assert run.fits
    assert row["choices"] == describe(run.plan.choices)
    assert row["program"] == of_program(run)
    step = run.plan.step
    assert (row["high_water"], row["weight_bytes"], row["constant_bytes"]) == (
        run.plan.high_water, step.code_bytes, step.constant_bytes)  # fmt: skip
    time = run.plan.step_time(run.target)
    assert row["seconds"] == {"low": time.low, "high": time.high}


def test_rows_of_the_front_are_what_run_charges_for_that_plan(capsys: pytest.CaptureFixture[str]) -> None:
    """Each plan has tables of its own, and without the flag the program is the one that checks nothing."""
    words = "--model", "sudoku6-mlp", "--weights", "w4c"
    rows, bare = (planned(capsys, *words, *flag)["plans"] for flag in (["--check-tiles"], []))
    fitting = [one for one in rows if one["fits_part"]]
    assert len({one["program"]["code"] for one in fitting}) > 5
    for one in fitting[:: len(fitting) // 5]:
        run = laid_out("sudoku6-mlp", "w4c", plan=one["choices"])
        assert (one["program"], one["high_water"]) == (of_program(run), run.plan.high_water)
    plain = laid_out("sudoku6-mlp", "w4c", check_tiles=False)
    assert [one["program"] for one in bare] == [of_program(plain)] * len(bare)
    (check,) = (one for one in checks() if one.target == "cortex-m7")
    assert rows[0]["program"]["stack"] - bare[0]["program"]["stack"] == check.stack


def test_a_plan_whose_sums_leave_no_room_for_it_does_not_fit() -> None:
    """The memory of image and code has room for all but one byte of them."""
    run = laid_out("sudoku6-mlp", "w4c")
    one = fit(requested(Asked(model="sudoku6-mlp", weights="w4c", part=PART, stop="fixed", check_tiles=True)))
    least = one.plans[0]  # of the smallest tiles, so of the most sums
    held = one.held_by(least)
    assert held is not None
    sums = held.program.code.count - one.program.code.count
    assert sums > 500
    assert held.code is held.memories.image
    image, bare, inside = one.footprint.image, one.program.code.count, run.part.internal()
    assert inside is not None

    def with_code_memory(size: int) -> Target:
        regions = (replace(r, bytes=size) if r.name == held.code.name else r for r in inside.regions)
        return target_of(replace(inside, regions=tuple(regions)), image, one.program)

    enough, less = with_code_memory(image + bare + sums), with_code_memory(image + bare + sums - 1)
    assert less.image_fits
    assert checking(enough, least, run.images, image, 0) is not None
    assert checking(less, least, run.images, image, 0) is None
    none = replace(one, checking=dict.fromkeys(one.checking))
    assert none.on_part is None
    assert "does not hold" in " ".join(sheet(none).sentences)


@pytest.mark.parametrize(
    ("network", "weights", "retries", "limit"),
    [(*CASES[0], 0, None), (*CASES[0], 0, 40 * 1024), (*CASES[1], 2, None), (*CASES[2], 0, None)],
)
def test_a_row_of_a_fit_is_what_run_charges_for_the_same_choices(
    network: str, weights: str, retries: int, limit: int | None
) -> None:
    """Under a limit of SRAM tiles are smaller, and their sums need tables."""
    own, stop = find_network(network), "head+settled,t=300" if retries else "fixed"
    config = laid_out(network, weights, retries=retries, stop=stop).config
    image, steps = own.image(weights), config.halt_max_steps
    taken = Taken((0,) * steps + (1,), 1, retries)
    asked = Placing(config, parse_format(weights), len(image), checked_part(load_part(PART)), (taken,), limit)
    (bare,), (placed,) = place(asked), place(replace(asked, content=image))
    run = laid_out(network, weights, retries=retries, stop=stop, plan=placed.plan)
    program = run.target.program
    assert placed.fits
    assert placed.flash == run.held + program.code.count
    assert placed.sram == run.plan.high_water + program.in_sram
    time = Costs(run.plan, run.target).seconds(run.plan.puzzle(steps))
    assert (placed.seconds.low, placed.seconds.high) == (time.low, time.high)
    (check,) = (one for one in checks() if one.target == "cortex-m7")
    assert placed.flash - bare.flash >= check.code + (limit is not None)
    assert placed.seconds.high > bare.seconds.high


def test_a_fit_without_checks_charges_none() -> None:
    run = laid_out("sudoku6-mlp", "w4c", check_tiles=False)
    image, steps = NETWORK.image("w4c"), run.config.halt_max_steps
    taken = Taken((0,) * steps + (1,), 1)
    (placed,) = place(Placing(run.config, run.deployment.format, len(image), load_part(PART), (taken,), None))
    assert placed.flash == run.held + run.target.program.code.count


def checking_row() -> Row:
    """A row as a fit places it on a part whose core checks."""
    own = replace(row("w4c", 9, (1, 1, 1.0, 1.0)), image=len(NETWORK.image("w4c")))
    part = checked_part(load_part(PART))
    ((placed,), _) = placed_rows([own], part, Limits(0.9), AtOnce(), Progress(disable=True), 1)
    return placed


def test_a_fit_whose_core_checks_places_checking_programs_and_names_them() -> None:
    placed, run = checking_row(), laid_out("sudoku6-mlp", "w4c")
    assert placed.placed is not None
    assert placed.placed.flash == run.held + run.target.program.code.count
    part, limits = checked_part(load_part(PART)), Limits(0.9)
    choice, made = choose([placed], limits, (ALL, ALL)), Deployed(Path("d.toml"), Path("c"), "", "gcc")
    told = fitted(Found("n", part, limits, "c", "h", (ALL, ALL), [placed], [], choice, [made]))
    assert told.data["check_tiles"] is True
    assert [words.split("   ")[0].endswith(" --check-tiles") for words in told.sentences] == [True, True]


@pytest.mark.slow
def test_a_fit_that_checks_exports_a_checking_program(tmp_path: Path) -> None:
    require("make", "gcc")
    file = deploy(checking_row(), PART, tmp_path / "network", "test")
    made = export_and_test(file, tmp_path / "c", None, check_tiles=True)
    assert made.failed == ""
    assert "rr_damaged(" in (tmp_path / "c" / "src" / "rr_plan.c").read_text()


def test_the_flag_of_a_fit_reaches_what_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []

    def note(wanted: Wanted, *_: object) -> Found:
        asked.append(wanted.check_tiles)
        raise InputError("no fit here.")

    monkeypatch.setattr("mcusim.commands.fit.fit", note)
    assert [main(["fit", *flag]) for flag in ([], ["--check-tiles"])] == [2, 2]
    assert asked == [False, True]
