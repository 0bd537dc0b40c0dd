"""Plans: their memory, traffic and time, and the search for them."""

from __future__ import annotations

import pytest

from mcusim.parts import load_part
from mcusim.planner.buffers import Buffer, Lifetimes, place
from mcusim.planner.choices import Choices, SwiGLUTiles
from mcusim.planner.plan import Plan, make_plan
from mcusim.planner.search import search
from mcusim.planner.target import Room, lay_out
from refimpl.formats import parse_format
from tests.plans import laid_out
from workbench.counting import count_step
from workbench.networks import find_network
from workbench.presets import preset

KIB = 1024
INT4, INT4_SMALL_CARRY = parse_format("w4c"), parse_format("w4c-c8")
WEIGHTS_OF_A_CALL = 2 * (148_992 + 2_359_296)
STATIONARY = Choices(SwiGLUTiles(512, 16, 8), SwiGLUTiles(97, 4, 2))
TWO_TOKENS = Choices(SwiGLUTiles(512, 16, 8), SwiGLUTiles(2, 16, 2))


def test_weight_stationary_sudoku_mlp_reads_each_weight_once_a_call_within_448_kib() -> None:
    plan = make_plan(preset("trm-mlp-sudoku"), INT4, STATIONARY)
    assert plan.call_L.code_bytes == plan.call_H.code_bytes == WEIGHTS_OF_A_CALL // 2 == 2_508_288
    calls = plan.step.code_bytes - plan.heads.code_bytes
    assert calls == 21 * 2_508_288 == 52_674_048
    assert plan.heads.code_bytes == (11 + 2) * 512 // 2
    assert plan.high_water <= 448 * KIB


def test_two_token_tiles_read_two_point_four_gigabytes_and_cost_time_on_qspi() -> None:
    config = preset("trm-mlp-sudoku")
    part = load_part("imxrt1062")
    target = laid_out(part, 2_600_000)
    assert target.memories.image.name == "flash"
    once, often = (make_plan(config, INT4, choices) for choices in (STATIONARY, TWO_TOKENS))
    assert often.step.code_bytes == pytest.approx(2.4e9, rel=0.02)
    serial = [plan.step_time(target, overlap=False).high for plan in (once, often)]
    assert serial[1] - serial[0] > 30


def projected_again(plan: Plan) -> int:
    """MACs of keys and values of late heads beyond the first: those of later tokens, for every block."""
    config, late = plan.config, plan.choices.late
    if late is None:
        return 0
    later = sum(config.positions - start for start in range(0, config.positions, late.rows))
    sublayers = sum(config.order.per_step.values()) * config.L_layers
    return sublayers * late.heads * 2 * later * config.head_dim * config.hidden_size


def test_a_plan_counts_the_macs_of_the_untiled_program() -> None:
    for name in ("trm-mlp-sudoku", "trm-att-sudoku", "sudoku9-att"):
        config = find_network(name).config if name.startswith("sudoku") else preset(name)
        step = count_step(config)
        result = search(config, INT4, laid_out("generic-8mb", 4_000_000))
        for plan in (result.front[0], result.front[-1]):
            ledger = plan.step
            again = projected_again(plan)
            assert ledger.sum(lambda work: work.counts["macs"]) == step.counts.macs + again
            assert ledger.sum(lambda work: work.counts["attention_macs"]) == step.counts.attention_macs
            assert ledger.sum(lambda work: work.counts["norm_elements"]) == step.counts.norm_elements
            assert ledger.sum(lambda work: work.counts["softmax_elements"]) == step.counts.softmax_elements


def test_the_front_of_sudoku_mlp_reaches_256_kib_and_trades_sram_for_traffic() -> None:
    target = laid_out("generic-4mb", 2_600_000)
    result = search(preset("trm-mlp-sudoku"), INT4, target)
    sram = [plan.high_water for plan in result.front]
    assert sram == sorted(sram)
    assert sram[0] <= 256 * KIB
    once = [p for p in result.front if p.call_L.code_bytes <= 2_508_288]
    assert once[0].high_water <= 448 * KIB
    assert once[0].high_water > sram[0]
    assert result.chosen in result.front


def test_maze_attention_with_int8_carry_needs_at_most_1_6_mib() -> None:
    target = laid_out("generic-4mb", 3_500_000)
    result = search(preset("trm-att-maze"), INT4_SMALL_CARRY, target)
    assert result.front[0].high_water <= 1.6 * 1024 * KIB


def test_no_plan_of_the_front_is_beaten_by_another() -> None:
    target = laid_out("stm32h7s7", 200_000)
    plans = search(find_network("sudoku9-mlp").config, INT4, target).front
    seen = [(p.high_water, p.step.code_bytes, p.step_time(target).high) for p in plans]
    for mine in seen:
        assert not any(
            all(o <= m for o, m in zip(other, mine, strict=True)) and other != mine for other in seen
        )


def test_the_chosen_plan_is_as_fast_as_the_fastest_of_the_front_that_fits() -> None:
    config = preset("trm-mlp-sudoku")
    for name in ("rp2350", "stm32h743", "stm32n657"):
        target = laid_out(name, 2_600_000)
        result = search(config, INT4, target)
        assert result.chosen is not None
        fastest = min(p.step_time(target).high for p in result.front if p.lay_out(target) is not None)
        assert result.chosen.step_time(target).high <= fastest * 1.0101  # closer is no difference


def test_nothing_is_chosen_where_nothing_fits() -> None:
    target = laid_out("rp2350", 3_500_000)
    assert search(preset("trm-att-maze"), INT4_SMALL_CARRY, target).chosen is None


def test_weights_in_sram_need_no_buffer_to_pass_through() -> None:
    part = load_part("stm32n657")
    inside = laid_out(part, 2_600_000)
    assert not inside.staged
    assert laid_out(part, 8_000_000).staged
    assert inside.rooms[0] == Room("sram", 4300 * KIB - 2_600_000 - inside.program.bytes)


def test_buffers_that_never_live_together_share_addresses() -> None:
    lifetimes = Lifetimes()
    first, second, third = (
        Buffer(name, (size,), "int8") for name, size in (("a", 100), ("b", 60), ("c", 30))
    )
    lifetimes.allocate(first)
    lifetimes.allocate(third)
    lifetimes.free("a")
    lifetimes.allocate(second)
    lifetimes.free("c")
    lifetimes.free("b")
    placement = place(lifetimes)
    assert placement.offsets == {"a": 0, "b": 0, "c": 100}
    assert placement.size == 130


def test_segments_go_to_one_region_if_one_holds_them_and_else_where_they_fit() -> None:
    rooms = (Room("dtcm", 100), Room("axi", 500))
    together = lay_out({"z_H": 40, "scratch": 50}, rooms)
    assert together is not None
    assert {s.region for s in together} == {"dtcm"}
    spread = lay_out({"z_H": 90, "scratch": 460}, rooms)
    assert spread is not None
    assert {s.name: s.region for s in spread} == {"z_H": "dtcm", "scratch": "axi"}
    assert lay_out({"z_H": 90, "scratch": 501}, rooms) is None
    assert lay_out({"z_H": 60, "z_L": 60, "scratch": 60}, (Room("dtcm", 100), Room("axi", 100))) is None
