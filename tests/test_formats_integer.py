"""Integer formats: specification == Numba == unbounded Python integers, bit for bit."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from refimpl import fast, ops
from refimpl.block_params import BlockLinear, Int8Norm, Keep
from refimpl.errors import InputError
from refimpl.fast import block_linear as fast_block
from refimpl.fast import online as fast_online
from refimpl.float_params import Linear as FloatLinear
from refimpl.formats import parse_weights
from refimpl.models.recursion import run
from refimpl.ops import block_linear as spec_block
from refimpl.ops import online as spec_online
from refimpl.params import Linear, Norm, Rescale
from refimpl.quantize.lower import block_linear, lower
from workbench.networks import find_network
from workbench.tasks.sets import evaluation_set

RNG = np.random.default_rng(20261123)


# Unbounded Python integers: written from the clauses, with nothing of refimpl in them.
def python_wide(acc, multiplier, shift):
    reduced = min((multiplier + 2**15) >> 16, 2**15 - 1)
    right = 14 - shift
    if right >= 0:
        return ((acc * reduced >> min(right, 62)) + 1) >> 1
    saturated = min(max(acc, -(2**31)), 2**31 - 1)
    return ((saturated * reduced << min(-right, 15)) + 1) >> 1


def python_token(row):
    top = max(abs(v) for v in row)
    if top == 0:
        return [0] * len(row), 0, 0
    n = top.bit_length()
    reciprocal = 127 * 2 ** (n + 23) // top
    return [(v * reciprocal + 2 ** (n + 22)) >> (n + 23) for v in row], top << (31 - n), n


def python_round_away(v, e):
    magnitude = abs(v) + (1 << e >> 1) >> e
    return magnitude if v >= 0 else -magnitude


def python_mx(row):
    blocks = [row[i : i + 32] for i in range(0, len(row), 32)]
    exponents = []
    for b in blocks:
        e = 0
        while max(abs(v) for v in b) > 7 * 2**e:
            e += 1
        exponents.append(e)
    exponents = [max(e, max(exponents) - 15) for e in exponents]
    low = min(exponents)
    pairs = [(b, e) for b, e in zip(blocks, exponents, strict=True)]
    return [python_round_away(v, e) << (e - low) for b, e in pairs for v in b], low


def python_block_linear(row, p):
    token, token_shift = None, 0
    if p.activations == "token":
        row, token, token_shift = python_token(row)
    elif p.activations == "mx":
        row, token_shift = python_mx(row)
    out = []
    for n in range(len(p.codes)):
        total, block = 0, p.block or len(row)
        for start in range(0, len(row), block):
            zero = 0 if p.zero_point is None else int(p.zero_point[n])
            inputs_of_block = range(start, min(start + block, len(row)))
            partial = sum(row[k] * (int(p.codes[n, k]) - zero) for k in inputs_of_block)
            if p.block_scale is not None:
                scale = int(p.block_scale[n, start // block])
                scale = scale - 256 if p.factors == "signed" and scale > 127 else scale
                partial = partial << scale if p.factors == "exponent" else partial * scale
            total += partial
        multiplier, shift = int(p.multiplier[n]), int(p.shift[n]) + token_shift
        if token is not None:
            whole = token * multiplier
            if whole >= 2**61:
                multiplier = (whole + 2**30) >> 31
            else:
                multiplier, shift = (whole + 2**29) >> 30, shift - 1
        y = python_wide(total, multiplier, shift) + (0 if p.bias is None else int(p.bias[n]))
        top = 2 ** (p.out_bits - 1)
        out.append(min(max(y, -top), top - 1))
    return out


def drawn(weights, activations, inner, out_bits, bias=True):
    w = RNG.normal(0, 0.1, (6, inner))
    w[2] = 0
    w[3] *= 1e-4
    p = FloatLinear("L.0.x", w, RNG.normal(0, 0.5, 6) if bias else None)
    units = {"static": 0.03, "token": 0.001, "mx": 2**-10}
    unit, out_scale = units[activations], np.full(6, 2**-10)
    return block_linear(p, parse_weights(weights), activations, unit, out_scale, out_bits)


def inputs(activations, inner):
    if activations == "static":
        return RNG.integers(-128, 128, (5, inner)).astype(np.int8)
    values = RNG.integers(-5000, 5000, (5, inner)).astype(np.int32)
    values[1] = 0
    values[2, :32] *= 30000
    values[3] >>= 10
    values[4, 0] = 2**30
    return values


@pytest.mark.parametrize(("weights", "activations", "inner", "out_bits"), list(product(
    ["w8c", "w4t", "w4an", "w4g32", "w8g7", "w4g16s", "mxint4"], ["static", "token", "mx"],
    [5, 64, 97], [8, 32],
)))  # fmt: skip
def test_block_linear_agrees_with_unbounded_integers(weights, activations, inner, out_bits):
    p, a = drawn(weights, activations, inner, out_bits), inputs(activations, inner)
    expected = [python_block_linear([int(v) for v in row], p) for row in a]
    assert ops.linear(a, p).tolist() == expected
    assert fast.linear(a, p).tolist() == expected


@pytest.mark.parametrize("weights", ["w8c", "w4g32", "mxint4"])
def test_int16_activations_agree_with_unbounded_integers(weights):
    p = drawn(weights, "static", 97, 32, bias=False)
    a = RNG.integers(-32768, 32768, (4, 97)).astype(np.int16)
    expected = [python_block_linear([int(v) for v in row], p) for row in a]
    assert ops.linear(a, p).tolist() == expected
    assert fast.linear(a, p).tolist() == expected


def test_block_linear_keeps_leading_dimensions():
    p = drawn("mxint4", "mx", 40, 32)
    a = RNG.integers(-999, 999, (2, 3, 40)).astype(np.int32)
    assert ops.linear(a, p).shape == (2, 3, 6)
    assert (ops.linear(a, p) == fast.linear(a, p)).all()


def test_wide_requantization_at_its_edges():
    accs = [0, 1, -1, 2**46, -(2**46), 2**31, -(2**31), 3, -3]
    multipliers, shifts = [0, 2**30, 2**31 - 1, 1518500250], [-50, -31, -1, 0, 14, 15, 29, 40]
    for acc, multiplier, shift in product(accs, multipliers, shifts):
        expected = python_wide(acc, multiplier, shift)
        got = spec_block.requantize_wide(np.array([acc]), np.array([multiplier]), np.array([shift]))
        assert got.tolist() == [expected]


def test_wide_requantization_rounds_ties_up():
    # multiplier 2^30 with shift 0 is one half.
    halves = spec_block.requantize_wide(np.array([1, -1, 3, -3]), np.array([2**30]), np.array([0]))
    assert halves.tolist() == [1, 0, 2, -1]


def test_token_codes_by_hand():
    codes, multiplier, shift = spec_online.token_codes(np.array([[100, -50, 1, 0], [0, 0, 0, 0]]))
    assert codes.tolist() == [[127, -63, 1, 0], [0, 0, 0, 0]]  # -63.5 is a tie and goes up
    assert (multiplier[0] / 2**31 * 2.0 ** shift[0], multiplier[1], shift[1]) == (100.0, 0, 0)


def test_token_codes_agree_and_stay_in_range():
    rows = [RNG.integers(-(2**k), 2**k + 1, (3, 20)) for k in range(0, 31)]
    values = np.concatenate(rows).astype(np.int32)
    expected = [python_token([int(v) for v in row]) for row in values]
    for module in (spec_online, fast_online):
        codes, multiplier, shift = module.token_codes(values)
        assert codes.tolist() == [e[0] for e in expected]
        assert multiplier.tolist() == [e[1] for e in expected]
        assert shift.tolist() == [e[2] for e in expected]
    assert np.abs(codes).max() == 127


def test_mx_exponents_by_hand():
    absmax = np.array([0, 1, 7, 8, 14, 15, 28, 29, 2**30])
    assert spec_online.mx_exponents(absmax).tolist() == [0, 0, 0, 1, 1, 2, 2, 3, 28]


def test_mx_codes_by_hand():
    row = np.zeros((1, 40), np.int64)
    row[0, :3] = [7, -3, 1]  # exponent 0
    row[0, 32:36] = [20, 6, -6, 2]  # exponent 2: 5, 1.5 -> 2, -1.5 -> -2, 0.5 -> 1
    aligned, smallest = spec_online.mx_codes(row)
    assert smallest.tolist() == [0]
    assert aligned[0, :3].tolist() == [7, -3, 1]
    assert aligned[0, 32:36].tolist() == [20, 8, -8, 4]


def test_mx_exponents_span_at_most_15():
    row = np.zeros((1, 64), np.int64)
    row[0, 0], row[0, 32], row[0, 33] = 7 << 20, 7, 2**4
    aligned, smallest = spec_online.mx_codes(row)
    assert smallest.tolist() == [5]
    assert aligned[0, [0, 32, 33]].tolist() == [7 << 15, 0, 1]  # 7 / 32 -> 0, 16 / 32 is a tie away from 0


def test_mx_codes_agree():
    values = inputs("mx", 97)
    expected = [python_mx([int(v) for v in row]) for row in values]
    for module in (spec_online, fast_online):
        aligned, smallest = module.mx_codes(values)
        assert aligned.tolist() == [e[0] for e in expected]
        assert smallest.tolist() == [e[1] for e in expected]


def test_stored_group_scales_are_bytes_and_never_clip():
    w = RNG.normal(0, 1, (8, 100)) * np.repeat(2.0 ** RNG.integers(-6, 1, (8, 4)), 32, 1)[:, :100]
    stored = parse_weights("w4g32").stored(w, "here")
    assert stored.block_scale.shape == (8, 4)
    assert stored.block_scale.min() >= 1
    assert (stored.block_scale.max(axis=1) == 255).all()
    step = stored.row_scale[:, None] * np.repeat(stored.block_scale, 32, 1)[:, :100]
    assert (np.abs(stored.codes * step - w) <= step * 0.5000001).all()


def test_stored_mx_exponents_are_relative_and_span_at_most_15():
    w = np.zeros((2, 96))
    w[0, 0], w[0, 32], w[0, 64] = 7.0, 7 * 2.0**-20, 0
    stored = parse_weights("mxint4").stored(w, "here")
    assert stored.row_scale.tolist() == [2.0**-15, 1.0]
    assert stored.block_scale.tolist() == [[15, 0, 0], [0, 0, 0]]
    assert stored.codes[0, [0, 32]].tolist() == [7, 0]


def test_the_script_grid_is_stored_eight_lower():
    stored = parse_weights("w4a").stored(np.array([[-3.0, 12.0, 0.5, 1.5]]), "here")
    assert stored.codes.tolist() == [[-8, 7, -5, -3]]
    assert stored.zero_point.tolist() == [-5]


def test_a_zero_point_outside_int8_is_refused_with_its_row():
    w = np.array([[-3.0, 12.0], [10.0, 10.15]])
    with pytest.raises(InputError, match=r"L\.1\.x: row 1 has zero point -1008, outside int8"):
        parse_weights("w4a").stored(w, "L.1.x")


@pytest.mark.parametrize("spec", [ops, fast])
def test_kept_sites_stay_wide(spec):
    h = np.array([[40000, -5]], np.int32)
    assert spec.quantize(h, Keep("x")).tolist() == [[40000, -5]]
    product_of = spec.multiply(np.array([[-128]], np.int8), np.array([[-128]], np.int8), Keep("x"))
    assert (product_of.tolist(), product_of.dtype) == ([[16384]], np.int32)


@pytest.mark.parametrize("spec", [ops, fast])
def test_int4_activations_saturate_at_the_ends_of_a_nibble(spec):
    p = Rescale("x", 2**30, 1, "double", 4)
    assert spec.quantize(np.array([-9, -8, 7, 8], np.int32), p).tolist() == [-8, -8, 7, 7]


def test_int8_norm_reads_back_a_grid_of_256_values():
    norm = Norm("n", 64, round(32**0.5 * 2**25), 64 * 11)
    p = Int8Norm("n", norm, Rescale("c", 2**30, -3, "double"), Rescale("s", 2**30, 5, "double", 16))
    h = RNG.integers(-4000, 4000, (50, 64)).astype(np.int32)
    expected = ops.rms_norm(h, norm)
    got = ops.rms_norm(h, p)
    assert (got == fast.rms_norm(h, p)).all()
    assert (got % 16 == 0).all()
    inside = np.abs(expected) < 127 * 16
    # Half a step of 16, and one more where double rounding meets a tie.
    assert (np.abs(got.astype(int) - expected)[inside] <= 9).all()
    assert got.max() <= 127 * 16


COMBINATIONS = [
    "w8c-a8-c8", "w4an", "w4g32", "mxint4-amx", "w8c-a8d", "w4c-a16", "w4c-a4-c8", "w4c-a8p16",
    "w4g32-a8d-c8", "w4g16s",
]  # fmt: skip


@pytest.mark.parametrize("name", ["sudoku6-mlp", "sudoku9-att"])
@pytest.mark.parametrize("format", COMBINATIONS)
def test_whole_networks_run_bit_equal(name, format):
    network = find_network(name)
    model = lower(network.float_model, format, network.calibration)
    model = model.with_depth(H_cycles=1, steps=1)
    tokens = evaluation_set(network.config).inputs[:1]
    (carry_a, out_a), (carry_b, out_b) = run(ops, model, tokens), run(fast, model, tokens)
    assert (carry_a.z_H == carry_b.z_H).all()
    assert (carry_a.z_L == carry_b.z_L).all()
    assert (out_a.logits == out_b.logits).all()
    assert (out_a.q == out_b.q).all()


def test_leaf_types_say_what_a_format_needs():
    network = find_network("sudoku6-mlp")

    def down(format):
        model = lower(network.float_model, format, network.calibration)
        return model.L_level[0].channel

    assert isinstance(down("w8c").down, Linear)
    assert isinstance(down("ternary").down, Linear)
    assert isinstance(down("w4g32").down, BlockLinear)
    assert isinstance(down("w8c-amx").product, Keep)
    wide = down("w8c-a8p16")
    assert isinstance(wide.gate_up, Linear)
    assert isinstance(wide.down, BlockLinear)
    assert (wide.input.out_bits, wide.product.out_bits) == (8, 16)
    mixed = down("w4c+L.0.mlp.down=w8c")
    assert (mixed.down.weight_bits, mixed.gate_up.weight_bits) == (8, 4)


def test_unknown_choices_are_refused():
    network = find_network("sudoku6-mlp")
    with pytest.raises(InputError, match="no activation format 'a9'"):
        lower(network.float_model, "w8c-a9", network.calibration)
    with pytest.raises(InputError, match="no carry format"):
        lower(network.float_model, "w8c-c4", network.calibration)


def test_the_weights_cache_does_not_mix_leaves():
    first, second = drawn("w8c", "static", 64, 32), drawn("w8c", "static", 64, 32)
    assert fast_block.prepared(first)[0] is fast_block.prepared(first)[0]
    assert (fast_block.prepared(first)[0] != fast_block.prepared(second)[0]).any()
