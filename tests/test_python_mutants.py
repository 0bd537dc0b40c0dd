"""Wrong versions of the Python are noticed by the tests that are named for them."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from mutants.python_sources import MUTANTS, Mutant

TESTS = Path(__file__).parent
SUBJECTS = ("bounds", "fits", "regions", "timing terms", "fidelity", "halting", "bytes", "calibration choice",
            "seeds", "readers")  # fmt: skip


def test_there_are_at_least_sixty_mutants_and_some_of_every_subject() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS) >= 60
    counted = Counter(mutant.about for mutant in MUTANTS)
    assert set(counted) == set(SUBJECTS)
    assert min(counted.values()) >= 5


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_changes_one_place_and_names_tests_that_exist(mutant: Mutant) -> None:
    compile(mutant.applied(), mutant.file, "exec")
    for named in mutant.tests.split():
        file, _, test = named.partition("::")
        text = (TESTS / file).read_text()
        assert not test or f"def {test.partition('[')[0]}(" in text


@pytest.mark.slow
def test_every_mutant_is_killed() -> None:
    command = [sys.executable, str(TESTS / "mutants" / "python_kill.py")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert f"{len(MUTANTS)} of {len(MUTANTS)} killed" in done.stdout
