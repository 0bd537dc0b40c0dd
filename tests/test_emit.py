"""The plan is the program: its C has the reference's states, fetches what was predicted, fills its arena."""

from __future__ import annotations

import zlib
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from compare import assert_exact
from cross_tools import require
from emitted import build, emitted, expected, ran
from plans import (
    QSPI,
    attention_choices,
    formats,
    integer_model,
    laid_out,
    mlp_choices,
    tokens_of,
    with_whole_rows,
)

from mcusim.emit.expressions import variable
from mcusim.emit.views import whole
from mcusim.parts import load_part
from mcusim.planner.choices import Choices
from mcusim.planner.execute import execute_plan
from mcusim.planner.plan import Plan
from mcusim.planner.search import search
from mcusim.planner.target import Room
from refimpl import fast, ops
from refimpl.errors import NotImplementedHere
from refimpl.formats import Carry
from refimpl.models.config import ModelConfig
from refimpl.models.recursion import solve
from workbench.checkpoints.networks import list_networks
from workbench.networks import find_network
from workbench.stop_text import parse_stop
from workbench.tasks.sets import evaluation_set

NETWORKS = ("sudoku6-mlp", "sudoku9-mlp", "sudoku9-pair-mlp", "sudoku9-att", "sudoku9-pair-att",
            "sudoku9-rope", "sudoku9-hrm", "maze10-att")  # fmt: skip


FORMATS_IN_C = ("w8t", "w6c", "w3c", "w2c", "ternary", "w4a", "w4an", "w4g32", "w4g128", "w4g16s", "mxint4",
                "w4c-a16", "w8c-a16", "w4c-a8p16", "w4g32-a16", "mxint4-a16", "w8c-a4", "w4c-a8d",
                "mxint4-amx")  # fmt: skip
KIB = 1024
GRID = [*product(NETWORKS, ("w4c", "w8c"), ("int16", "int8"))]


def corners(config: ModelConfig) -> list[Choices]:
    return mlp_choices(config) if config.mlp_t else attention_choices(config)


def fetched_by(plan: Plan, steps: int) -> int:
    """Bytes that the plan brings into the arena in a run of ``steps`` ACT steps."""
    ledger = plan.work({level: n * steps for level, n in plan.config.order.per_step.items()})
    for once in (plan.start, plan.heads):
        ledger.add(once)
    return ledger.code_bytes + ledger.constant_bytes + plan.row_bytes(ledger)


def check(network: str, weights: str, carry: str, choices: Choices, folder: Path, steps: int = 1,
          rooms: tuple[Room, ...] = (), compiler: str = "gcc") -> None:  # fmt: skip
    """Build and run one plan; states, answer, q, fetched bytes and touched arena are as they must be."""
    model = integer_model(network, weights, carry, 2, steps)
    it = emitted(model, formats(weights, carry), choices, rooms)
    tokens = tokens_of(model.config)
    found = ran(build(it, folder, compiler), tokens)
    calls, answer, q = expected(it.model, tokens)
    assert found.calls == calls
    assert (found.answer, found.q) == (answer, q)
    if choices.staged:  # otherwise weights that are not resident are read where they stand
        assert found.fetched == fetched_by(it.plan, steps)
    assert found.used == it.sizes


@pytest.mark.parametrize(("network", "corner"), [("sudoku6-mlp", 1), ("sudoku6-mlp", 4), ("sudoku9-rope", 3),
                                                 ("sudoku9-rope", 5), ("sudoku9-rope", 6)])  # fmt: skip
def test_the_emitted_program_is_the_plan(network: str, corner: int, tmp_path: Path) -> None:
    require("gcc")
    check(network, "w4c", "int16", corners(find_network(network).config)[corner], tmp_path)


@pytest.mark.parametrize(
    ("network", "weights", "corner"),
    [("sudoku6-mlp", "w3c", 1), ("sudoku6-mlp", "w2c", 4), ("sudoku6-mlp", "w6c", 2),
     ("sudoku9-rope", "ternary", 3), ("sudoku9-rope", "w3c", 3)],
)  # fmt: skip
def test_codes_of_other_widths_than_4_and_8_bits_stream_in_tiles_that_begin_with_a_byte(
    network: str, weights: str, corner: int, tmp_path: Path
) -> None:
    require("gcc")
    check(network, weights, "int16", corners(find_network(network).config)[corner], tmp_path)


