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


def assert_stops_alike(
    model: Model, carry: str, choices: Choices, puzzle: int, finish: Model | None = None
) -> int:
    """Plan and oracle stop at the same step in the same state; reads and bytes are the plan's."""
    tokens = evaluation_set(model.config).inputs[puzzle]
    crcs: list[bytes] = []
    ended = solve(fast, model, tokens[None], on_call=lambda call, z: crcs.append(z[0].tobytes()),
                  finish=finish)  # fmt: skip
    plan = make_plan(model.config, formats("w4c", carry), choices)
    seen: list[bool] = []
    run = execute_plan(plan, model, tokens, QSPI, every_call_checked=True,
                       on_call=lambda call, z: seen.append(z.tobytes() == crcs[call.index]),
                       finish=None if finish is None else (finish, None))  # fmt: skip
    assert seen == [True] * len(crcs)
    assert (run.steps, run.stopped) == (ended.steps[0], ended.stopped[0])
    np.testing.assert_array_equal(run.answer, fast.argmax(ended.outputs.logits)[0])
    np.testing.assert_array_equal(run.z_H, ended.carry.z_H[0])
    np.testing.assert_array_equal(run.q, ended.outputs.q[0])
    planned = plan.puzzle(run.steps)
    assert run.ledger.code_bytes == planned.code_bytes
    assert run.ledger.constant_bytes == planned.constant_bytes
    rows = plan.row_reads(planned)
    if plan.finish is not None:
        late = plan.finish.finishing(model.config.stop.more)
        assert run.finished is not None
        assert run.finished.code_bytes == late.code_bytes
        assert run.finished.constant_bytes == late.constant_bytes
        rows = (rows[0] + plan.finish.row_reads(late)[0], rows[1] + plan.finish.row_reads(late)[1])
    assert (3 * run.rows.count, run.rows.bytes) == rows
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


@pytest.mark.parametrize(("network", "carry", "by", "index"), [
    ("sudoku9-mlp", "int16", "w8c", 1), ("sudoku9-mlp", "int16", "w4g32-a8p16", 3),
    ("sudoku9-mlp", "int8", "w8c-c8", 2), ("sudoku9-rope", "int16", "w8c", 2),
])  # fmt: skip
def test_a_second_program_goes_on_in_the_same_arena(network: str, carry: Carry, by: str, index: int) -> None:
    model = trained(network, carry, f"head+settled,t=200,more=3,by={by}").with_depth(steps=3)
    finish = find_network(network).finish(model.config.stop, formats("w4c", carry))
    corners = mlp_choices if model.config.mlp_t else attention_choices
    choices = corners(model.config)[index]
    assert_stops_alike(model, carry, choices, 0, finish)
    pair, alone = (make_plan(replace(model.config, stop=rule), formats("w4c", carry), choices)
                   for rule in (model.config.stop, FIXED))  # fmt: skip
    assert pair.finish is not None
    assert pair.high_water >= max(alone.high_water, pair.finish.high_water)
    assert pair.finish.start.sites.get("reset") is None
