"""The counting reading counts exactly what the executed program does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from refimpl import fast
from refimpl.models import recursion
from refimpl.models.operators import OPERATORS, check_reading
from workbench.counting import Event, Metered, count, count_step, total
from workbench.networks import find_network
from workbench.presets import preset
from workbench.tasks.puzzles import load_shipped
from workbench.tasks.sudoku import to_tokens


def _described(events: list[Event] | tuple[Event, ...]) -> list[tuple[object, ...]]:
    """The token input's width and the index type of arg-max are the host's own, not the device's."""
    hosts = ("embed", "argmax")
    return [(e.op, e.site, e.counts, e.shape, *((e.itemsize, e.input_bytes) if e.op not in hosts else ()))
            for e in events]  # fmt: skip


@pytest.mark.parametrize("name", ["sudoku9-mlp", "sudoku9-att"])
def test_counted_shapes_equal_a_metered_execution(name: str) -> None:
    network = find_network(name)
    model = network.integer_model("w4c")
    seen: list[Event] = []
    ops = Metered(fast, seen.append)
    tokens = to_tokens(load_shipped().questions)[:1]
    x = ops.embed(tokens, None, model.embedding)
    carry = recursion.act_step(ops, model, recursion.reset(ops, model, 1), x)
    ops.argmax(recursion.read_out(ops, model, carry).logits)
    assert _described(seen) == _described(count_step(network.config).events)


@pytest.mark.parametrize(
    ("name", "per_step", "per_puzzle"),
    [
        ("trm-mlp-sudoku", 12_816_153_088, "205.1"),
        ("trm-att-sudoku", 14_288_790_016, "228.6"),
        ("trm-att-maze", 119_426_888_704, "1910.8"),
        ("trm-att-arc", 119_429_653_504, "1910.9"),
    ],
)
def test_macs_of_the_published_models(name: str, per_step: int, per_puzzle: str) -> None:
    counts = count_step(preset(name)).counts
    macs = counts.macs + counts.attention_macs
    assert macs == per_step
    assert f"{16 * macs / 1e9:.1f}" == per_puzzle


def test_weights_are_read_once_a_call() -> None:
    """Sudoku-MLP INT4, one ACT step: 21 x 2,508,288 bytes of nibbles, heads apart."""
    step = count_step(preset("trm-mlp-sudoku"))
    nibbles = [total(e.counts for e in call.events).weight_elements // 2 for call in step.calls]
    assert nibbles == [2_508_288] * 21
    assert sum(nibbles) == 52_674_048


def test_counts_scale_with_the_number_of_cycles() -> None:
    config = preset("trm-mlp-sudoku")
    one = count_step(replace(config, H_cycles=1))
    three = count_step(config)
    assert len(three.calls) == 3 * len(one.calls)
    calls = total(c.counts for c in one.calls)
    assert total(c.counts for c in three.calls) == calls + calls + calls


def test_a_916_token_model_is_counted_without_memory() -> None:
    step = count_step(preset("trm-att-arc"))
    largest = max(event.output_bytes for event in step.events)
    assert largest == 8 * 916 * 916 * 2  # the int16 probabilities of all heads
    assert np.prod(step.events[0].shape) == 916 * 512


def test_a_reading_that_lacks_an_operator_fails_when_it_is_imported() -> None:
    check_reading("whole", OPERATORS)
    with pytest.raises(ImportError, match=r"half and the operators .* differ in linear, softmax"):
        check_reading("half", OPERATORS - {"linear", "softmax"})
    with pytest.raises(ImportError, match="differ in conv"):
        check_reading("more", OPERATORS | {"conv"})


def test_an_operator_without_a_count_is_an_error_and_never_zero() -> None:
    with pytest.raises(ValueError, match="no count for the operator conv"):
        count("conv", (), np.zeros(3))