@pytest.mark.parametrize(
    ("network", "format", "carry", "corner"),
    [("sudoku6-mlp", "w4g32", "int16", 2), ("sudoku6-mlp", "w4a", "int16", 3),
     ("sudoku6-mlp", "w4g16s-a8p16", "int8", 1), ("sudoku6-mlp", "w8c-a4", "int16", 4),
     ("sudoku9-rope", "w4c-a16", "int16", 3), ("sudoku9-rope", "mxint4-a8p16", "int16", 4)],
)  # fmt: skip
def test_zero_points_groups_blocks_and_wide_activations_run_in_planned_c(
    network: str, format: str, carry: str, corner: int, tmp_path: Path
) -> None:
    require("gcc")
    check(network, format, carry, corners(find_network(network).config)[corner], tmp_path)


@pytest.mark.parametrize(
    ("network", "format", "corner"),
    [("sudoku6-mlp", "w4c-a8d", 3), ("sudoku6-mlp", "w4a-amx", 1), ("sudoku9-rope", "w4g32-amx", 4)],
)
def test_activations_quantized_by_the_linear_run_in_planned_c(
    network: str, format: str, corner: int, tmp_path: Path
) -> None:
    require("gcc")
    config = find_network(network).config
    check(network, format, "int16", with_whole_rows(corners(config)[corner], config), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("format", FORMATS_IN_C)
@pytest.mark.parametrize("network", ["sudoku9-mlp", "sudoku9-rope", "sudoku9-hrm"])
def test_every_static_format_in_the_smallest_the_chosen_and_the_plan_of_least_traffic(
    network: str, format: str, tmp_path: Path
) -> None:
    require("gcc")
    config = find_network(network).config
    found = search(config, formats(format, "int16"), laid_out("stm32h743", 400_000))
    assert found.chosen is not None
    for i, plan in enumerate((found.front[0], found.chosen, found.front[-1])):
        (tmp_path / str(i)).mkdir()
        check(network, format, "int16", plan.choices, tmp_path / str(i))


def test_an_int8_carry_in_two_memories_is_the_plan_too(tmp_path: Path) -> None:
    require("gcc")
    model = integer_model("sudoku6-mlp", "w8c", "int8", 2, 1)
    choices = corners(model.config)[3]
    plan = emitted(model, formats("w8c", "int8"), choices).plan
    states = plan.sizes["z_H"] + plan.sizes["z_L"]
    rooms = (Room("tcm", states), Room("axi", plan.high_water - states))
    check("sudoku6-mlp", "w8c", "int8", choices, tmp_path, rooms=rooms)


@pytest.mark.parametrize(
    ("rule", "carry", "corner"),
    [("head+settled,t=150", "int16", 2), ("head+settled,t=400,over=step,least=3,more=3", "int16", 1),
     ("settled,t=2500,of=largest", "int16", 1), ("settled,t=150", "int8", 2), ("head", "int8", 4)],
)  # fmt: skip
def test_the_emitted_program_stops_where_the_reference_stops(
    rule: str, carry: Carry, corner: int, tmp_path: Path
) -> None:
    require("gcc")
    trained = find_network("sudoku6-mlp").integer_model(formats("w4c", carry))
    model = trained.with_depth(steps=8).with_stop(parse_stop(rule))
    tokens = evaluation_set(model.config, 1).inputs[0]
    it = emitted(model, formats("w4c", carry), corners(model.config)[corner])
    found = ran(build(it, tmp_path), tokens)
    ended = solve(fast, it.model, tokens[None])
    assert found.ended == [ended.steps[0], ended.stopped[0]]
    assert found.ended[0] < 8
    calls, answer, q = expected(it.model, tokens)
    assert (found.calls, found.answer, found.q) == (calls, answer, q)
    assert found.used == it.sizes
    if it.plan.choices.staged:
        done = it.plan.puzzle(found.ended[0])
        assert found.fetched == done.code_bytes + done.constant_bytes + it.plan.row_bytes(done)


@pytest.mark.parametrize(
    ("network", "rule", "carry", "corner"),
    [("sudoku6-mlp", "head+settled,t=150,more=3,by=w8c", "int16", 2),
     ("sudoku6-mlp", "fixed,more=2,by=w4g32-a8p16", "int16", 3),
     ("sudoku6-mlp", "settled,t=150,over=step,more=1,by=w8c-c8", "int8", 1),
     ("sudoku9-rope", "head,more=2,by=w8c", "int16", 2),
     ("sudoku9-hrm", "halt+settled,t=500,of=largest,least=2,more=1,by=w8c-a8d-c8", "int8", 0)],
)  # fmt: skip
def test_a_second_program_in_c_goes_on_with_the_carry_of_the_first(
    network: str, rule: str, carry: Carry, corner: int, tmp_path: Path
) -> None:
    require("gcc")
    found, stop, own = find_network(network), parse_stop(rule), formats("w4c", carry)
    model = found.integer_model(own).with_depth(steps=3).with_stop(stop)
    it = emitted(model, own, corners(model.config)[corner], finish=found.finish(stop, own))
    tokens = evaluation_set(model.config, 1).inputs[0]
    ran_ = ran(build(it, tmp_path), tokens)
    ended = it.program.solve(tokens[None])
    assert ran_.ended == [ended.steps[0], ended.stopped[0]]
    assert (ran_.calls, ran_.answer, ran_.q) == expected(it.program, tokens)
    assert ran_.used == it.sizes
    if it.plan.choices.staged:
        assert it.plan.finish is not None
        late = it.plan.finish.finishing(stop.more)
        works = (it.plan, it.plan.puzzle(ran_.ended[0])), (it.plan.finish, late)
        assert ran_.fetched == sum(
            done.code_bytes + done.constant_bytes + plan.row_bytes(done) for plan, done in works
        )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "text"), [("sudoku9-mlp", "head+settled"), ("sudoku6-mlp", "head+settled,more=2,by=w8c")]
)
def test_on_256_puzzles_numpy_numba_plan_and_emitted_c_stop_at_the_same_step_in_the_same_state(
    name: str, text: str, tmp_path: Path
) -> None:
    require("gcc")
    network = find_network(name)
    rule = network.stop_rule(text, "w4c-a8-c16")
    model, tokens = network.integer_model("w4c").with_stop(rule), evaluation_set(network.config).inputs
    finish = network.finish(rule, "w4c")
    it = emitted(model, formats("w4c", "int16"), corners(model.config)[2], finish=finish)
    program, ended = build(it, tmp_path, sanitize=False), it.program.solve(tokens)
    assert len(tokens) == 256
    for start in range(0, 256, 32):
        part = slice(start, start + 32)
        slowly = solve(ops, it.model, tokens[part], finish=it.program.finish)
        assert_exact(slowly.steps, ended.steps[part])
        assert slowly.stopped.tolist() == ended.stopped[part].tolist()
        assert_exact(slowly.carry.z_H, ended.carry.z_H[part])
    for i, one in enumerate(tokens):
        second = None if it.program.finish is None else (it.program.finish, None)
        planned = execute_plan(it.plan, it.model, one, QSPI, finish=second)
        assert [planned.steps, planned.stopped] == [ended.steps[i], ended.stopped[i]]
        assert_exact(planned.z_H, ended.carry.z_H[i])
        found = ran(program, one)
        assert found.ended == [ended.steps[i], ended.stopped[i]]
        assert found.calls[-1] == zlib.crc32(np.ascontiguousarray(ended.carry.z_H[i], "<i2").tobytes())
        assert found.q == ended.outputs.q[i].tolist()


