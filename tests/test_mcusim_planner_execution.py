"""Executing a plan: the same bits in the bytes the plan says, and errors where memory rules are broken."""

from __future__ import annotations

import numpy as np
import pytest

from mcusim.planner.arena import Arena, ArenaError, Place
from mcusim.planner.buffers import Buffer
from mcusim.planner.choices import whole
from mcusim.planner.execute import execute_plan
from mcusim.planner.ledger import Ledger
from mcusim.planner.noise import BadFlashError, NoisyFlash
from mcusim.planner.plan import Plan, make_plan
from mcusim.planner.search import search
from mcusim.planner.target import Room
from mcusim.planner.widths import sums_type
from refimpl.errors import DoesNotFit, NotImplementedHere
from tests.plans import (
    QSPI,
    assert_identical,
    attention_choices,
    formats,
    integer_model,
    laid_out,
    mlp_choices,
    tokens_of,
    with_whole_rows,
)
from workbench.networks import find_network
from workbench.presets import preset


def whole_run(plan: Plan, steps: int) -> Ledger:
    """The plan's work of a whole puzzle."""
    ledger = Ledger()
    ledger.add(plan.start)
    ledger.add(plan.work(plan.config.order.per_step), steps)
    ledger.add(plan.heads)
    return ledger


@pytest.mark.parametrize("carry", ["int16", "int8"])
@pytest.mark.parametrize("index", range(5))
def test_every_plan_of_an_mlp_network_gives_the_oracles_bits(index: int, carry: str) -> None:
    model = integer_model("sudoku9-mlp", "w4c", carry, 1, 2)
    plan, run = assert_identical(model, "w4c", carry, mlp_choices(model.config)[index], checked=True)
    planned = whole_run(plan, 2)
    assert run.ledger.code_bytes == planned.code_bytes
    assert run.ledger.constant_bytes == planned.constant_bytes
    # Without an image a row is one record; in an image its codes, multiplier and shift are apart.
    assert (3 * run.rows.count, run.rows.bytes) == plan.row_reads(planned)


@pytest.mark.parametrize("carry", ["int16", "int8"])
@pytest.mark.parametrize("index", range(7))
def test_every_plan_of_an_attention_network_gives_the_oracles_bits(index: int, carry: str) -> None:
    model = integer_model("sudoku9-att", "w8c", carry, 1, 2)
    plan, run = assert_identical(model, "w8c", carry, attention_choices(model.config)[index], checked=True)
    planned = whole_run(plan, 2)
    assert run.ledger.code_bytes == planned.code_bytes
    assert run.ledger.constant_bytes == planned.constant_bytes
    # Without an image a row is one record; in an image its codes, multiplier and shift are apart.
    assert (3 * run.rows.count, run.rows.bytes) == plan.row_reads(planned)


@pytest.mark.parametrize(
    ("network", "format", "carry", "index"),
    [("sudoku6-mlp", "w4g32", "int16", 1), ("sudoku6-mlp", "w4a", "int8", 3),
     ("sudoku6-mlp", "mxint4-a16", "int16", 2), ("sudoku6-mlp", "w3c-a8p16", "int16", 1),
     ("sudoku9-rope", "w4g16s-a16", "int16", 1), ("sudoku9-rope", "w8c-a4", "int16", 3),
     ("sudoku6-mlp", "w4c-a8p16", "int16", 4)],  # whose last byte is written with its own canary
)  # fmt: skip
def test_plans_in_every_form_of_weights_and_activations_give_the_oracles_bits(
    network: str, format: str, carry: str, index: int
) -> None:
    model = integer_model(network, format, carry, 1, 2)
    corners = (mlp_choices if model.config.mlp_t else attention_choices)(model.config)
    plan, run = assert_identical(model, format, carry, corners[index], checked=True)
    planned = whole_run(plan, 2)
    assert run.ledger.code_bytes == planned.code_bytes
    assert run.ledger.constant_bytes == planned.constant_bytes


