"""The stop rule inside a plan: the oracle's stopping step and bits, the plan's bytes and work."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from plans import QSPI, attention_choices, formats, mlp_choices

from mcusim.planner.choices import Choices
from mcusim.planner.execute import execute_plan
from mcusim.planner.plan import make_plan
from refimpl import fast
from refimpl.formats import Carry
from refimpl.models.halting import FIXED
from refimpl.models.recursion import solve
from refimpl.models.tree import Model
from workbench.networks import find_network
from workbench.stop_text import parse_stop
from workbench.tasks.sets import evaluation_set

RULES = ("head", "settled,t=120", "head+settled,t=120",
         "head+settled,t=900,of=largest,over=step,least=3,more=3")  # fmt: skip


def trained(network: str, carry: Carry, rule: str) -> Model:
    model = find_network(network).integer_model(formats("w4c", carry))
    return model.with_depth(steps=8).with_stop(parse_stop(rule))


def assert_stops_alike(model: Model, carry: str, choices: Choices, puzzle: int) -> int:
    """Plan and oracle stop at the same step in the same state; reads and bytes are the plan's."""
    tokens = evaluation_set(model.config).inputs[puzzle]
    crcs: list[bytes] = []
    ended = solve(fast, model, tokens[None], on_call=lambda call, z: crcs.append(z[0].tobytes()))
    plan = make_plan(model.config, formats("w4c", carry), choices)
    seen: list[bool] = []
    run = execute_plan(plan, model, tokens, QSPI, every_call_checked=True,
                       on_call=lambda call, z: seen.append(z.tobytes() == crcs[call.index]))  # fmt: skip
    assert seen == [True] * len(crcs)
    assert (run.steps, run.stopped) == (ended.steps[0], ended.stopped[0])
    np.testing.assert_array_equal(run.answer, fast.argmax(ended.outputs.logits)[0])
    np.testing.assert_array_equal(run.z_H, ended.carry.z_H[0])
    np.testing.assert_array_equal(run.q, ended.outputs.q[0])
    planned = plan.puzzle(run.steps)
    assert run.ledger.code_bytes == planned.code_bytes
    assert run.ledger.constant_bytes == planned.constant_bytes
    assert (3 * run.rows.count, run.rows.bytes) == plan.row_reads(planned)
    assert run.high_water == {"arena": plan.high_water}
    return run.steps


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("index", [1, 2])
def test_a_plan_stops_where_the_oracle_stops(rule: str, index: int) -> None:
    model = trained("sudoku9-mlp", "int16", rule)
    choices = mlp_choices(model.config)[index]
    assert min(assert_stops_alike(model, "int16", choices, puzzle) for puzzle in (0, 1)) < 8


@pytest.mark.parametrize(("network", "carry"), [("sudoku9-mlp", "int8"), ("sudoku9-att", "int16")])
def test_int8_carries_and_attention_stop_alike(network: str, carry: Carry) -> None:
    model = trained(network, carry, "head+settled,t=120")
    choices = mlp_choices if model.config.mlp_t else attention_choices
    assert_stops_alike(model, carry, choices(model.config)[2], 0)


def test_what_z_H_was_costs_arena_only_where_it_cannot_lie_in_x() -> None:
    config = find_network("sudoku9-mlp").config
    stored, not_stored = mlp_choices(config)[2], mlp_choices(config)[1]

    def arena(rule: str, choices: Choices) -> int:
        return make_plan(replace(config, stop=parse_stop(rule)), formats("w4c", "int16"), choices).high_water

    state = 2 * config.positions * config.hidden_size
    for choices in (stored, not_stored):
        assert arena("head", choices) == arena("fixed", choices)
    assert arena("head+settled,t=9", stored) == arena("fixed", stored)
    assert arena("head+settled,t=9", not_stored) == arena("fixed", not_stored) + state
    assert arena("settled,t=9,over=step", stored) == arena("fixed", stored) + state


def test_a_rule_that_never_asks_costs_nothing() -> None:
    config = find_network("sudoku9-mlp").config
    plan = make_plan(config, formats("w4c", "int16"), mlp_choices(config)[1])
    assert config.stop == FIXED
    assert not plan.asking.sites
    asked = make_plan(replace(config, stop=parse_stop("settled,t=9")), plan.format, plan.choices)
    assert asked.asking.sites["change"].counts["adds"] == 2 * config.positions * config.hidden_size
    assert asked.puzzle(3).sites["change"].counts["adds"] == 6 * config.positions * config.hidden_size
