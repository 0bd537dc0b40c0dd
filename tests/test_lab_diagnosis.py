"""Diagnosis: each measure on cases whose answer is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from refimpl import fast, float_ops
from refimpl.errors import InputError
from refimpl.float_params import Linear
from refimpl.formats import parse_format, parse_weights
from refimpl.models.halting import head_stops
from refimpl.models.recursion import run
from refimpl.quantize.lower import lower
from workbench.fidelity import Reading
from workbench.lab.cell import Choice, Result
from workbench.lab.comparison import equivalent_noise
from workbench.lab.costs import Costs
from workbench.lab.depth import schedule_table
from workbench.lab.families import LinearAttention, TruncatedAttention, pruned, truncated_mixer
from workbench.lab.growth import growth
from workbench.lab.parting import NEVER, parting
from workbench.lab.predict import best_threshold, predict_tables, ranks, spearman
from workbench.lab.second_order import (
    clipped_activations,
    error_feedback,
    input_moments,
    nearest,
    output_errors,
    rule,
    search,
)
from workbench.lab.sensitivity import kind_of, rounding_at, spared_site
from workbench.lab.steps import ended, run_steps
from workbench.lab.variant import Variant, network, reading
from workbench.stop_text import parse_stop
from workbench.tasks.sets import evaluation_set

NAME = "sudoku6-mlp"
RNG = np.random.default_rng(4)


@pytest.fixture(scope="module")
def tokens():
    return evaluation_set(network(NAME).config).inputs[:3]


@pytest.fixture(scope="module")
def integer():
    return Reading(fast, lower(network(NAME).float_model, "w8c", network(NAME).calibration))


def test_a_run_read_out_at_every_step_ends_as_the_run_does(integer, tokens):
    short = replace(integer, model=integer.model.with_depth(steps=3))
    record = run_steps(short, tokens, 3)
    _, outputs = run(fast, short.model, tokens)
    assert (record.answers[-1] == fast.argmax(outputs.logits)).all()
    assert (record.halts[-1] == (outputs.q[:, 0] > 0)).all()


def test_depth_is_the_product_of_cycles_and_steps(integer, tokens):
    one_cycle = replace(integer, model=integer.model.with_depth(H_cycles=1))
    by_one = run_steps(one_cycle, tokens, 4).answers[3]
    by_two = run_steps(replace(integer, model=integer.model.with_depth(H_cycles=2)), tokens, 2).answers[1]
    assert (by_one == by_two).all()


def test_a_schedule_of_one_program_is_that_program(integer, tokens):
    whole = run_steps(integer, tokens, 4).answers[-1]
    cycles = 2 * integer.model.config.H_cycles
    half = integer.model.with_depth(steps=2).with_stop(parse_stop(f"fixed,more={cycles},by=w8c"))
    answers, steps = ended(replace(integer, model=half, finish=integer.model), tokens)
    assert (answers == whole).all()
    assert steps.tolist() == [2, 2, 2]


def test_a_halted_puzzle_keeps_the_answer_of_the_step_it_halted_at(integer, tokens):
    record = run_steps(integer, tokens, 6)
    model = integer.model.with_depth(steps=6).with_stop(parse_stop("head"))
    answers, steps = ended(replace(integer, model=model), tokens)
    for puzzle in range(len(tokens)):
        stops = np.flatnonzero(record.halts[:, puzzle])
        last = stops[0] if len(stops) else 5
        assert steps[puzzle] == last + 1
        assert (answers[puzzle] == record.answers[last, puzzle]).all()


def test_a_schedule_has_rows_of_each_program_and_of_both_under_every_rule():
    grid = schedule_table(NAME, "w4c", "w8c", Choice(4), (1,))
    both = "w4c-a8-c16, then w8c-a8-c16"
    assert [row[0] for row in grid.rows] == ["w8c-a8-c16", "w4c-a8-c16", both] * 3
    assert [row[1].partition(",")[0] for row in grid.rows[::3]] == ["fixed", "head", "head+settled"]
    assert grid.rows[2][2] == "15.00 + 1"
    traffic = [float(row[-2]) for row in grid.rows[:3]]
    assert traffic[2] == pytest.approx((15 * traffic[1] + traffic[0]) / 16, abs=0.1)


def test_stop_rules_of_both_families():
    q = np.array([[1, 2], [0, -1], [3, 1]])
    assert head_stops(q, "trm").tolist() == [True, False, True]
    assert head_stops(q, "hrm").tolist() == [False, True, True]


def test_a_program_never_parts_from_itself(integer, tokens):
    short = replace(integer, model=integer.model.with_depth(steps=2))
    found = parting(short, short, tokens)
    assert (found.call == NEVER).all()
    assert (found.share_by_call == 0).all()


def test_parting_finds_the_operator_that_was_changed(integer, tokens):
    short = replace(integer, model=integer.model.with_depth(H_cycles=1, steps=2))
    block = short.model.L_level[1]
    codes = block.channel.down.codes.copy()
    codes[0, 0] ^= 1
    down = replace(block.channel.down, codes=codes)
    changed = (short.model.L_level[0], replace(block, channel=replace(block.channel, down=down)))
    other = replace(short, model=replace(short.model, L_level=changed, H_level=changed))
    found = parting(short, other, tokens)
    assert set(found.operator) <= {"linear L.1.mlp.down", ""}
    assert "linear L.1.mlp.down" in found.operator
    assert (found.call[found.call != NEVER] == 0).all()
    assert len(found.share_by_call) == 2 * short.model.config.L_cycles + 2


def test_growth_is_zero_for_the_float_run_itself(tokens):
    reference = Reading(float_ops, network(NAME).float_model.with_depth(steps=2))
    found = growth(reference, reference, tokens)
    assert (found.deviation == 0).all()
    assert (found.residual[0] == 1).all()
    assert found.residual[-1].max() < 1
    assert len(found.index) == 4


def test_growth_reads_integer_states_in_their_unit(integer, tokens):
    depth = {"H_cycles": 1, "steps": 1}
    reference = Reading(float_ops, network(NAME).float_model.with_depth(**depth))
    found = growth(reference, replace(integer, model=integer.model.with_depth(**depth)), tokens)
    assert 0 < found.deviation.max() < 0.5


def test_sites_of_the_same_kind_share_a_name():
    assert kind_of("L.1.mlp.down.input") == kind_of("L.0.mlp.down.input") == "mlp.down.input"
    assert kind_of("lm_head.input") == "lm_head.input"


def test_rounding_touches_its_own_sites_only():
    visit = rounding_at("mlp.silu", network(NAME).calibration, 1.0)
    value = np.array([0.123456], np.float32)
    assert visit("L.0.mlp.up", value) is value
    rounded = visit("L.0.mlp.silu", value)
    scale = network(NAME).calibration.scale("L.0.mlp.silu")
    assert rounded[0] / scale == pytest.approx(round(0.123456 / scale), abs=1e-4)


def test_a_spared_linear_must_exist():
    with pytest.raises(InputError, match=r"no linear 'L\.0\.mlp\.up'"):
        spared_site(NAME, "w4t", "L.0.mlp.up=w8c", Choice(1))


def test_sparing_a_linear_helps_the_carry():
    rows = spared_site(NAME, "w2c", "L.0.mlp.down=w8c", Choice(2)).rows
    assert float(rows[1][5]) > float(rows[0][5])


def test_pruning_zeroes_the_shortest_rows_and_spares_the_heads():
    model = pruned(network(NAME).float_model, 0.25)
    down = model.L_level[0].channel.down.weight
    before = network(NAME).float_model.L_level[0].channel.down.weight
    zero = ~down.any(axis=1)
    lengths = (before**2).sum(axis=1)
    assert zero.sum() == round(0.25 * len(before))
    assert lengths[zero].max() <= lengths[~zero].min()
    assert model.lm_head.linear is network(NAME).float_model.lm_head.linear


def test_a_truncated_mixer_ignores_later_positions():
    model = truncated_mixer(network(NAME).float_model, 0.5)
    weight = model.L_level[0].token.gate_up.weight
    assert weight[:, 18:].any() == np.False_
    assert weight[:, :18].any()


def test_truncated_attention_gives_later_keys_no_weight():
    ops = TruncatedAttention(2)
    a = ops.scores(np.ones((1, 1, 3, 4), np.float32), np.ones((1, 1, 3, 4), np.float32), None)
    assert float_ops.softmax(a, None)[0, 0].tolist() == [[0.5, 0.5, 0.0]] * 3


def test_linear_attention_rows_sum_to_one():
    ops = LinearAttention()
    q, k = RNG.normal(size=(2, 1, 1, 5, 4))
    p = ops.softmax(ops.scores(q, k, None), None)
    assert p.sum(axis=-1) == pytest.approx(np.ones((1, 1, 5)))
    assert (p > 0).all()


def correlated(rows=400, inner=12):
    mix = RNG.normal(size=(inner, inner))
    x = RNG.normal(size=(rows, inner)) @ mix
    return x.T @ x


@pytest.mark.parametrize("name", ["w4c", "w4t", "w3c"])
def test_each_calibration_lowers_the_output_error(name):
    moment, w = correlated(), RNG.normal(size=(20, 12)) ** 3
    fmt = parse_weights(name)
    found = [fmt.quantize(w), *(search(w, fmt, moment, how) for how in (nearest, error_feedback))]
    plain, clipped, fed = (output_errors(w, q.dequantize(), moment).sum() for q in found)
    assert fed < clipped <= plain
    assert all(np.abs(q.codes).max() <= fmt.qmax for q in found)


def test_per_tensor_clips_keep_one_scale():
    found = search(RNG.normal(size=(20, 12)), parse_weights("w4t"), correlated(), nearest)
    assert len(set(found.scale.tolist())) == 1


def test_feedback_without_correlation_is_plain_rounding():
    w = RNG.normal(size=(5, 8))
    scale = parse_weights("w4c").quantize(w).scale
    codes = error_feedback(w, scale, 7, np.eye(8))
    assert (codes == parse_weights("w4c").quantize(w).codes).all()


def test_moments_are_those_of_the_linears_inputs(tokens):
    model = network(NAME).float_model.with_depth(H_cycles=1, steps=1)
    moments = input_moments(model, tokens)
    assert moments["L.0.mlp.down"].shape == (256, 256)
    assert moments["lm_head"].shape == (96, 96)
    assert (np.linalg.eigvalsh(moments["lm_head"]) > -1e-3).all()


def test_a_rule_reaches_the_image(tokens):
    found = network(NAME)
    moments = input_moments(found.float_model.with_depth(steps=1), tokens)
    plain = lower(found.float_model, "w4c", found.calibration)
    fed = lower(found.float_model, "w4c", found.calibration, rule=rule("feedback", moments))
    assert (plain.L_level[0].channel.down.codes != fed.L_level[0].channel.down.codes).any()
    same = lower(found.float_model, "w4c", found.calibration, rule=rule("minmax", moments))
    assert (plain.L_level[0].channel.down.codes == same.L_level[0].channel.down.codes).all()


def test_clips_are_for_symmetric_formats():
    p = Linear("x", np.ones((2, 2)))
    with pytest.raises(InputError, match="per-row and per-tensor"):
        rule("clip", {"x": np.eye(2)})(p, parse_weights("w4g32"))


def test_clipped_activations_only_shrink_ranges(tokens):
    found = network(NAME)
    clipped = clipped_activations(found.float_model.with_depth(steps=1), tokens, found.calibration)
    ratios = {site: clipped.absmax[site] / peak for site, peak in found.calibration.absmax.items()}
    assert all(0.29 < ratio <= 1 for ratio in ratios.values())
    assert all(ratio == 1 for site, ratio in ratios.items() if site.endswith(".norm"))
    assert min(ratios.values()) < 1


def test_ranks_share_ties():
    assert ranks(np.array([10.0, 5.0, 10.0, 20.0])).tolist() == [1.5, 0.0, 1.5, 3.0]


def test_rank_correlation_of_known_orders():
    a = np.array([1.0, 2.0, 3.0, 4.0])
    assert spearman(a, a**3) == 1.0
    assert spearman(a, -a) == -1.0
    assert np.isnan(spearman(a, np.ones(4)))


def test_the_threshold_separates_what_can_be_separated():
    fidelity, bad = np.array([0.2, 0.5, 0.8, 0.9]), np.array([True, True, False, False])
    assert 0.5 < best_threshold(fidelity, bad) < 0.8
    assert best_threshold(fidelity, np.zeros(4, bool)) == 0.2


def test_equivalent_noise_interpolates_in_logarithms():
    controls = [(0.01, 0.99), (0.1, 0.90)]
    assert equivalent_noise(0.99, controls) == pytest.approx(0.01)
    assert equivalent_noise(1 - 10**-1.5, controls) == pytest.approx(10**-1.5)
    assert equivalent_noise(0.5, controls) is None
    assert equivalent_noise(0.95, controls[:1]) is None


def made_up(name, weights, exact, one_step):
    variant = Variant(name, parse_format(weights), H_cycles=2, steps=16)
    marks = "1" * exact + "0" * (20 - exact)
    cost = Costs(1, 2, 3)
    each = (one_step,) * 20
    return Result(variant, 20, "made up", marks, 300, 324, 0, 100, one_step, one_step, 0.99, each, cost, 1.0)


def test_prediction_on_made_up_networks():
    results = []
    for name in ("sudoku6-mlp", "sudoku9-mlp"):
        results.append(made_up(name, "fp32", 18, 1.0))
        formats = ((8, 18, 0.99), (6, 18, 0.98), (4, 10, 0.7), (3, 2, 0.3))
        results += [made_up(name, f"w{bits}c", exact, fidelity) for bits, exact, fidelity in formats]
    by_rank, by_threshold = predict_tables(results)
    assert by_rank.rows[0][:3] == ("(i) one step", "all networks", "8")
    assert float(by_rank.rows[0][3]) > 0.9
    assert by_threshold.rows[0][3:] == ("2/2", "0/2", "100.00")
    with pytest.raises(InputError, match="at least 5"):
        predict_tables(results[:3])


def test_float_activations_on_quantized_weights_stay_float():
    program = reading(Variant(NAME, parse_format("w4t-af")))
    assert program.ops is float_ops
