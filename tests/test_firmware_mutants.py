"""The certificate kills mechanical mutants of the C: a sample here, a long draw by tests/mutants/kill.py."""

from __future__ import annotations

from pathlib import Path

import pytest
from cross_tools import require
from mutants.mechanical import Mutant, all_mutants, mutants_of, sample
from mutants.replay import Record, build, outcome, recorded

OPERATORS_ONLY = ("fixed", "elementwise", "softmax", "attention")


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[bytes, Record]]:
    """The unchanged objects, and the requests of a short certificate."""
    require("gcc")
    folder = tmp_path_factory.mktemp("unchanged") / "objects"
    record = recorded(build(folder), 60, 60)
    return folder, {part.stream: part for part in record.parts()}


def test_mutants_are_drawn_alike_and_change_one_token() -> None:
    mutants = all_mutants()
    assert len(mutants) > 3000
    assert sample(mutants, 50) == sample(mutants, 50)
    for mutant in sample(mutants, 50):
        assert mutant.text[mutant.column :].startswith(mutant.find)
        assert f"[{mutant.find} -> {mutant.replace}]" in mutant.key


def test_the_unchanged_firmware_survives(held: tuple[Path, dict[bytes, Record]], tmp_path: Path) -> None:
    file = "rr_change.c"
    text = next(mutants_of(file))
    nothing = Mutant(file, text.line, 0, "", " ", text.text)
    assert outcome(nothing, held[0], tmp_path / "m", held[1]).startswith(("survived", "no mutant: compiles"))


def test_all_but_two_of_a_sample_of_mutants_of_the_arithmetic_are_killed(
    held: tuple[Path, dict[bytes, Record]], tmp_path: Path
) -> None:
    found = {
        mutant.key: outcome(mutant, held[0], tmp_path / "m", held[1])
        for mutant in sample(all_mutants(OPERATORS_ONLY, ()), 12, "ordinary")
    }
    held_to = [text for text in found.values() if not text.startswith("no mutant")]
    assert len(held_to) >= 9, found
    assert sum(text.startswith("killed") for text in held_to) >= len(held_to) - 2, found