@pytest.mark.parametrize(
    ("network", "format", "index"),
    [("sudoku6-mlp", "w4c-a8d", 1), ("sudoku6-mlp", "mxint4-amx", 4), ("sudoku9-rope", "w4g32-amx", 1)],
)  # fmt: skip
def test_plans_of_activations_quantized_by_the_linear_give_the_oracles_bits(
    network: str, format: str, index: int
) -> None:
    model = integer_model(network, format, "int16", 1, 2)
    corners = (mlp_choices if model.config.mlp_t else attention_choices)(model.config)
    assert_identical(model, format, "int16", with_whole_rows(corners[index], model.config), checked=True)


def test_a_tile_of_hidden_units_is_refused_where_a_row_must_be_whole() -> None:
    config = find_network("sudoku6-mlp").config
    with pytest.raises(NotImplementedHere, match=r"L\.0\.mlp_t\.down: activations of a8d .* 16 of"):
        make_plan(config, formats("w4c-a8d", "int16"), mlp_choices(config)[1])


@pytest.mark.parametrize(("format", "kind"), [("w4g32", "int32"), ("w8c-a16", "int64"), ("mxint4", "int64")])
def test_partial_sums_have_64_bits_where_a_formats_largest_values_need_them(format: str, kind: str) -> None:
    assert sums_type(formats(format, "int16"), "L.0.mlp.down", 512) == kind


@pytest.mark.parametrize("network", ["sudoku9-mlp", "sudoku9-att"])
def test_repeating_recorded_calls_is_the_same_as_checking_every_call(network: str) -> None:
    model = integer_model(network, "w4c", "int16", 2, 16)
    _, once = assert_identical(model, "w4c", "int16", whole(model.config), checked=False)
    _, each = assert_identical(model, "w4c", "int16", whole(model.config), checked=True)
    assert once.ledger.code_bytes == each.ledger.code_bytes
    assert once.rows.bytes == each.rows.bytes


def test_an_arena_one_byte_smaller_is_refused() -> None:
    model = integer_model("sudoku9-mlp", "w4c", "int16", 1, 1)
    plan = make_plan(model.config, formats("w4c", "int16"), whole(model.config))
    with pytest.raises(DoesNotFit, match=f"needs {plan.high_water:,} bytes"):
        execute_plan(plan, model, tokens_of(model.config), QSPI, (Room("sram", plan.high_water - 1),))


def test_a_plan_spreads_over_two_regions_when_none_holds_it_all() -> None:
    model = integer_model("sudoku9-mlp", "w4c", "int16", 1, 1)
    plan = make_plan(model.config, formats("w4c", "int16"), mlp_choices(model.config)[1])
    rooms = (Room("small", 2 * 81 * 96 * 2), Room("large", plan.scratch))
    tokens = tokens_of(model.config)
    run = execute_plan(plan, model, tokens, QSPI, rooms)
    alone = execute_plan(plan, model, tokens, QSPI)
    assert run.high_water == {"small": 2 * 81 * 96 * 2, "large": plan.scratch}
    np.testing.assert_array_equal(run.z_H, alone.z_H)


def test_a_buffer_cannot_be_used_before_or_after_its_life() -> None:
    arena = Arena({"sram": 16})
    buffer = Buffer("h", (4,), "int32")
    with pytest.raises(ArenaError, match="'h' is used while it is not live"):
        arena.view(buffer)
    arena.allocate(buffer, Place("sram", 0))
    arena.view(buffer)[...] = 7
    arena.free(buffer)
    with pytest.raises(ArenaError, match="'h' is used while it is not live"):
        arena.view(buffer)
    assert arena.high_water == {"sram": 16}


def test_a_byte_written_with_its_own_canary_counts_as_touched() -> None:
    arena, buffer = Arena({"sram": 16}), Buffer("a", (16,), "uint8")
    for _ in range(2):
        arena.allocate(buffer, Place("sram", 0))
        arena.view(buffer)[...] = Arena({"sram": 16}).canaries["sram"]
        arena.free(buffer)
    assert arena.high_water == {"sram": 16}
    arena.check()


def test_buffers_cannot_overlap_or_leave_the_arena() -> None:
    arena = Arena({"sram": 16})
    arena.allocate(Buffer("a", (8,), "int8"), Place("sram", 0))
    with pytest.raises(ArenaError, match="'b' and 'a' overlap"):
        arena.allocate(Buffer("b", (8,), "int8"), Place("sram", 7))
    with pytest.raises(ArenaError, match="ends at byte 17 of region sram"):
        arena.allocate(Buffer("b", (9,), "int8"), Place("sram", 8))


