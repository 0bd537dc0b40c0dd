"""Claims: plan, explain, check, run, fit and export charge the same bytes for the same request."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from exports import export
from test_mcusim_program import small_part

from mcusim.__main__ import main
from mcusim.asked import Asked, words_of
from mcusim.charge import charge, requested
from mcusim.deployments import load_deployment
from mcusim.fit import fit
from mcusim.fitting.place import Asked as Placing
from mcusim.fitting.place import Taken, place
from mcusim.laid import Laid, lay
from mcusim.parts import load_part
from mcusim.planner.notation import describe
from refimpl.formats import parse_format
from workbench.networks import find_network

SETTLED = "head+settled,t=100"
# What z_H was needs room of its own under the least plans, which store no x, and under every plan where the
# rule looks at whole steps; a second program needs an image and code.
CASES = (
    ("sudoku6-mlp", "w8c", "stm32h743", "fixed", 0), ("sudoku6-mlp", "w8c", "stm32h743", "head", 2),
    ("sudoku6-mlp", "w8c", "mps2-an500", SETTLED, 2),
    ("sudoku6-mlp", "w8c", "nrf52840", f"{SETTLED},over=step", 3),
    ("sudoku6-mlp", "w4g32", "stm32h743", f"{SETTLED},more=2,by=w8c", 1),
    ("sudoku9-mlp", "w4c", "mps2-an500", "head+settled", 2), ("maze10-att", "w8c", "stm32h743", SETTLED, 2),
)  # fmt: skip


def deployment(folder: Path, network: str, weights: str, part: str, rule: str, retries: int) -> Path:
    """A file of two ACT steps."""
    yes = "{ weights_only = true, everything = true }"
    file = folder / "mine.toml"
    file.write_text(
        f'kind = "deployment"\ntitle = "t"\nmodel = "{network}"\nformat = "{weights}"\n'
        f'puzzle_rows = "streamed"\nH_cycles = 2\nsteps = 2\nstop = "{rule}"\nretries = {retries}\n'
        f'part = "{part}"\nsource = "s"\n[expect]\n4MB = {yes}\n8MB = {yes}\n'
    )
    return file


def report(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, Any]]:
    code = main([*words, "--format", "json"])
    return code, json.loads(capsys.readouterr().out)


def program_of(laid: Laid) -> dict[str, int]:
    return {name: figure.count for name, figure in laid.target.program.named_figures()}


def sum_of(laid: Laid) -> int:
    return laid.held + laid.plan.high_water + laid.target.program.bytes


@pytest.mark.parametrize(("network", "weights", "part", "rule", "retries"), CASES)
def test_every_command_states_the_same_bytes(
    network: str, weights: str, part: str, rule: str, retries: int, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    file = str(deployment(tmp_path, network, weights, part, rule, retries))
    run, least = (lay(Asked(file, plan=plan)) for plan in ("chosen", "least"))
    code, planned = report(capsys, "plan", file)
    assert (code == 0) is run.fits is True
    assert (planned["stop"], planned["retries"], planned["image"]) == (run.stop, retries, run.held)
    (chosen,) = (one for one in planned["plans"] if one["chosen"])
    for row, laid in ((chosen, run), (planned["plans"][0], least)):
        assert (row["choices"], row["high_water"], row["program"], row["everything"], row["fits_part"]) == (
            describe(laid.plan.choices), laid.plan.high_water, program_of(laid), sum_of(laid), laid.fits
        )  # fmt: skip
    code, checked = report(capsys, "check", "mine", "--catalogue", str(tmp_path))
    (row,) = checked["deployments"]
    assert {name: row[name] for name in ("code", "statics", "stack")} == program_of(least)
    assert (row["image"], row["arena"], row["everything"]) == (
        least.held, least.plan.high_water, sum_of(least))  # fmt: skip
    assert (row["part_holds_it"], row["internal_memory_holds_it"]) == (run.fits, run.inside)
    code, explained = report(capsys, "explain", file)
    assert (code, explained["plan"]) == (0, chosen["choices"])
    code, said = report(capsys, "run", file, "--no-fidelity")
    assert (said["budget"]["everything"], said["total"]["arena"]) == (sum_of(run), chosen["high_water"])
    folder = export(tmp_path / "c", file, "--puzzle", "0")
    arena = (folder / "src" / "rr_arena.c").read_text()
    assert sum(map(int, re.findall(r"uint8_t rr_arena_\w+\[(\d+)\];", arena))) == chosen["high_water"]
    assert (folder / "src" / "image.rrim").stat().st_size == planned["image"]
    readme = (folder / "README.txt").read_text()
    code_, statics, stack = (f"{count:,}" for count in chosen["program"].values())
    assert f"code {code_}, statics beside the arena {statics}, stack {stack} (" in readme


def part_with(folder: Path, bytes_of_sram: int) -> Asked:
    """A request for the least plan on a part with so much SRAM."""
    path = small_part(folder, 512) / "small.toml"
    path.write_text(path.read_text().replace('"512 KiB"', f'"{bytes_of_sram}"', 1))
    return Asked(model="sudoku6-mlp", weights="w8c", part="small", catalogue=folder, stop="fixed", steps=2,
                 plan="least")  # fmt: skip


def test_a_rule_and_retries_can_be_what_a_part_has_no_room_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One byte of SRAM decides, in every command alike: z_H as it was, statics and stack of the retries."""
    asked = part_with(tmp_path, 300_000)
    bare, more = lay(asked), lay(replace(asked, stop=SETTLED, retries=2))
    sram = [laid.plan.high_water + laid.target.program.in_sram for laid in (bare, more)]
    assert more.plan.high_water - bare.plan.high_water == 36 * 96 * 2
    assert sram[1] - sram[0] > 36 * 96 * 2
    words = ["--model", "sudoku6-mlp", "--weights", "w8c", "--steps", "2", "--part", "small", "--catalogue",
             str(tmp_path)]  # fmt: skip
    bare_words, more_words = ["--stop", "fixed"], ["--stop", SETTLED, "--retries", "2"]
    for size, rule, held in ((sram[1] - 1, bare_words, True), (sram[1] - 1, more_words, False),
                             (sram[1], more_words, True)):  # fmt: skip
        part_with(tmp_path, size)
        out = str(tmp_path / f"c{size}{held}")
        for command in (["plan"], ["explain"], ["run", "--full", "--no-fidelity"],
                        ["export", out, "--puzzle", "0"]):  # fmt: skip
            assert (main([*command, *words, *rule]) == 0) is held, (command, size, rule)
        capsys.readouterr()
        file = deployment(tmp_path, "sudoku6-mlp", "w8c", "small", rule[1], 2 * (rule is more_words))
        _, found = report(capsys, "check", "mine", "--catalogue", str(tmp_path))
        assert found["deployments"][0]["part_holds_it"] is held
        file.unlink()


