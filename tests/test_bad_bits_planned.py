"""Flips in a planned execution: the undisturbed run is the model's, and sites are what lies at an address."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "benchmarks"))

import bad_bits
import bad_bits_planned

from workbench.vectors.draws import Draws


@pytest.fixture(scope="module")
def planned() -> bad_bits_planned.PlannedRun:
    return bad_bits_planned.PlannedRun(bad_bits_planned.CAMPAIGN)


@pytest.mark.slow
def test_the_run_without_a_flip_is_that_of_the_model(planned: bad_bits_planned.PlannedRun) -> None:
    undisturbed = bad_bits.Undisturbed(planned.model)
    assert np.array_equal(planned.end, undisturbed.before[-1].z_H[0])
    assert np.array_equal(planned.answer, undisturbed.answers[0])
    middle = len(planned.order) // 2
    assert planned.flipped(middle, len(planned.programs["L"]) + 1, 0, 0) == bad_bits.OUTCOMES[0]


@pytest.mark.slow
def test_a_flip_of_the_carry_in_the_last_call_is_seen_and_sites_are_named(
    planned: bad_bits_planned.PlannedRun,
) -> None:
    last = len(planned.order) - 1
    assert planned.order[last] == "H"
    ends = len(planned.programs["H"]) - 1
    start, stop = planned.sites["z_L"]
    assert planned.site(start) == planned.site(stop - 1) == "z_L"
    assert planned.site(planned.memory.size - 1) == "scratch"
    assert planned.flipped(last, ends, start, 0) == bad_bits.OUTCOMES[0]  # z_L is read no more
    found = bad_bits_planned.flips(planned, 0, "test", 8)
    assert 0 < sum(found.values()) <= 8
    assert found == bad_bits_planned.flips(planned, 0, "test", 8)


@pytest.mark.slow
def test_a_run_that_is_left_early_has_the_outcome_of_the_whole(planned: bad_bits_planned.PlannedRun) -> None:
    draws, outcomes = Draws("left early"), set()
    for _ in range(16):
        call = draws.integer(len(planned.order) // 2, len(planned.order) - 1)
        moment = draws.integer(0, len(planned.programs[planned.order[call]]) - 1)
        byte, bit = draws.integer(0, planned.kept.size - 1), draws.integer(0, 7)
        if draws.integer(0, 1):
            byte = draws.integer(planned.kept.size, planned.memory.size - 1)
        outcome = planned.flipped(call, moment, byte, bit)
        planned.kept[:] = planned.before[call]
        for number, level in enumerate(planned.order[call:]):
            for place, instruction in enumerate(planned.programs[level]):
                if (number, place) == (0, moment):
                    planned.memory[byte] ^= 1 << bit
                instruction()
        same = np.array_equal(planned.answered(), planned.answer)
        forgotten = np.array_equal(planned.z_H, planned.end)
        assert outcome == bad_bits.OUTCOMES[0 if forgotten else 1 if same else 2]
        outcomes.add(outcome)
    assert len(outcomes) > 1