@pytest.mark.slow
@pytest.mark.parametrize(("network", "weights", "carry"), GRID)
def test_every_shipped_network_in_five_corners_of_its_plans(
    network: str, weights: str, carry: str, tmp_path: Path
) -> None:
    require("gcc")
    for i, choices in enumerate(corners(find_network(network).config)):
        (tmp_path / str(i)).mkdir()
        check(network, weights, carry, choices, tmp_path / str(i))


@pytest.mark.slow
@pytest.mark.parametrize("network", list_networks())
def test_every_shipped_network_in_the_smallest_the_chosen_and_the_plan_of_least_traffic(
    network: str, tmp_path: Path
) -> None:
    require("clang")
    config = find_network(network).config
    found = search(config, formats("w4c", "int16"), laid_out("stm32h743", 300_000))
    assert found.chosen is not None
    for i, plan in enumerate((found.front[0], found.chosen, found.front[-1])):
        (tmp_path / str(i)).mkdir()
        check(network, "w4c", "int16", plan.choices, tmp_path / str(i), compiler="clang")


@pytest.mark.slow
def test_the_paper_sized_mlp_fits_one_bank_of_the_stm32h743(tmp_path: Path) -> None:
    """INT4, each weight read once a call: at most 448 KiB of arena, inside the bank of 512 KiB."""
    require("gcc")
    part, model = load_part("stm32h743"), integer_model("trm-mlp-sudoku", "w4c", "int16", 3, 1)
    (bank,) = (region for region in part.regions if region.bytes == 512 * KIB and "arena" in region.purposes)
    found = search(model.config, formats("w4c", "int16"), laid_out(part, 2_700_000))
    once = next(plan for plan in found.front if plan.call_L.code_bytes <= 2_508_288)
    it = emitted(model, formats("w4c", "int16"), once.choices, (Room(bank.name, bank.bytes),))
    assert once.high_water <= 448 * KIB
    tokens = tokens_of(model.config)
    done = ran(build(it, tmp_path, sanitize=False), tokens)
    assert (done.calls, done.answer, done.q) == expected(it.model, tokens)
    assert done.fetched == fetched_by(it.plan, 1)
    assert done.used == {bank.name: once.high_water}


