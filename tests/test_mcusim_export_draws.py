"""Claims: the boot self-test draws cases as the reference does, in the contract, and names what differs."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from cross_tools import require
from exports import export, make, replace_once

from mcusim.export.draws import (
    CASES,
    COLUMNS,
    DRAWN,
    MOST_K,
    NUMBERS,
    OUTPUTS,
    ROWS,
    TOKENS,
    Stream,
    answers,
)
from refimpl import fast, ops
from refimpl.fixedpoint import ROUNDINGS, Rounding
from workbench.vectors.contract import refusal
from workbench.vectors.reference import compute
from workbench.vectors.signatures import ROUNDING_NAMES

SELFTEST = Path(__file__).parents[1] / "mcusim" / "export" / "files" / "selftest"


@pytest.mark.parametrize("name", DRAWN)
@pytest.mark.parametrize("rounding", ROUNDINGS)
def test_a_drawn_request_keeps_the_contract_and_both_readings_agree(name: str, rounding: Rounding) -> None:
    stream, seen = Stream(name), set()
    rest = {"rounding": ROUNDING_NAMES.index(rounding), "output_offset": 0}
    for _ in range(CASES):
        inputs, params = DRAWN[name](stream, MOST_K)
        params = {**rest, **params}
        filled = {"bias": None, **inputs} if name.startswith("linear") else inputs
        assert refusal(name, filled, params) is None
        answer = compute(name, filled, params, ops)
        assert (answer == compute(name, filled, params, fast)).all()
        seen.update(answer.reshape(-1).tolist())
    assert len(seen) > 50  # neither all zeros nor all at an end of the range
    assert len(set(answers(name, MOST_K, rounding)[1])) > CASES - 4


def test_the_chip_draws_from_the_ranges_that_the_reference_draws_from() -> None:
    sizes = re.search(r"enum \{ (RR_DRAW_ROWS .*?) \};", (SELFTEST / "rr_draws.h").read_text())
    assert sizes is not None
    assert re.findall(r"= (\d+)", sizes[1]) == [
        str(size) for size in (ROWS, OUTPUTS, MOST_K, NUMBERS, COLUMNS, TOKENS)
    ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    require("make", "gcc")
    return export(tmp_path_factory.mktemp("made") / "solver", "--model", "sudoku9-att", "--steps", "1")


def test_drawn_cases_of_attention_and_linears_have_the_references_answers(folder: Path) -> None:
    status, said = make(folder, "selftest", "STEPS=1")
    assert status == 0
    assert f"{8 * CASES} of {8 * CASES} drawn cases have the reference's answer" in said


def test_a_fault_beyond_64_inputs_is_found_by_a_drawn_case(folder: Path, tmp_path: Path) -> None:
    """No stored case of the self-test has so many inputs; the drawn ones do."""
    broken = Path(shutil.copytree(folder, tmp_path / "broken", ignore=shutil.ignore_patterns("build")))
    replace_once(broken / "src" / "rr_dot_plain.c", "for (; i + 2 <= k; i += 2) {",
                 "for (; i + 2 <= k; i += i == 66 ? 4 : 2) {")  # fmt: skip
    status, said = make(broken, "selftest", "STEPS=1")
    assert status != 0
    assert re.search(r"^linear_s4: differs in drawn case \d+$", said, re.MULTILINE)
    assert "linear_s4 case" not in said
    assert "DIFFERS: puzzle 0, call 0, level L, ACT step 0, operator linear_s4" in said
