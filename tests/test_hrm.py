"""The integer reading of an HRM: two stacks of unequal height, two clocks, one image.

That NumPy and Numba agree on the HRM of the parity cases is in ``test_recursion.py``; here the stacks
differ in height, so that taking one for the other cannot go unnoticed.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from compare import assert_exact
from reasoners import checksums

from refimpl import fast, float_ops, ops
from refimpl.image import Image
from refimpl.model_image import ImageMeta, from_image, to_image
from refimpl.models.config import ModelConfig
from refimpl.models.recursion import run
from refimpl.models.tree import Model
from refimpl.quantize.lower import lower
from workbench.counting import count_step
from workbench.fidelity import Reading, call_fidelity, position_cosines
from workbench.presets import preset
from workbench.seeded import seeded_model
from workbench.sites import calibrate

CONFIG = replace(
    preset("hrm-sudoku"), hidden_size=64, num_heads=4, channel_intermediate_size=96, L_layers=1, H_layers=3,
    seq_len=12, H_cycles=2, L_cycles=3, halt_max_steps=2,
)  # fmt: skip
META = ImageMeta("hrm", "w8c-a8-c16", "test", "sudoku", trained=False)
TOKENS = np.random.default_rng(80).integers(0, CONFIG.vocab_size, (2, CONFIG.seq_len))


@cache
def float_hrm() -> Model:
    return seeded_model(CONFIG, seed=5)


@cache
def integer_hrm(weights: str = "w8c") -> Model:
    return lower(float_hrm(), weights, calibrate(float_hrm(), TOKENS, source="test"))


@pytest.mark.parametrize("weights", ["w8c", "w4c", "w4t"])
def test_numpy_and_numba_agree_after_every_call(weights: str) -> None:
    sums = checksums(ops, integer_hrm(weights), TOKENS)
    assert len(sums) == 2 * 2 * (3 + 1) + 2
    assert sums == checksums(fast, integer_hrm(weights), TOKENS)


def test_int8_follows_the_float_run_through_every_call() -> None:
    for call in call_fidelity(Reading(float_ops, float_hrm()), Reading(fast, integer_hrm()), TOKENS):
        assert call.cosine > 0.99, call


def test_an_image_keeps_both_stacks_bit_for_bit() -> None:
    model = integer_hrm()
    data = to_image(model, META)
    again = from_image(Image(data))
    assert again.config == replace(model.config, rms_norm_eps=again.config.rms_norm_eps)
    assert (len(again.L_level), len(again.H_level)) == (1, 3)
    assert checksums(fast, again, TOKENS) == checksums(fast, model, TOKENS)
    assert to_image(again, META) == data


def test_the_stacks_are_not_interchangeable() -> None:
    """Running the L stack in the H stack's place changes the logits."""
    model = integer_hrm()
    swapped = replace(model, H_level=model.L_level)
    assert checksums(fast, swapped, TOKENS)[-2] != checksums(fast, model, TOKENS)[-2]


def test_each_level_is_called_at_its_own_clock() -> None:
    levels: list[str] = []
    run(fast, integer_hrm(), TOKENS, on_call=lambda call, z: levels.append(call.level))
    assert "".join(levels) == "LLLH" * 4
    assert [counted.call.level for counted in count_step(CONFIG).calls] == levels[:8]


def test_every_call_of_the_higher_stack_costs_three_times_the_lower() -> None:
    calls = count_step(CONFIG).calls
    macs = {level: {c.counts.macs for c in calls if c.call.level == level} for level in "LH"}
    assert {3 * count for count in macs["L"]} == macs["H"]


@pytest.mark.slow
def test_a_full_size_hrm_runs_one_cycle_alike_in_both_integer_readings() -> None:
    config: ModelConfig = replace(preset("hrm-sudoku"), H_cycles=1, L_cycles=1, halt_max_steps=1)
    tokens = np.random.default_rng(81).integers(0, 11, (1, 81))
    model = seeded_model(config)
    integer = lower(model, "w8c", calibrate(model, tokens, source="test"))
    one, outputs = run(ops, integer, tokens)
    other, same = run(fast, integer, tokens)
    assert_exact(other.z_H, one.z_H)
    assert_exact(other.z_L, one.z_L)
    assert_exact(same.logits, outputs.logits)
    expected, _ = run(float_ops, model, tokens)
    assert position_cosines(expected.z_H, one.z_H).min() > 0.99