def test_a_budget_is_kept_to_the_byte_by_plan_as_by_run(capsys: pytest.CaptureFixture[str]) -> None:
    asked = Asked(model="sudoku6-mlp", weights="w8c", part="stm32h743", stop=SETTLED, retries=2, steps=2)
    words, least = words_of(asked).split(), sum_of(lay(replace(asked, plan="least")))
    for budget, held in ((least, True), (least - 1, False)):
        for command in (["explain"], ["run", "--full", "--no-fidelity"]):
            assert main([*command, *words, "--budget", str(budget)]) == 1 - held, (command, budget)
        capsys.readouterr()
        code, found = report(capsys, "plan", *words, "--budget", str(budget))
        assert (code, found["budget"]) == (1 - held, budget)
        assert {row["everything"] for row in found["plans"] if row["fits_part"]} == {least} & {budget}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sudoku-att-int4", "maze-att-int4", "sudoku-mlp-int4", "sudoku9-att-int8"])
def test_a_shipped_deployment_gets_one_plan(name: str) -> None:
    """Under the default budget, which leaves the first a smaller plan than its part would and the second
    none."""
    run, planned = lay(Asked(name)), fit(requested(Asked(name)), plan_anyway=True)
    assert run.fits is (planned.on_part is not None) is (name != "maze-att-int4")
    assert run.plan.choices == (planned.on_part or planned.plans[0]).choices


def test_a_part_that_does_not_hold_the_image_holds_no_row() -> None:
    found = fit(requested(Asked(model="sudoku6-mlp", weights="w8c", part="stm32h743")))
    tiny = replace(found, charged=replace(found.charged, target=replace(found.target, image_fits=False)))
    assert any(found.held_by(plan) for plan in found.plans)
    assert not any(tiny.held_by(plan) for plan in tiny.plans)


def test_a_fit_judges_a_deployment_as_check_does(tmp_path: Path) -> None:
    file = deployment(tmp_path, "sudoku6-mlp", "w8c", "stm32h743", SETTLED, 2)
    account, network = charge(load_deployment(str(file))), find_network("sudoku6-mlp")
    image = len(network.image("w8c"))
    taken = Taken((0, 0, 1), 1, 2)
    (placed,) = place(Placing(account.config, parse_format("w8c"), image, account.part, (taken,), None))
    assert placed.everything == fit(account).least
    run = lay(Asked(str(file)))
    assert (placed.plan, placed.sram) == (
        describe(run.plan.choices), run.plan.high_water + run.target.program.in_sram)  # fmt: skip


def test_retries_take_a_smaller_plan_where_they_leave_the_first_one_no_room() -> None:
    """Before, the row of a fit was said not to fit, under the plan of a program without retries."""
    part, format = load_part("stm32h743"), parse_format("w8c")
    config = lay(Asked(model="sudoku6-mlp", weights="w8c", stop=SETTLED, steps=2)).config
    image = len(find_network("sudoku6-mlp").image("w8c"))
    once, again = Taken((0, 0, 1), 1), Taken((0, 0, 1), 1, 2)
    (free,) = place(Placing(config, format, image, part, (once,), None))
    first, second = place(Placing(config, format, image, part, (once, again), free.sram))
    assert (first.fits, first.plan, first.sram) == (True, free.plan, free.sram)
    assert second.fits
    assert second.plan != first.plan
    assert second.sram <= free.sram


def test_an_image_holds_the_one_row_of_its_puzzle_whatever_is_asked() -> None:
    """The table of 2,848 rows is streamed; it was charged in the image besides."""
    asked = Asked(model="arc10-att", weights="w8c", steps=1)
    run, planned = lay(asked), requested(asked)
    row = len(find_network("arc10-att").with_puzzle_row(0).image("w8c"))
    assert run.held == planned.size.image == row
    assert run.size.rows == planned.size.rows == 2848 * (128 + 5)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [(["--retries", "1", "--stop", "fixed"], "a run of fixed length accepts no answer"),
     (["--retries", "101"], "it takes 0 to 100"),
     (["--stop", "fixed,more=2,by=w8c-c8"], "cannot go on with the carry of"),
     (["--stop", "head+settled", "--weights", "w3c-a16"], "keeps no t for"),
     (["--stop", "never"], "stop rule"), (["--budget", "much"], "--budget cannot be 'much'")],
)  # fmt: skip
def test_what_run_refuses_plan_and_explain_refuse_in_the_same_words(
    words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    said = []
    for command in ("run", "plan", "explain"):
        assert main([command, *words]) == 2
        said.append(capsys.readouterr().err)
    assert sentence in " ".join(said[0].split())
    assert said == said[:1] * 3
