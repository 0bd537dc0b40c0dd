"""The recursion: its order, its invariances, and the same bits from every reading, batch and thread count."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import reasoners
from compare import assert_exact
from reasoners import PARITY_CASES, calibration, checksums, crc, float_model, integer_model, puzzles

from refimpl import fast, float_ops, ops
from refimpl.fixedpoint import ROUNDINGS, Rounding
from refimpl.models.operators import Operators
from refimpl.models.order import Call, Order
from refimpl.models.recursion import Carry, Outputs, act_step, read_out, reset, run
from refimpl.models.tree import Model
from workbench.calibrations import write_calibration

readings = pytest.mark.parametrize("reading", [ops, fast], ids=["numpy", "numba"])
TRAINED = ("sudoku9-mlp", "sudoku9-att")


@pytest.mark.parametrize("rounding", ROUNDINGS)
@pytest.mark.parametrize("weights", ["w8c", "w4t"])
@pytest.mark.parametrize("name", PARITY_CASES)
def test_numpy_and_numba_agree_after_every_call_of_every_kind_of_model(
    name: str, weights: str, rounding: Rounding
) -> None:
    """MLP mixer, attention with RoPE or learned positions, prefix or none, one stack or two."""
    model = integer_model(name, weights, rounding)
    tokens = puzzles(model.config, 2)
    assert checksums(ops, model, tokens) == checksums(fast, model, tokens)


@pytest.mark.parametrize("name", [*TRAINED, "sudoku6-mlp"])
def test_numpy_and_numba_agree_after_every_call_of_a_trained_network(name: str) -> None:
    model = integer_model(name, "w4c").with_depth(steps=1)
    tokens = puzzles(model.config, 1)
    sums = checksums(ops, model, tokens)
    assert sums == checksums(fast, model, tokens)
    assert len(set(sums)) == model.config.calls_per_step + 2  # every call changed its state


def final(reading: Operators, model: Model, tokens: np.ndarray) -> list[bytes]:
    carry, outputs = run(reading, model, tokens)
    return [np.ascontiguousarray(a).tobytes() for a in (carry.z_H, carry.z_L, outputs.logits, outputs.q)]


@pytest.mark.parametrize("name", [*TRAINED, "hrm"])
def test_two_cycles_and_four_steps_equal_one_cycle_and_eight_steps_in_integers(name: str) -> None:
    model = integer_model(name, "w8c")
    tokens = puzzles(model.config, 1)
    assert final(fast, model.with_depth(2, 4), tokens) == final(fast, model.with_depth(1, 8), tokens)


@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("name", [*TRAINED, "hrm"])
def test_two_cycles_and_four_steps_equal_one_cycle_and_eight_steps_in_float(name: str, dtype: type) -> None:
    model = float_model(name, dtype)
    tokens = puzzles(model.config, 1)
    assert final(float_ops, model.with_depth(2, 4), tokens) == final(
        float_ops, model.with_depth(1, 8), tokens
    )


def test_other_depths_do_change_the_carry() -> None:
    """The invariance would be empty if the carry had settled."""
    model = integer_model("sudoku9-mlp", "w8c")
    tokens = puzzles(model.config, 1)
    assert final(fast, model.with_depth(2, 4), tokens) != final(fast, model.with_depth(1, 7), tokens)


@pytest.mark.parametrize("name", [*TRAINED, "hrm"])
def test_a_puzzle_does_not_feel_its_batch(name: str) -> None:
    model = integer_model(name, "w4c").with_depth(steps=2)
    tokens = puzzles(model.config, 4)
    together, outputs = run(fast, model, tokens)
    for i in range(4):
        alone, lone_outputs = run(fast, model, tokens[i : i + 1])
        assert_exact(together.z_H[i], alone.z_H[0])
        assert_exact(together.z_L[i], alone.z_L[0])
        assert_exact(outputs.logits[i], lone_outputs.logits[0])
        assert_exact(outputs.q[i], lone_outputs.q[0])


def test_thread_counts_do_not_change_a_single_call(tmp_path: Path) -> None:
    """Four puzzles at once, so that BLAS does split the work; one process each."""
    root = Path(__file__).resolve().parents[1]
    scales = tmp_path / "calibration.json"
    write_calibration(calibration("sudoku9-mlp"), scales)
    printed = []
    for threads in ("1", "2"):
        variables = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
        environment = os.environ | dict.fromkeys(variables, threads) | {"PYTHONPATH": str(root)}
        command = [sys.executable, reasoners.__file__, "sudoku9-mlp", "w4c", str(scales)]
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=300, check=True
        )
        printed.append(done.stdout.split())
    assert len(printed[0]) == 2 * 6 + 2
    assert printed[0] == printed[1]
    model = integer_model("sudoku9-mlp", "w4c").with_depth(steps=2)
    assert [str(s) for s in checksums(fast, model, puzzles(model.config, 4))] == printed[0]


@readings
def test_the_memory_order_of_carry_and_input_does_not_matter(reading: ModuleType) -> None:
    model = integer_model("trm_att", "w8c")
    x = reading.embed(puzzles(model.config, 2), None, model.embedding)
    rng = np.random.default_rng(71)
    carry = Carry(*(rng.integers(-4000, 4000, x.shape).astype(np.int16) for _ in range(2)))
    turned = Carry(np.asfortranarray(carry.z_H), np.asfortranarray(carry.z_L))
    one = act_step(reading, model, carry, x)
    other = act_step(reading, model, turned, np.asfortranarray(x))
    assert_exact(other.z_H, one.z_H)
    assert_exact(other.z_L, one.z_L)


@readings
def test_a_step_leaves_the_carry_it_started_from_alone(reading: ModuleType) -> None:
    model = integer_model("trm_mlp", "w8c")
    tokens = puzzles(model.config, 2)
    x = reading.embed(tokens, None, model.embedding)
    carry = act_step(reading, model, reset(reading, model, 2), x)
    before = crc(carry.z_H), crc(carry.z_L), crc(x)
    act_step(reading, model, carry, x)
    read_out(reading, model, carry)
    assert (crc(carry.z_H), crc(carry.z_L), crc(x)) == before


@readings
def test_every_state_has_the_format_the_spec_gives_it(reading: ModuleType) -> None:
    model = integer_model("trm_att", "w8c")
    tokens = puzzles(model.config, 2)
    assert reading.embed(tokens, None, model.embedding).dtype == np.int32
    carry, outputs = run(reading, model, tokens)
    assert (carry.z_H.dtype, carry.z_L.dtype) == (np.int16, np.int16)
    assert (outputs.logits.dtype, outputs.q.dtype) == (np.int32, np.int32)
    assert outputs.logits.shape == (2, model.config.seq_len, model.config.vocab_size)  # the prefix is cut off
    assert outputs.q.shape == (2, 2)


# --- the order of calls, on a reading that only writes down what it is asked ----------------------------


@pytest.mark.parametrize("name", ["trm_mlp", "hrm"])
def test_calls_come_in_the_published_order(name: str) -> None:
    """Per H cycle: L_cycles times L, then once H; cycles count on over the ACT steps."""
    model = float_model(name).with_depth(2, 3)
    calls: list[Call] = []
    steps: list[int] = []

    def on_call(call: Call, state: np.ndarray) -> None:
        calls.append(call)

    def on_step(step: int, carry: Carry, outputs: Outputs) -> None:
        assert len(calls) == (step + 1) * model.config.calls_per_step
        steps.append(step)

    run(float_ops, model, puzzles(model.config, 1), on_call=on_call, on_step=on_step)
    cycle = ["L"] * model.config.L_cycles + ["H"]
    assert "".join(call.level for call in calls) == "".join(cycle * 6)
    assert [call.index for call in calls] == list(range(len(calls)))
    assert [call.cycle for call in calls] == [i // len(cycle) for i in range(len(calls))]
    assert [call.step for call in calls] == [i // model.config.calls_per_step for i in range(len(calls))]
    assert [call.ends_step for call in calls] == [
        (i + 1) % model.config.calls_per_step == 0 for i in range(len(calls))
    ]
    assert steps == [0, 1, 2]


def test_the_order_from_any_cycle_on_is_the_tail_of_the_order_from_reset() -> None:
    order = Order(3, 2)
    whole = list(order.calls(4))
    assert list(order.calls(2, 2)) == whole[18:]
    assert list(order.cycles(5, 7)) == whole[21:]
    assert Counter(call.level for call in order.calls(1)) == order.per_step == {"L": 6, "H": 3}
    assert Counter(call.level for call in order.cycles(1)) == order.per_cycle


def test_the_heads_feed_nothing_back() -> None:
    """Reading out after every step, or only at the end, gives the same run."""
    model = integer_model("trm_att", "w8c")
    tokens = puzzles(model.config, 1)
    seen: list[int] = []
    carry, outputs = run(fast, model, tokens, on_step=lambda step, c, o: seen.append(crc(o.logits)))
    at_the_end, last = run(fast, model, tokens)
    assert len(seen) == model.config.halt_max_steps
    assert seen[-1] == crc(outputs.logits) == crc(last.logits)
    assert crc(carry.z_H) == crc(at_the_end.z_H)


def test_a_trm_stores_one_stack_and_an_hrm_two() -> None:
    trm, hrm = integer_model("trm_mlp", "w8c"), integer_model("hrm", "w8c")
    assert trm.H_level is trm.L_level
    assert not any(a is b for a, b in zip(hrm.H_level, hrm.L_level, strict=True))
