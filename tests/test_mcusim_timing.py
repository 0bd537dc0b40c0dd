"""Time and energy from plain counts."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from mcusim.checks import checked_part
from mcusim.figures import Range
from mcusim.parts import load_part
from mcusim.planner.ledger import Work, row_counts
from mcusim.timing import OperatorCounts, energy, instructions, time_operator, total_time

H743, AN500, AN547 = load_part("stm32h743"), load_part("mps2-an500"), load_part("mps3-an547")
RV32, E7 = load_part("qemu-virt-rv32"), load_part("alif-e7")


def test_a_layer_of_the_measured_shape_costs_the_measured_instructions() -> None:
    """64 tokens, 512 inputs, 64 outputs; the figure is that of the core file (tests/test_nn_rows.py)."""
    outputs, row = 64 * 64, H743.core.macs["w4a8"]
    assert (row.inner, row.tokens) == (512, 64)
    shape = row_counts(outputs, 512, 64, 4)
    layer = OperatorCounts(macs_w4a8=outputs * 512, requantizations=outputs, **shape)
    measured = row.instructions_per_mac.value * outputs * 512
    assert instructions(layer, H743) == pytest.approx(measured, rel=1e-12)


@pytest.mark.parametrize("part", ["stm32h743", "stm32u5g9", "esp32s3-n16r8"])
def test_int4_costs_more_instructions_than_int8_without_vector_hardware(part: str) -> None:
    int8, int4 = OperatorCounts(macs_w8a8=10**6), OperatorCounts(macs_w4a8=10**6)
    assert instructions(int4, load_part(part)) > 1.5 * instructions(int8, load_part(part))


def test_the_slowest_resource_decides_and_without_overlap_all_add_up() -> None:
    counts = OperatorCounts(macs_w8a8=1_000, weight_bytes=1_000_000, arena_bytes=1_000)
    regions = {"image": next(r for r in H743.regions if r.name == "flash")}
    time = time_operator(counts, H743, regions)
    flash = regions["image"].time_s(1_000_000)
    assert time.bound_by == "flash"
    assert time.total == Range(flash, flash)
    serial = time_operator(counts, H743, regions, overlap=False)
    assert serial.total.high == pytest.approx(flash + time.memory["axi-sram"] + time.compute.high, rel=1e-12)
    assert total_time([time, serial]).high == flash + serial.total.high


def test_every_kind_of_work_takes_time() -> None:
    for field in fields(OperatorCounts):
        parts = [H743, AN500, AN547, RV32, E7, checked_part(AN500)]
        for one in ({}, {"macs_w4a8": 1}):  # the kernel of int8 weights, or of int4
            less = [time_operator(OperatorCounts(**one), part).total.low for part in parts]
            counts = OperatorCounts(**{**one, field.name: 1000})
            more = [time_operator(counts, part).total.low for part in parts]
            if any(m > n for m, n in zip(more, less, strict=True)):
                break
        else:
            raise AssertionError(f"{field.name} costs nothing")


def test_a_kernel_that_fetches_weights_again_pays_for_them_and_for_its_channels_again() -> None:
    once = OperatorCounts(macs_w4a8=10**6, requantizations=1000, weights=10_000, channels=10)
    twice = replace(once, weights=20_000, channels=20)
    row = AN500.core.macs["w4a8"]
    extra = 10_000 * row.terms["weight"].value + 10 * row.terms["channel"].value
    assert instructions(twice, AN500) - instructions(once, AN500) == pytest.approx(extra, rel=1e-9)


@pytest.mark.parametrize(("inner", "past_word", "to_vector"), [(96, 0, 0), (97, 1, 15), (99, 3, 13)])
def test_rows_that_fill_no_whole_word_or_vector_are_counted_once_an_output_of_full_pairs(
    inner: int, past_word: int, to_vector: int
) -> None:
    """7 tokens by 9 channels are 4 x 5 pairs: 80 outputs for 63."""
    work = Work()
    work.charge_rows(outputs=63, inner=inner, channels=9, bits=8, times=2)
    names = "channels", "pairs", "odd", "to_quad", "past_word", "to_vector", "tails"
    found = [work.rows[name] for name in names]
    tail = 40 if to_vector else 0
    assert found == [18, 40, 2 * 17 * inner, 18, 160 * past_word, 160 * to_vector, tail]


def test_rows_without_a_whole_vector_take_no_loop() -> None:
    pairs = [row_counts(63, inner, 9, 8)["pairs"] for inner in (1, 15, 16, 97)]
    assert pairs == [20] * 4
    assert [row_counts(63, inner, 9, 8)["loops"] for inner in (1, 15, 16, 97)] == [0, 0, 20, 20]


def test_weights_laid_out_alone_are_those_past_a_word_and_every_other_odd_row_of_int4() -> None:
    assert row_counts(64, 97, 8, 8)["loose_words"] == 8
    assert row_counts(64, 97, 8, 4)["loose_words"] == 4 * 97 + 4
    assert row_counts(64, 97, 8, 4)["loose_vectors"] == 4 * 97
    assert row_counts(64, 98, 8, 4)["loose_vectors"] == 0


def test_compute_is_a_range_by_cycles_per_instruction() -> None:
    time = time_operator(OperatorCounts(macs_w8a8=10**9), H743)
    assert time.compute.high / time.compute.low == pytest.approx(0.89 / 0.58)
    assert time.bound_by == "compute"


def test_what_the_core_loads_from_internal_flash_is_waited_for_and_what_a_dma_brings_overlaps() -> None:
    counts = OperatorCounts(macs_w8a8=1_000_000, weight_bytes=1_000_000)
    of = {region.name: region for region in H743.regions}
    loaded = time_operator(counts, H743, {"image": of["nvm"]})
    assert loaded.total.low == pytest.approx(loaded.compute.low + of["nvm"].time_s(1_000_000))
    assert loaded.total.high == pytest.approx(loaded.compute.high + of["nvm"].time_s(1_000_000))
    brought = time_operator(counts, H743, {"image": of["flash"]})
    assert brought.total.low == of["flash"].time_s(1_000_000) > brought.compute.high
    xip = load_part("rp2350")
    placed = {"image": next(r for r in xip.regions if r.name == "flash")}
    executed = time_operator(counts, xip, placed)
    assert executed.total.low == pytest.approx(executed.compute.low + placed["image"].time_s(1_000_000))


def test_energy_is_a_range_and_names_its_inputs() -> None:
    """229.2 uA/MHz x 3.3 V are 756 pJ a cycle; boards take 1.44 times as much, within a factor of 1.32."""
    estimate = energy(OperatorCounts(macs_w8a8=10**9, row_bytes=1000), H743)
    cycles = instructions(OperatorCounts(macs_w8a8=10**9), H743)
    assert estimate.core == Range(cycles * 0.58 * 824 * 1e-12, cycles * 0.89 * 1440 * 1e-12)
    assert estimate.memory == pytest.approx(1000 * 1.4e-9)
    assert "824-1440 pJ (fitted; 229.2 uA/MHz x 3.3 V x 1.44 (boards over" in estimate.inputs
    assert "1,000 B of flash x 1.4 nJ (assumed)" in estimate.inputs


def test_a_part_without_a_run_current_has_the_energy_of_its_core_and_says_that_all_boards_are_alike() -> None:
    part = replace(H743, run_current=None)
    assert part.picojoules_per_cycle == H743.core.picojoules_per_cycle
    said = energy(OperatorCounts(macs_w8a8=10**9), part).inputs
    assert "100-1293 pJ (fitted; all boards alike, for parts without a run current" in said


def test_reads_of_on_chip_memory_are_in_the_energy_of_the_cycles() -> None:
    of = {region.name: region for region in H743.regions}
    work = OperatorCounts(macs_w8a8=10**9, weight_bytes=10**6, arena_bytes=10**6)
    inside, outside = (energy(work, H743, {"image": of[name]}) for name in ("nvm", "flash"))
    assert inside.memory == 0
    assert outside.memory == pytest.approx(10**6 * 1.4e-9)
    assert inside.core == outside.core


def test_counts_add_up() -> None:
    ones = OperatorCounts(*[1] * len(fields(OperatorCounts)))
    assert ones + replace(ones, macs_w8a8=4) == replace(OperatorCounts(*[2] * len(fields(ones))), macs_w8a8=5)
    assert ones.macs == 4
