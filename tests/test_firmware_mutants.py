"""The certificate kills mechanical mutants of the C: a sample here, a long draw by tests/mutants/kill.py."""

from __future__ import annotations

from pathlib import Path

import pytest
from cross_tools import require
from mutants.equivalent import EQUIVALENT
from mutants.mechanical import Mutant, arithmetic, mutants_of, sample
from mutants.planned import KILLED, planned
from mutants.replay import NONE, SURVIVED, Held, held, outcome, summary


@pytest.fixture(scope="module")
def unchanged(tmp_path_factory: pytest.TempPathFactory) -> Held:
    """The unchanged objects, and the requests of a short certificate of the operators."""
    require("gcc", "clang")
    return held(tmp_path_factory.mktemp("unchanged") / "objects", 40, 0, models=False)


def test_mutants_are_drawn_alike_have_names_of_their_own_and_change_one_token() -> None:
    mutants = arithmetic()
    assert len({mutant.key for mutant in mutants}) == len(mutants) > 2000
    assert sample(mutants, 50) == sample(mutants, 50)
    for mutant in sample(mutants, 50):
        assert mutant.text[mutant.column :].startswith(mutant.find)
        assert f"[{mutant.find} -> {mutant.replace}]" in mutant.key


def test_what_is_called_equivalent_is_a_mutant_and_has_an_argument() -> None:
    assert {mutant.key for mutant in arithmetic()} >= set(EQUIVALENT)
    assert all(len(argument.split()) > 4 for argument in EQUIVALENT.values())


def test_a_summary_counts_what_compiles_and_calls_nothing_equivalent_that_was_killed() -> None:
    key = next(iter(EQUIVALENT))
    taken = {"a": f"{NONE}: does not compile", "b": "killed: limits: silu", key: SURVIVED, "c": SURVIVED,
             "d": "killed: operators, stored vectors: silu (TableIndex)"}  # fmt: skip
    assert summary(taken).startswith("4 compiled mutants, 1 equivalent, 2 of 3 killed (66.7 %), 1 of these")
    assert summary({key: "killed: limits: silu"}).startswith("1 compiled mutants, 0 equivalent, 1 of 1")


def test_the_unchanged_firmware_survives_and_a_crash_or_an_endless_loop_does_not(
    unchanged: Held, tmp_path: Path
) -> None:
    file = "rr_change.c"
    text = next(mutants_of(file))
    nothing = Mutant(file, text.line, 0, "", " ", text.text)
    assert outcome(nothing, unchanged, tmp_path / "m").startswith(f"{NONE}: compiles")
    crash = next(m for m in mutants_of(file) if (m.find, m.replace) == ("<", ">=") and "i < n" in m.text)
    assert outcome(crash, unchanged, tmp_path / "m").startswith("killed")


def test_a_few_mutants_are_killed(unchanged: Held, tmp_path: Path) -> None:
    found = [outcome(mutant, unchanged, tmp_path / "m") for mutant in sample(arithmetic(), 6, "few")]
    assert sum(text.startswith("killed") for text in found) >= 3, found
    assert SURVIVED not in found


def named(key: str) -> Mutant:
    return next(mutant for mutant in arithmetic() if mutant.key == key)


def test_keys_beyond_those_that_are_staged_at_once_are_asked_for(unchanged: Held, tmp_path: Path) -> None:
    """More than 1,280 keys, each with a query of its own: no stored vector has room for their square."""
    again = named(
        "rr_attention.c: rr_values_pair: for (int32_t i = 0; i <= pair; i++) totals[i] += "
        "rr_stage_column(v [+ -> -] start * d + i, stretch, d, i);"
    )
    assert outcome(again, unchanged, tmp_path / "m").startswith("killed: limits: weighted_values")


@pytest.mark.parametrize(
    "line",
    ["for (int32_t start = 0; start [< -> >=] k; start += RR_MX_BLOCK) {",
     "for (int32_t start = 0; start < k; start [+= -> -=] RR_MX_BLOCK) {",
     "exponents[start / RR_MX_BLOCK] = (uint8_t)(e [- -> +] of.smallest);"],
)  # fmt: skip
def test_codes_and_exponents_of_mx_blocks_are_held_by_a_planned_program(line: str) -> None:
    """Only linears on tiles keep them: no operator and no whole model of a port calls this."""
    require("gcc")
    assert planned(named(f"rr_block_linear.c: rr_online_codes: {line}")).startswith(KILLED)


def test_the_planned_program_that_judges_mutants_is_right_without_one() -> None:
    require("gcc")
    mutant = named("rr_block_linear.c: rr_online_codes: const rr_row_scale scale = {[0 -> 1], of.smallest};")
    assert planned(Mutant(mutant.file, mutant.line, 0, "", " ", mutant.text)) == ""
    assert planned(mutant) == ""  # an equivalent one


@pytest.mark.slow
def test_every_mutant_of_a_sample_of_the_arithmetic_is_killed_or_argued_to_be_equivalent(
    tmp_path: Path,
) -> None:
    require("gcc", "clang")
    # With the small models: no operator computes the angles of RoPE, only a block does.
    whole = held(tmp_path / "objects", 40, 8)
    found = {
        mutant.key: outcome(mutant, whole, tmp_path / "m")
        for mutant in sample(arithmetic(), 24, "ordinary")
    }
    assert sum(not text.startswith(NONE) for text in found.values()) >= 15, found
    assert [key for key, text in found.items() if text == SURVIVED and key not in EQUIVALENT] == []
