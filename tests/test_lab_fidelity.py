"""Fidelity: the cosines by hand, lockstep against whole runs, the control."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from refimpl import fast, float_ops
from refimpl.float_params import build_model
from refimpl.models.recursion import reset, run
from refimpl.quantize.lower import lower
from workbench.checkpoints import load_network
from workbench.fidelity import (
    CallFidelity,
    Fidelity,
    Reading,
    call_fidelity,
    cosine,
    flattened_cosines,
    lockstep,
    position_cosines,
    summarise,
)
from workbench.sites import calibrate
from workbench.tasks.puzzles import load_calibration, load_shipped
from workbench.tasks.sudoku import to_tokens


@pytest.fixture(scope="module")
def network():
    return build_model(*load_network("sudoku9-mlp")).with_depth(steps=2)


@pytest.fixture(scope="module")
def tokens():
    return to_tokens(load_shipped().questions[:3])


def test_cosine_of_hand_values():
    a = np.array([[3, 4], [1, 0], [0, 0], [0, 0]])
    b = np.array([[4, 3], [-2, 0], [0, 0], [1, 0]])
    assert cosine(a, b, (-1,)).tolist() == [0.96, -1.0, 1.0, 0.0]


def test_readings_weigh_positions_differently():
    a = np.array([[[1.0, 0.0], [10.0, 0.0]]])
    b = np.array([[[0.0, 1.0], [10.0, 0.0]]])
    assert position_cosines(a, b).tolist() == [0.5]
    assert flattened_cosines(a, b)[0] == pytest.approx(100 / 101)


def test_lockstep_yields_the_states_of_the_whole_run(network, tokens):
    seen = []
    run(float_ops, network, tokens, on_call=lambda call, state: seen.append((call, state)))
    reading = Reading(float_ops, network)
    pairs = list(lockstep(reading, reading, tokens))
    assert [call for call, _, _ in pairs] == [call for call, _ in seen]
    for (_, state), (_, first, second) in zip(seen, pairs, strict=True):
        assert (first == state).all()
        assert (second == state).all()


def test_lockstep_gives_the_reference_first_and_the_control_is_of_the_other_run_with_itself(network, tokens):
    changed = replace(network, H_init=-network.H_init).with_depth(steps=1)
    of_H = {}
    for name, model in (("reference", network.with_depth(steps=1)), ("other", changed)):
        before = reset(float_ops, model, len(tokens)).z_H
        of_H[name] = [before]
        run(float_ops, model, tokens, on_call=partial(keep, of_H[name]))
    readings = Reading(float_ops, network.with_depth(steps=1)), Reading(float_ops, changed)
    pairs = [pair for pair in lockstep(*readings, tokens) if pair[0].level == "H"]
    controls = [call.consecutive for call in call_fidelity(*readings, tokens) if call.level == "H"]
    for at, (_, expected, state) in enumerate(pairs, 1):
        assert (expected == of_H["reference"][at]).all()
        assert (state == of_H["other"][at]).all()
        by_hand = flattened_cosines(of_H["other"][at - 1], of_H["other"][at]).mean()
        assert controls[at - 1] == pytest.approx(by_hand, abs=1e-12)
    assert (pairs[0][1] != pairs[0][2]).any()


def keep(states, call, state):
    if call.level == "H":
        states.append(state)


def test_a_run_agrees_with_itself_and_moves(network, tokens):
    reading = Reading(float_ops, network)
    calls = call_fidelity(reading, reading, tokens)
    assert len(calls) == network.config.calls_per_step * 2
    assert all(call.cosine == pytest.approx(1.0, abs=1e-6) for call in calls)
    assert calls[0].consecutive < 0.9, "the first call must move the state away from its reset value"


def test_the_integer_path_stays_close_but_not_equal(network, tokens):
    calibration = calibrate(network, to_tokens(load_calibration().questions[:4]))
    reference = Reading(float_ops, network)

    def fidelity(weights):
        other = Reading(fast, lower(network, weights, calibration))
        return summarise(call_fidelity(reference, other, tokens))

    summary = fidelity("w8c")
    assert 0.9 < summary.one_step < 0.999999
    assert fidelity("w4t").one_step < summary.one_step


def test_a_summary_takes_the_last_h_call_of_the_first_step_and_the_last_of_all():
    def call(index, step, level):
        at = float(index)
        return CallFidelity(index, step, 0, level, cosine=at, flattened=at + 0.25, consecutive=at + 0.5)

    calls = [call(0, 0, "L"), call(1, 0, "H"), call(2, 0, "H"), call(3, 1, "L"), call(4, 1, "H")]
    assert summarise(tuple(calls)) == Fidelity(2.0, 4.25, 4.5)
