"""A plan asked for by name or notation: read back as written, or refused with a sentence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mcusim.__main__ import main
from mcusim.planner.notation import describe, parse_choices
from mcusim.planner.search import search
from mcusim.planner.wanted import CHOSEN, LEAST, TRAFFIC, wanted
from refimpl.errors import InputError
from refimpl.formats import parse_format
from tests.plans import attention_choices, laid_out, mlp_choices
from tests.test_mcusim_program import small_part
from workbench.networks import find_network
from workbench.presets import preset

LARGE = "96x224/96 81x256/81 x +all"


@pytest.mark.parametrize("name", ["trm-mlp-sudoku", "trm-att-maze"])
def test_what_describes_a_plan_names_it(name: str) -> None:
    config = preset(name)
    of_kind = mlp_choices if config.token_intermediate_size is not None else attention_choices
    for choices in of_kind(config):
        assert parse_choices(describe(choices), config, choices.staged) == choices


def test_the_names_are_the_ends_of_the_front_and_the_chosen_plan() -> None:
    config, formats = find_network("sudoku9-mlp").config, parse_format("w4c")
    target = laid_out("mps2-an500", 200_000)
    found = search(config, formats, target)
    assert wanted(CHOSEN, found, config, formats, target) is found.chosen
    assert wanted(LEAST, found, config, formats, target).high_water == min(p.high_water for p in found.front)
    least = wanted(TRAFFIC, found, config, formats, target).step
    assert least.code_bytes + least.constant_bytes == min(
        p.step.code_bytes + p.step.constant_bytes for p in found.front if p.fits(target)
    )


def test_the_least_traffic_is_that_of_the_plans_that_fit() -> None:
    config, formats = find_network("sudoku9-mlp").config, parse_format("w4c")
    target = laid_out("mps2-an500", 200_000)
    found = search(config, formats, target)
    reads = {plan.high_water: plan.step.code_bytes + plan.step.constant_bytes for plan in found.front}
    for limit in reads:
        plan = wanted(TRAFFIC, found, config, formats, target, limit)
        assert plan.high_water <= limit
        assert reads[plan.high_water] == min(read for size, read in reads.items() if size <= limit)
    assert wanted(TRAFFIC, found, config, formats, target, found.least.high_water - 1) is found.least


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("fastest", "names no plan"),
        ("96x224/96", "names no plan"),
        ("97x224/96 81x256/81", "rows <= 96"),
        ("96x224/96 81x256/82", "chunk <= rows <= 81"),
        ("96x0/96 81x256/81", "1 <= inner"),
        ("96x224/96 81x256/81 +some", "'+some' is not understood"),
    ],
)
def test_another_notation_is_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(InputError, match="--plan") as caught:
        parse_choices(text, find_network("sudoku9-mlp").config, staged=True)
    assert sentence in str(caught.value)


def test_a_part_with_128_kib_is_refused_the_large_plan_and_offered_one_that_fits(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(small_part(tmp_path, 128))
    small = ["--part", "small", "--catalogue", folder, "--no-fidelity", "--steps", "1"]
    asked = ["run", "sudoku9-mlp-int4", *small]
    assert main([*asked, "--plan", LARGE]) == 1
    said = " ".join(capsys.readouterr().out.split())
    offered = said.partition("--plan '")[2].partition("' fits")[0]
    assert main([*asked, "--plan", offered, "--format", "json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["subject"]["plan"] == offered
    assert report["puzzle"] is not None
