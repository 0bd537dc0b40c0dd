"""Weight formats: each row of the published definitions against values worked out by hand."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from refimpl.errors import InputError
from refimpl.formats import FORMATS, parse_weights
from refimpl.formats.mx import mx_exponents
from workbench.vectors.format_vectors import FLAGS, refreshed


def quantized(rows, name):
    return parse_weights(name).quantize(np.array(rows, np.float64))


def test_per_tensor_int4_by_hand():
    # absmax 3.5 over all rows, scale 0.5; 0.25 and 0.75 are ties and go to even; -3.5 gives -7, never -8.
    q = quantized([[3.5, 0.25, 0.75], [-3.5, -0.25, 1.0]], "w4t")
    assert q.scale.tolist() == [0.5, 0.5]
    assert q.codes.tolist() == [[7, 0, 2], [-7, 0, 2]]


def test_per_row_int4_by_hand():
    q = quantized([[7.0, 0.5, 1.5, 2.5], [-14.0, 1.0, 3.0, 5.0]], "w4c")
    assert q.scale.tolist() == [1.0, 2.0]
    assert q.codes.tolist() == [[7, 0, 2, 2], [-7, 0, 2, 2]]


@pytest.mark.parametrize(("bits", "qmax"), [(8, 127), (7, 63), (6, 31), (5, 15), (4, 7), (3, 3), (2, 1)])
def test_row_formats_use_the_symmetric_grid(bits, qmax):
    q = quantized([[1.0, -1.0, 0.0]], f"w{bits}c")
    assert q.codes.tolist() == [[qmax, -qmax, 0]]
    assert q.scale[0] == 1 / qmax


def test_a_zero_row_keeps_the_scale_floor():
    q = quantized([[0.0, 0.0], [0.0, 7.0]], "w4c")
    assert q.scale.tolist() == [1e-8, 1.0]
    assert q.codes.tolist() == [[0, 0], [0, 7]]


def test_script_asymmetric_by_hand():
    # min -3, max 12: scale 1, zero point round(3) = 3; codes round(W) + 3 in 0..15, ties to even first.
    q = quantized([[-3.0, 12.0, 0.5, 1.5]], "w4a")
    assert (q.scale[0], q.zero_point[0]) == (1.0, 3)
    assert q.codes.tolist() == [[0, 15, 3, 5]]
    assert q.dequantize().tolist() == [[-3.0, 12.0, 0.0, 2.0]]


def test_script_zero_point_is_not_clamped():
    # All weights near 10 with a spread of 0.15: scale 0.01, zero point -1000.
    q = quantized([[10.0, 10.15]], "w4a")
    assert q.zero_point.tolist() == [-1000]
    assert q.codes.tolist() == [[0, 15]]


def test_notebook_asymmetric_by_hand():
    # min -3, max 12: scale 1, zero point round(-8 + 3) = -5; codes round(W - 5) in -8..7.
    q = quantized([[-3.0, 12.0, 0.5, 1.5]], "w4an")
    assert (q.scale[0], q.zero_point[0]) == (1.0, -5)
    assert q.codes.tolist() == [[-8, 7, -4, -4]]  # -4.5 and -3.5 are ties to the even -4
    assert q.dequantize().tolist() == [[-3.0, 12.0, 1.0, 1.0]]


def test_notebook_zero_point_is_clamped():
    q = quantized([[10.0, 10.15]], "w4an")
    assert q.zero_point.tolist() == [-8]
    assert q.codes.tolist() == [[7, 7]]


def test_groups_have_their_own_scale_and_pad_the_last():
    row = [7.0] + [0.0] * 31 + [14.0, 1.0, 3.0]
    q = quantized([row], "w4g32")
    assert q.block_scale.tolist() == [[1.0, 2.0]]
    assert q.codes[0, 32:].tolist() == [7, 0, 2]
    assert q.dequantize()[0, [0, 32, 33, 34]].tolist() == [7.0, 14.0, 0.0, 4.0]


def test_a_group_longer_than_the_row_is_a_row():
    rows = np.random.default_rng(5).normal(size=(4, 100))
    assert (quantized(rows, "w4g128").dequantize() == quantized(rows, "w4c").dequantize()).all()


@pytest.mark.parametrize(("absmax", "exponent"), [
    (7.0, 0), (np.nextafter(7.0, 8), 1), (14.0, 1), (3.5, -1), (np.nextafter(3.5, 0), -1), (3.6, 0), (8.0, 1),
    (7 * 2.0**-20, -20), (0.0, 0),
])  # fmt: skip
def test_mx_exponent_is_the_smallest_that_holds_the_absmax(absmax, exponent):
    assert mx_exponents(np.array([absmax]))[0] == exponent


def test_mxint4_by_hand():
    # First block: absmax 5 -> exponent 0; second: absmax 20 -> 7 * 4 = 28 holds it, 14 does not.
    row = [5.0, 2.5, 3.5] + [0.0] * 29 + [20.0, -2.0, 6.0]
    q = quantized([row], "mxint4")
    assert q.block_scale.tolist() == [[1.0, 4.0]]
    assert q.codes[0, :3].tolist() == [5, 2, 4]
    assert q.codes[0, 32:].tolist() == [5, 0, 2]


def test_ternary_by_hand():
    # Mean magnitude 1: 0.5 is a tie to even 0, 1.5 a tie to 2 and clamped to 1.
    q = quantized([[0.5, -1.5], [1.5, -0.5]], "ternary")
    assert q.scale.tolist() == [1.0, 1.0]
    assert q.codes.tolist() == [[0, -1], [1, 0]]


def test_signed_groups_by_hand():
    # The largest, -8, gets code -8 by scale 1; of the second group, 4, code -8 by scale -0.5.
    q = quantized([[-8.0, 7.0, 0.5] + [0.0] * 13 + [4.0, -3.5, 0.25]], "w4g16s")
    assert q.block_scale.tolist() == [[1.0, -0.5]]
    assert q.codes[0, :3].tolist() == [-8, 7, 0]
    assert q.codes[0, 16:].tolist() == [-8, 7, 0]
    assert q.dequantize()[0, 16:].tolist() == [4.0, -3.5, 0.0]


def test_signed_groups_round_finer_than_groups_of_the_same_size():
    weight = np.random.default_rng(5).normal(size=(50, 96))
    error = {n: np.square(parse_weights(n).emulated(weight) - weight).sum() for n in ("w4g16", "w4g16s")}
    assert error["w4g16s"] < 0.92 * error["w4g16"]


def test_noise_has_the_asked_standard_deviation_and_repeats():
    weight = np.random.default_rng(1).normal(0, 3, (200, 200)).astype(np.float32)
    first, again, other = (
        parse_weights("noise0.1").emulated(weight, where) for where in ("L.0", "L.0", "L.1")
    )
    assert (first - weight).std() == pytest.approx(0.3, rel=0.02)
    assert abs((first - weight).mean()) < 0.01
    assert (first == again).all()
    assert (first != other).any()


@pytest.mark.parametrize("name", ["w8t", "w8c", "w4t", "w4c", "w4a", "w4an", "w4g32", "mxint4", "w3c"])
def test_rounding_to_a_format_moves_a_weight_by_half_a_step_at_most(name):
    weight = np.random.default_rng(2).normal(size=(8, 70))
    q = parse_weights(name).quantize(weight)
    step = q.scale[:, None] * (1 if q.block_scale is None else np.repeat(q.block_scale, 32, 1)[:, :70])
    # w4a rounds zero point and value apart, so an end of the range may clip by another half step.
    slack = 1.0 if "a" in name else 0.5
    assert (np.abs(q.dequantize() - weight) <= (slack + 1e-9) * step).all()


def test_fp32_is_the_identity():
    weight = np.ones((2, 2), np.float32)
    assert parse_weights("fp32").emulated(weight) is weight


@pytest.mark.parametrize("name", ["w9c", "w1c", "w4g0", "int4", "w4", "noise", "noisex"])
def test_unknown_formats_are_refused_with_a_suggestion(name):
    with pytest.raises(InputError, match="there is no weight format"):
        parse_weights(name)


def test_a_weight_that_is_not_finite_is_refused():
    with pytest.raises(InputError, match="1 weights are not finite"):
        quantized([[np.nan, 1.0]], "w8c")


GOLDEN = Path(__file__).parent.parent / "golden" / "formats" / "weights.json"


def test_golden_format_vectors_are_what_the_code_makes():
    assert refreshed(GOLDEN.parents[1]) == (GOLDEN.read_text(), [])


def test_golden_format_vectors_cover_every_name_and_flag():
    tests = json.loads(GOLDEN.read_text())["tests"]
    assert {test["format"] for test in tests} == set(FORMATS)
    assert {flag for test in tests for flag in test["flags"]} == set(FLAGS)


def test_golden_format_vectors_hold_the_values_worked_out_by_hand():
    by_id = {test["tcId"]: test for test in json.loads(GOLDEN.read_text())["tests"]}
    codes = {number: test["published"]["codes"] for number, test in by_id.items()}
    assert codes[4] == [[7, 0, 2], [-7, 0, 2]]  # w4t, scale 0.5
    assert codes[5] == [[7, 0, 2, 2], [-7, 0, 2, 2], [0, 0, 0, 0]]  # w4c, scales 1, 2, floor
    assert codes[8] == [[0, -1], [1, 0]]  # ternary, scale 1
    assert codes[9] == [[0, 15, 3, 5]]  # w4a, zero point 3
    assert by_id[9]["stored"]["codes"] == [[-8, 7, -5, -3]]
    assert by_id[10]["result"] == "refused"
    assert codes[11] == [[-8, 7, -4, -4]]  # w4an, zero point -5
    assert codes[12] == [[7, 7]]  # w4an, zero point clamped to -8
    assert by_id[13]["published"]["block_scale"] == [[1.0, 2.0]]
    assert by_id[15]["published"]["block_scale"] == [[1.0, 2.0]]  # 7 fits exponent 0, 7.0078125 does not
    assert by_id[16]["stored"]["block_scale"] == [[15, 0, 0]]