@pytest.mark.slow
def test_one_step_of_the_paper_sized_maze_is_the_reference(tmp_path: Path) -> None:
    require("gcc")
    model = integer_model("trm-att-maze", "w4c", "int8", 3, 1)
    found = search(model.config, formats("w4c", "int8"), laid_out("generic-4mb", 3_500_000))
    choices = replace(found.front[0].choices, staged=True)
    it = emitted(model, formats("w4c", "int8"), choices)
    tokens = tokens_of(model.config)
    done = ran(build(it, tmp_path, sanitize=False), tokens)
    assert (done.calls, done.answer, done.q) == expected(it.model, tokens)
    assert done.fetched == fetched_by(it.plan, 1)
    assert done.used == it.sizes == {"sram": it.plan.high_water}


@pytest.mark.parametrize("weights", ["w3c", pytest.param("w4c", marks=pytest.mark.slow)])
def test_the_search_takes_tiles_that_begin_with_a_byte_only(weights: str) -> None:
    config = find_network("sudoku9-mlp").config
    for plan in search(config, formats(weights, "int16"), laid_out("stm32h743", 300_000)).front:
        model = integer_model("sudoku9-mlp", weights, "int16", 2, 1)
        assert "rr_call_L" in emitted(model, formats(weights, "int16"), plan.choices).sources["rr_plan.c"]


def test_a_tile_that_begins_within_a_byte_is_refused_by_name() -> None:
    """81 columns of int4: rows in tiles of 7 begin at half a byte."""
    model = integer_model("sudoku9-mlp", "w4c", "int16", 2, 1)
    choices = corners(model.config)[0]
    odd = Choices(type(choices.token)(96, 7, 96), choices.channel)
    with pytest.raises(NotImplementedHere, match=r"L\.0\.mlp_t\.gate_up"):
        emitted(model, formats("w4c", "int16"), odd)


# --- numbers and views that C computes --------------------------------------------------------------------


def test_sums_of_variables_cancel() -> None:
    r, n = variable("r0"), variable("n0")
    assert (r + n) - r == n
    assert r * 3 - r - r - r == 0
    assert str(r * 96 - n + 4) == "96 * r0 - n0 + 4"
    assert (n * 6) // 2 == n * 3


def test_views_slice_split_and_turn_like_arrays() -> None:
    r = variable("r0")
    rows = whole("x", "int8", (8, 12))[r : r + 2]
    assert (rows.address, rows.shape, rows.strides) == ("x + 12 * r0", (2, 12), (12, 1))
    heads = rows.reshape(1, 2, 3, 4).swapaxes(1, 2)
    assert (heads.shape, heads.strides[1:]) == ((1, 3, 2, 4), (4, 12, 1))
    assert heads[:, 1].address == "x + 12 * r0 + 4"