def test_a_write_outside_every_live_buffer_breaks_a_canary() -> None:
    arena = Arena({"sram": 16})
    arena.allocate(Buffer("a", (8,), "int8"), Place("sram", 0))
    arena.check()
    arena.memory["sram"][11] ^= 1
    with pytest.raises(ArenaError, match="byte 11 of region sram"):
        arena.check()


def test_a_checked_flash_reads_damaged_tiles_again_and_the_answer_is_unharmed() -> None:
    model = integer_model("sudoku9-mlp", "w4c", "int16", 1, 2)
    plan = make_plan(model.config, formats("w4c", "int16"), mlp_choices(model.config)[1])
    tokens, noise = tokens_of(model.config), NoisyFlash(every=60_000)
    damaged = execute_plan(plan, model, tokens, QSPI, noise=noise)
    clean = execute_plan(plan, model, tokens, QSPI)
    assert noise.flipped >= noise.detected > 10
    assert noise.read_again > 0
    np.testing.assert_array_equal(damaged.z_H, clean.z_H)
    np.testing.assert_array_equal(damaged.z_L, clean.z_L)


def test_a_tile_that_never_arrives_undamaged_ends_the_run() -> None:
    model = integer_model("sudoku9-mlp", "w4c", "int16", 1, 1)
    plan = make_plan(model.config, formats("w4c", "int16"), mlp_choices(model.config)[1])
    noise = NoisyFlash(every=10**9, stuck="L.1.mlp.down")
    with pytest.raises(BadFlashError, match=r"a tile of L\.1\.mlp\.down arrived damaged 3 times"):
        execute_plan(plan, model, tokens_of(model.config), QSPI, noise=noise)
    assert noise.detected == 3


def test_an_unchecked_flash_changes_the_states() -> None:
    model = integer_model("sudoku9-mlp", "w8c", "int16", 1, 1)
    plan = make_plan(model.config, formats("w8c", "int16"), mlp_choices(model.config)[1])
    tokens, noise = tokens_of(model.config), NoisyFlash(every=20_000, check=False)
    damaged = execute_plan(plan, model, tokens, QSPI, noise=noise)
    clean = execute_plan(plan, model, tokens, QSPI)
    assert noise.flipped > 0
    assert noise.detected == 0
    assert (damaged.z_H != clean.z_H).any()


@pytest.mark.slow
@pytest.mark.parametrize("index", range(5))
@pytest.mark.parametrize(
    ("name", "weights", "carry"),
    [("trm-mlp-sudoku", "w4c", "int16"), ("trm-att-sudoku", "w4c", "int16"), ("trm-att-maze", "w4c", "int8")],
)
def test_paper_size_plans_give_the_oracles_bits(name: str, weights: str, carry: str, index: int) -> None:
    model = integer_model(name, weights, carry, 1, 1)
    pick = mlp_choices if preset(name).mlp_t else attention_choices
    assert_identical(model, weights, carry, pick(model.config)[index], checked=False)


@pytest.mark.slow
@pytest.mark.parametrize("index", range(5))
@pytest.mark.parametrize("network", ["sudoku9-mlp", "sudoku9-att"])
def test_whole_puzzles_under_five_plans_give_the_oracles_bits(network: str, index: int) -> None:
    model = integer_model(network, "w4c", "int16", 2, 16)
    pick = mlp_choices if model.config.mlp_t else attention_choices
    assert_identical(model, "w4c", "int16", pick(model.config)[index], checked=False)


@pytest.mark.slow
@pytest.mark.parametrize("network", ["sudoku9-mlp", "sudoku9-att"])
def test_every_plan_of_the_front_gives_the_oracles_bits(network: str) -> None:
    model = integer_model(network, "w4c", "int16", 1, 1)
    target = laid_out("generic-4mb", 200_000)
    plans = search(model.config, formats("w4c", "int16"), target).front
    assert len(plans) > 5
    for plan in plans:
        assert_identical(model, "w4c", "int16", plan.choices, checked=True)
