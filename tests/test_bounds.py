"""The static bounds hold on real runs, and a model that breaks one is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from refimpl import fast
from refimpl.block_params import BlockLinear, Int8Norm
from refimpl.errors import DoesNotFit
from refimpl.models.recursion import run
from refimpl.models.tree import Embedding
from refimpl.params import Linear, Norm, Rescale, RowTable, Softmax
from refimpl.quantize import bounds as bounds_module
from refimpl.quantize.bounds import (
    Bound,
    Range,
    RangeOps,
    accumulator_bound,
    bounds,
    output_bounds,
    prove,
    state_bound,
)  # fmt: skip
from refimpl.quantize.lower import lower
from workbench.networks import find_network
from workbench.tasks.puzzles import load_shipped
from workbench.tasks.sudoku import to_tokens


class Watching:
    """The fast reading, noting the largest magnitude each linear and each sum reached."""

    def __init__(self) -> None:
        self.largest: dict[tuple[str, str], int] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(fast, name)

    def note(self, site: str, what: str, value: Any) -> None:
        peak = int(np.abs(value.astype(np.int64)).max())
        self.largest[site, what] = max(peak, self.largest.get((site, what), 0))

    def linear(self, a: Any, p: Linear | BlockLinear) -> Any:
        y = fast.linear(a, p)
        if isinstance(p, Linear):
            self.note(p.name, "accumulator", a.astype(np.int64) @ p.codes.T.astype(np.int64))
        if p.out_bits == 32:
            self.note(p.name, "rescaled output", y)
        return y

    def rms_norm(self, h: Any, p: Any) -> Any:
        self.note(p.name, "residual sum", h)
        return fast.rms_norm(h, p)


@pytest.mark.parametrize(
    ("network", "format"),
    [("sudoku9-mlp", "w8c"), ("sudoku9-att", "w4c-c8"), ("sudoku9-mlp", "mxint4-amx"),
     ("sudoku9-att", "w8c-a8d")],
)  # fmt: skip
def test_no_value_of_a_run_exceeds_its_bound(network: str, format: str) -> None:
    model = find_network(network).integer_model(format).with_depth(steps=2)
    watching = Watching()
    run(watching, model, to_tokens(load_shipped().questions)[:4])
    proved: dict[tuple[str, str], int] = {}
    for bound in bounds(model):
        key = (bound.site, bound.what)
        proved[key] = max(bound.largest, proved.get(key, 0))
    assert watching.largest
    for key, reached in watching.largest.items():
        assert reached <= proved[key], key


def test_a_model_whose_accumulator_may_wrap_is_refused() -> None:
    """Row scales raised so far that the left shift pushes the accumulator out of 32 bits."""
    model = find_network("sudoku9-mlp").integer_model("w8c")
    head = model.lm_head.linear
    steep = replace(model, lm_head=replace(model.lm_head, linear=replace(head, shift=head.shift + 14)))
    with pytest.raises(DoesNotFit, match="lm_head: accumulator can reach"):
        prove(steep)


def test_lowering_refuses_what_it_cannot_prove() -> None:
    network = find_network("sudoku9-mlp")
    huge = replace(network.float_model.lm_head.linear, weight=network.float_model.lm_head.linear.weight * 2e4)
    model = replace(network.float_model, lm_head=replace(network.float_model.lm_head, linear=huge))
    with pytest.raises(DoesNotFit, match="lm_head"):
        lower(model, "w8c", network.calibration)


def test_a_network_with_one_long_row_is_proved_by_the_sum_of_its_rows() -> None:
    """One output near 2^30 among 96: 96 times its square would pass 2^63, the sum of the squares does not."""
    model = find_network("sudoku9-att").integer_model("w8c")
    o = model.L_level[0].token.o
    multiplier, shift = o.multiplier.copy(), o.shift.copy()
    sums = np.abs(o.codes.astype(np.int64)).sum(axis=1)
    row = int(sums.argmax())
    shift[row] = 61 - int(128 * sums[row] * int(multiplier[row])).bit_length()
    layer = replace(model.L_level[0].token, o=replace(o, multiplier=multiplier, shift=shift))
    level = (replace(model.L_level[0], token=layer), *model.L_level[1:])
    longer = replace(model, L_level=level, H_level=level)
    found = {b.what: b for b in bounds(longer) if b.site == "L.0.attn.norm"}
    largest = found["residual sum"].largest
    assert 2**29 < largest < 2**30
    assert 96 * largest**2 > 2**63
    assert largest**2 < found["sum of squares"].largest < 2**63
    prove(longer)


def test_the_bounds_of_one_network_are_these() -> None:
    """From the stored numbers: two states and x enter the stack, every norm has its own size."""
    model = find_network("sudoku9-mlp").integer_model("w8c")
    found = {(b.site, b.what): b.largest for b in bounds(model)}
    rows = model.embedding.tokens
    scaled = [int(np.abs(c).max()) * int(m) * 2.0 ** (int(s) - 31) for c, m, s in
              zip(rows.codes.astype(int), rows.multiplier, rows.shift, strict=True)]  # fmt: skip
    state = int((96 * 2**20) ** 0.5) + 2
    inits = (int(np.abs(v.astype(int)).max()) for v in (model.H_init, model.L_init))
    assert found["H", "injection sum"] == sum(max(state, init) for init in inits)
    assert found["L", "injection sum"] - found["H", "injection sum"] == int(max(scaled)) + 2
    down = model.L_level[0].channel.down
    outputs = [(int(np.abs(c.astype(int)).sum()) * 128 * int(m) >> 31 - int(s)) + 2
               for c, m, s in zip(down.codes, down.multiplier, down.shift, strict=True)]  # fmt: skip
    before = int((81 * 2**20) ** 0.5) + 2
    squares = sum((before + out) ** 2 for out in outputs) + model.L_level[0].channel.norm.eps
    assert found["L.0.mlp.norm", "sum of squares"] == squares
    assert found["L.0.mlp.norm", "residual sum"] == before + max(outputs)


ONE = (np.array([2**30], np.int32), np.array([1], np.int32))  # multiplier and shift of the factor 1


def test_a_bias_counts_in_the_accumulator_of_a_linear() -> None:
    codes = np.array([[3, -4]], np.int8)
    p = Linear("x", 8, codes, np.array([-1000], np.int32), *ONE, "double", 32)
    assert accumulator_bound(p) == 7 * 128 * 2 + 1000 * 2  # the left shift of 1 comes before the multiplier
    assert output_bounds(p, 0) == [7 * 128 + 1000 + 2]


@pytest.mark.parametrize(("online", "wide", "largest"), [
    ("token", 1000, 127 * 1000), ("mx", 1000, 2 * 1000), ("mx", 1, 7), ("static", 1000, 128),
])  # fmt: skip
def test_the_output_of_a_linear_that_quantizes_its_input_is_bounded_by_the_wide_input_and_its_bias(
    online: Any, wide: int, largest: int
) -> None:
    codes, exponents = np.array([[3, -4]], np.int8), np.zeros((1, 1), np.uint8)
    bias = np.array([-5], np.int32)
    p = BlockLinear("x", 4, codes, None, 2, exponents, "exponent", bias, *ONE, 32, online)
    assert output_bounds(p, wide) == [7 * largest + 2 + 5]


def test_every_operator_of_attention_is_bounded_by_its_own_length() -> None:
    ops, score = RangeOps(positions=97, head_dim=16), Rescale("s", 2**30, 0, "double")
    ops.scores(Range(128), Range(127), score)
    probabilities = ops.softmax(Range(128), Softmax("p", 2**30, 5, -100))
    ops.weighted_values(probabilities, Range(128), replace(score, name="a.o.input"))
    assert {key: bound.largest for key, bound in ops.found.items()} == {
        ("s", "q k^T"): 16 * 128 * 127,
        ("p", "sum of exponentials"): 97 * 2**19,
        ("a.values", "weighted values"): (65536 + 97) * 128,
    }


def test_a_position_row_is_added_to_the_larger_of_token_and_puzzle_rows() -> None:
    def table(code: int) -> RowTable:
        return RowTable("t", np.array([[code]], np.int8), *ONE, "double")

    x = RangeOps(1, 1).embed(None, None, Embedding(table(-100), table(7), table(50), 1))
    assert x.peak == (100 + 2) + (7 + 2)
    assert RangeOps(1, 1).embed(None, None, Embedding(table(3), None, table(50), 1)).peak == 50 + 2


def test_an_int8_carry_is_bounded_by_what_is_read_back() -> None:
    norm, code = Norm("n", 96, 1, 1), Rescale("c", 2**30, 0, "double")
    for shift, largest in ((8, 128 * 2**7 + 2), (10, 2**15)):
        assert state_bound(Int8Norm("n", norm, code, Rescale("r", 2**30, shift, "double", 16))) == largest


def test_the_largest_bound_of_a_register_is_kept_and_one_that_reaches_the_limit_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ops = RangeOps(1, 1)
    for largest in (3, 5, 4):
        ops.note("s", "w", largest)
    assert ops.found["s", "w"].largest == 5
    for largest, fits in ((2**31 - 1, True), (2**31, False)):
        bound = Bound("here", "it", largest, 2**31)
        monkeypatch.setattr(bounds_module, "bounds", lambda model, bound=bound: (bound,))
        if fits:
            assert prove(None) == (bound,)  # type: ignore[arg-type]
        else:
            with pytest.raises(DoesNotFit, match=r"here: it can reach 2,147,483,648, 1 too many"):
                prove(None)  # type: ignore[arg-type]
    assert bounds_module.INT64_LIMIT == 2**63
