"""Stop rules: as data, against a plain oracle, over batches, and through the image."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from types import ModuleType

import numpy as np
import pytest
from compare import assert_exact
from hypothesis import given
from hypothesis import strategies as st
from reasoners import crc, integer_model, puzzles

from refimpl import fast, float_ops, ops
from refimpl.errors import InputError
from refimpl.image import Image
from refimpl.model_image import ImageMeta, from_image, stop_values, to_image
from refimpl.models.halting import FIXED, StopRule, head_stops, in_order, settled, stops
from refimpl.models.order import Call
from refimpl.models.recursion import act_step, read_out, reset, run, solve
from refimpl.models.tree import Model
from workbench.model_config import model_config
from workbench.networks import find_network
from workbench.stop_text import parse_stop
from workbench.tasks.sets import evaluation_set

RULES = ("head", "halt,more=1", "settled,t=88", "settled,t=900,of=largest", "head+settled,t=88,over=step",
         "head+settled,t=88,least=6", "head,more=3")  # fmt: skip


@pytest.fixture(scope="module")
def trained() -> Model:
    return find_network("sudoku9-mlp").integer_model("w4c")


@pytest.fixture(scope="module")
def tokens(trained: Model) -> np.ndarray:
    return evaluation_set(trained.config).inputs[:6]


def keep_z_H(seen: list[np.ndarray], call: Call, state: np.ndarray) -> None:
    if call.level == "H":
        seen.append(state)


def by_hand(model: Model, tokens: np.ndarray, finish: Model | None = None) -> tuple[int, bool, int, int]:
    """(steps, stopped, CRC of z_H, CRC of logits) of one puzzle, the rule written out in Python integers."""
    config, rule = model.config, model.config.stop
    x, carry = ops.embed(tokens[None], None, model.embedding), reset(ops, model, 1)
    stopped, steps = False, 0
    while steps < config.halt_max_steps and not stopped:
        seen: list[np.ndarray] = [carry.z_H]
        carry = act_step(ops, model, carry, x, steps, partial(keep_z_H, seen))
        steps += 1
        old = seen[-2] if rule.over == "cycle" else seen[0]
        moved = [abs(a - b) for a, b in zip(carry.z_H.ravel().tolist(), old.ravel().tolist(), strict=True)]
        still = sum(moved) <= rule.t * len(moved) if rule.of == "mean" else max(moved) <= rule.t
        wants = int(read_out(ops, model, carry).q[0, 0]) > 0
        stopped = steps >= rule.least and {
            "fixed": False, "head": wants, "halt": wants, "settled": still, "head+settled": wants and still,
        }[rule.kind]  # fmt: skip
    for cycle in range(rule.more):
        if finish is not None:
            model, x = finish, ops.embed(tokens[None], None, finish.embedding)
        single = replace(model, config=replace(config, H_cycles=1, stop=FIXED))
        carry = act_step(ops, single, carry, x, cycle)
    return steps, stopped, crc(carry.z_H), crc(read_out(ops, model, carry).logits)


@pytest.mark.parametrize("rule", RULES)
def test_a_batch_stops_each_puzzle_where_the_rule_written_out_stops_it_alone(
    rule: str, trained: Model, tokens: np.ndarray
) -> None:
    model = trained.with_stop(parse_stop(rule))
    ended = solve(fast, model, tokens)
    expected = [by_hand(model, one) for one in tokens[:2]]
    assert [
        (int(ended.steps[i]), bool(ended.stopped[i]), crc(ended.carry.z_H[i : i + 1]),
         crc(ended.outputs.logits[i : i + 1]))
        for i in range(2)
    ] == expected  # fmt: skip


PAIRS = ("head+settled,t=88,more=3,by=w8c", "fixed,more=2,by=w8c", "settled,t=88,more=1,by=w4g32-a8p16",
         "head,more=5,by=w8c-a16")  # fmt: skip


@pytest.mark.parametrize("rule", PAIRS)
def test_a_second_program_takes_the_carry_over_and_answers(
    rule: str, trained: Model, tokens: np.ndarray
) -> None:
    stop = parse_stop(rule)
    finish = find_network("sudoku9-mlp").finish(stop, "w4c")
    assert finish is not None
    model = trained.with_depth(steps=6).with_stop(stop)
    ended, slowly = (solve(reading, model, tokens, finish=finish) for reading in (fast, ops))
    expected = [by_hand(model, one, finish) for one in tokens[:3]]
    assert [
        (int(ended.steps[i]), bool(ended.stopped[i]), crc(ended.carry.z_H[i : i + 1]),
         crc(ended.outputs.logits[i : i + 1]))
        for i in range(3)
    ] == expected  # fmt: skip
    for name in ("z_H", "z_L"):
        assert_exact(getattr(slowly.carry, name), getattr(ended.carry, name))
    assert_exact(slowly.outputs.logits, ended.outputs.logits)
    alone = solve(fast, trained.with_depth(steps=6).with_stop(replace(stop, more=0, by="")), tokens)
    assert alone.steps.tolist() == ended.steps.tolist()
    assert (alone.carry.z_H != ended.carry.z_H).any()


def test_a_second_program_needs_the_carry_and_the_rounding_of_the_first(trained: Model) -> None:
    network = find_network("sudoku9-mlp")
    for by in ("w8c-c8", "w8c-single"):
        with pytest.raises(InputError, match="carry and rounding must be the same"):
            network.finish(parse_stop(f"head,more=2,by={by}"), "w4c")
    with pytest.raises(InputError, match="emulation in float"):
        network.finish(parse_stop("head,more=2,by=w8c-af-cf"), "w4c")
    assert network.finish(parse_stop("head,more=2,by=w8c-c8"), "w4c-c8") is not None
    with pytest.raises(InputError, match="rules with by=, and no others, have a second program"):
        solve(fast, trained.with_stop(parse_stop("head,more=2,by=w8c")), np.zeros((1, 81), np.int64))
    with pytest.raises(InputError, match="needs two programs; an image holds one, an export both"):
        network.image("w4c", parse_stop("head,more=2,by=w8c"))


def test_a_rule_with_a_second_program_has_one_spelling() -> None:
    rule = parse_stop("head+settled,by=w8c,t=40,more=2")
    assert str(rule) == "head+settled,t=40,more=2,by=w8c-a8-c16"
    assert parse_stop(str(rule)) == rule
    with pytest.raises(InputError, match="say how many, as in more=4"):
        parse_stop("head,by=w8c")
    with pytest.raises(InputError, match="no weight format 'w9q'"):
        parse_stop("head,more=1,by=w9q")
    with pytest.raises(InputError, match="leave least, and more without by, away"):
        parse_stop("fixed,more=1")



def test_puzzles_of_a_batch_that_stop_at_different_steps_keep_their_places(
    trained: Model, tokens: np.ndarray
) -> None:
    model = trained.with_stop(parse_stop("head+settled,t=88,more=1"))
    together = solve(fast, model, tokens)
    assert len(set(together.steps.tolist())) > 1
    for i, one in enumerate(tokens):
        alone = solve(fast, model, one[None])
        assert (alone.steps[0], alone.stopped[0]) == (together.steps[i], together.stopped[i])
        assert_exact(together.carry.z_L[i], alone.carry.z_L[0])
        assert_exact(together.outputs.q[i], alone.outputs.q[0])


def test_a_run_that_stopped_is_the_longer_run_cut_off(trained: Model, tokens: np.ndarray) -> None:
    ended = solve(fast, trained.with_stop(parse_stop("head+settled,t=88")), tokens)
    for i, steps in enumerate(ended.steps.tolist()):
        carry, _ = run(fast, trained.with_depth(steps=steps), tokens[i : i + 1])
        assert crc(carry.z_H) == crc(ended.carry.z_H[i : i + 1])


def test_the_hard_maximum_may_lie_beyond_the_trained_depth(trained: Model, tokens: np.ndarray) -> None:
    ended = solve(fast, trained.with_depth(H_cycles=1, steps=64).with_stop(StopRule("settled")), tokens[:1])
    assert ended.steps.tolist() == [64]
    assert not ended.stopped.any()


def test_an_hrm_stops_where_halting_outweighs_going_on() -> None:
    model = integer_model("hrm", "w4c").with_stop(StopRule("head"))
    batch = puzzles(model.config, 4)
    ended = solve(fast, model, batch)
    halting = []
    run(fast, model.with_stop(FIXED), batch, on_step=lambda s, c, o: halting.append(o.q[:, 0] > o.q[:, 1]))
    for steps, column in zip(ended.steps.tolist(), np.array(halting).T.tolist(), strict=True):
        assert steps == (column.index(True) + 1 if any(column) else len(column))


@pytest.mark.parametrize("reading", [ops, fast], ids=["ops", "fast"])
@given(seed=st.integers(0, 2**32), wide=st.booleans())
def test_change_is_the_exact_sum_and_largest_difference(reading: ModuleType, seed: int, wide: bool) -> None:
    low, high = (-32768, 32767) if wide else (-40, 40)
    a, b = np.random.default_rng(seed).integers(low, high, (2, 3, 5, 7), endpoint=True).astype(np.int16)
    moved = [[abs(x - y) for x, y in zip(p.ravel().tolist(), q.ravel().tolist(), strict=True)]
             for p, q in zip(a, b, strict=True)]  # fmt: skip
    assert_exact(reading.change(a, b), [[sum(m), max(m)] for m in moved])


@pytest.mark.parametrize("reading", [ops, fast], ids=["ops", "fast"])
def test_the_sum_of_changes_of_the_largest_published_state_does_not_wrap(reading: ModuleType) -> None:
    a = np.full((1, 916, 512), 32767, np.int16)
    assert reading.change(a, -a - 1).tolist() == [[916 * 512 * 65535, 65535]]


def test_heads_and_states_at_the_edge_of_a_rule() -> None:
    q = np.array([[0, -5], [1, 7], [1, 1], [2, 1]])
    assert head_stops(q, "trm").tolist() == [False, True, True, True]
    assert head_stops(q, "hrm").tolist() == [True, False, False, True]
    assert head_stops(q, "hrm", "halt").tolist() == [False, True, True, True]
    change = np.array([[30, 9], [31, 10], [29, 11]])
    assert settled(StopRule("settled", t=3), change, 10).tolist() == [True, False, True]
    assert settled(StopRule("settled", t=10, of="largest"), change, 10).tolist() == [True, True, False]
    rule = StopRule("head", least=3)
    asked = [stops(rule, "trm", step, 10, 4, lambda: q, lambda: change).any() for step in range(4)]
    assert asked == [False, False, True, True]


def test_a_rule_over_the_step_compares_with_where_the_step_began(
    trained: Model, tokens: np.ndarray
) -> None:
    model, states = trained.with_depth(2, 1), [reset(fast, trained, 1).z_H]
    run(fast, model, tokens[:1], on_call=lambda call, z: states.append(z) if call.level == "H" else None)
    cycle, step = (int(fast.change(states[2], before)[0, 0]) for before in (states[1], states[0]))
    t = -(-cycle // states[0].size)
    assert step > t * states[0].size
    for over, stopped in (("cycle", True), ("step", False)):
        rule = StopRule("settled", t=t, over=over)  # type: ignore[arg-type]
        assert solve(fast, model.with_stop(rule), tokens[:1]).stopped.tolist() == [stopped]


def test_parts_of_a_batch_come_back_in_the_order_of_their_puzzles() -> None:
    numbers = [np.array([2, 0]), np.array([3, 1])]
    assert in_order(numbers, [np.array([20, 0]), np.array([30, 10])]).tolist() == [0, 10, 20, 30]


def test_change_in_float_is_in_the_same_units() -> None:
    a = np.array([[[0.0, 1.0], [2.0, 3.0]]], np.float32)
    assert float_ops.change(a, a + 0.25).tolist() == [[1024.0, 256.0]]


@pytest.mark.parametrize("text", ["fixed", *RULES])
def test_a_rule_has_one_spelling_and_survives_text_image_and_configuration(text: str, trained: Model) -> None:
    rule = parse_stop(text)
    assert str(rule) == text
    model = trained.with_stop(rule)
    image = Image(to_image(model, ImageMeta("n", "w4c", "", "", True)), "image")
    assert from_image(image).config.stop == rule
    assert ("stop" in image.entries) == (rule != FIXED)
    assert model_config(model.config.to_dict()).stop == rule


def test_the_stop_section_is_what_firmware_reads() -> None:
    longest = parse_stop("head+settled,t=7,of=largest,over=step,least=2,more=3")
    assert stop_values(longest) == [3, 7, 1, 1, 2, 3]
    assert stop_values(parse_stop("settled,t=9")) == [2, 9, 0, 0, 1, 0]
    assert stop_values(StopRule("head")) == [1, 0, 0, 0, 1, 0]
    assert stop_values(StopRule("halt")) == [5, 0, 0, 0, 1, 0]
    assert stop_values(parse_stop("halt+settled,t=4")) == [7, 4, 0, 0, 1, 0]


@pytest.mark.parametrize(
    "text",
    ["", "stay", "settled,t=-1", "settled,t=65536", "settled,t=1.5", "settled,x=2", "settled,of=median",
     "head,t=3", "fixed,least=2", "settled,least=0", "head,more=10001",
     "settled,over=run", "settled,t", "head,over=step"],
)  # fmt: skip
def test_a_rule_that_is_none_gets_a_sentence(text: str) -> None:
    with pytest.raises(InputError, match="stop rule"):
        parse_stop(text)
