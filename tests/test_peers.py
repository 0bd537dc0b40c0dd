"""Every vector that CMSIS-NN computed comes out of both integer readings bit for bit.

44 linears with int8 and 44 with int4 weights per channel, 25 softmax s8 -> s16, 50 multiplications; both
rounding rules where the operator has one.  ``tests/data/peers/README.md`` says where they come from.
"""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import oracle
import pytest
from compare import assert_exact

from refimpl import fast, ops
from refimpl.packing import unpack_codes
from refimpl.params import Linear, Rescale, Softmax

CASES: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent / "data" / "peers" / "cmsis_nn.json").read_text()
)["cases"]

readings = pytest.mark.parametrize("reading", [ops, fast], ids=["numpy", "numba"])


def int8s(values: Any) -> np.ndarray:
    return np.array(values, np.int8)


def linear_leaf(case: dict[str, Any], bits: int) -> Linear:
    inner = len(case["x"][0])
    if bits == 4:
        codes = unpack_codes(np.array(case["packed"], np.uint8), 4, (case["rows"], inner))
    else:
        codes = int8s(case["w"])
    bias = None if case["bias"] is None else np.array(case["bias"], np.int32)
    return Linear(
        "peer", bits, codes, bias, np.array(case["multiplier"], np.int32), np.array(case["shift"], np.int32),
        case["rounding"], 8, case["output_offset"],
    )  # fmt: skip


def rescale_leaf(case: dict[str, Any]) -> Rescale:
    return Rescale("peer", case["multiplier"], case["shift"], case["rounding"], 8, case["output_offset"])


def computed(reading: ModuleType, case: dict[str, Any]) -> np.ndarray:
    match case["op"]:
        case "linear_s8_per_channel":
            result = reading.linear(int8s(case["x"]), linear_leaf(case, 8))
        case "linear_s4_per_channel_1x1":
            result = reading.linear(int8s(case["x"]), linear_leaf(case, 4))
        case "softmax_s8_s16":
            leaf = Softmax("peer", case["multiplier"], case["shift"], case["diff_min"])
            result = reading.softmax(int8s(case["x"]), leaf)
        case "mul_s8":
            result = reading.multiply(int8s(case["a"]), int8s(case["b"]), rescale_leaf(case))
        case unknown:
            raise AssertionError(f"no test for {unknown}")
    return np.asarray(result)


def test_there_are_163_vectors_of_four_operators() -> None:
    assert len(CASES) == 163
    assert len({case["op"] for case in CASES}) == 4


@readings
@pytest.mark.parametrize("number", range(163))
def test_peer_vector(reading: ModuleType, number: int) -> None:
    case = CASES[number]
    assert_exact(computed(reading, case), case["expected"])


def test_the_rounding_rules_are_told_apart_by_the_vectors() -> None:
    """Under the other rule, some linear and some multiply vector of each rule would fail."""
    for op in ("linear_s8_per_channel", "linear_s4_per_channel_1x1", "mul_s8"):
        for rounding, other in (("double", "single"), ("single", "double")):
            swapped = [
                case | {"rounding": other}
                for case in CASES
                if (case["op"], case["rounding"]) == (op, rounding)
            ]
            assert any((computed(ops, case) != np.array(case["expected"])).any() for case in swapped)


def test_the_oracle_agrees_with_the_peer_on_its_own() -> None:
    """One operator suffices to tie the third witness to the outside: multiply, every element."""
    for case in (case for case in CASES if case["op"] == "mul_s8"):
        rule = (case["multiplier"], case["shift"], case["rounding"], 8, case["output_offset"])
        pairs = zip(case["a"], case["b"], strict=True)
        assert [oracle.multiply(a, b, *rule) for a, b in pairs] == case["expected"]
