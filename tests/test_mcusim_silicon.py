"""The clock: fitted to published silicon, with an error bar from boards that the fit had not seen."""

from __future__ import annotations

from dataclasses import replace
from statistics import geometric_mean, median

import pytest

from mcusim.cores import load_core
from mcusim.parts import load_part, part_names
from mcusim.silicon import FLASH_BYTE, clock, clock_of, fitted, layer_instructions, load_silicon
from refimpl.errors import InputError

CORES = ("cortex-m3", "cortex-m4", "cortex-m33", "cortex-m7", "cortex-m7-rr", "cortex-m55", "cortex-m55-rr",
         "cortex-m85")  # fmt: skip


def test_an_anomaly_detector_has_the_published_macs_and_the_cycles_of_its_rate() -> None:
    by_board = {a.board: a for a in load_silicon().anchors}
    published = {"NUCLEO-H7A3ZI-Q": (1.93, 522), "NUCLEO-U575ZI-Q": (2.94, 154), "nRF5340-DK": (3.05, None),
                 "NUCLEO-L4R5ZI": (3.44, 581), "EK-RA8D1": (0.96, None), "EK-RA6M4": (3.49, 351)}  # fmt: skip
    for board, (cycles, picojoules) in published.items():
        anchor = by_board[board]
        assert anchor.cycles == pytest.approx(cycles, abs=0.006)
        assert (anchor.power is None) == (picojoules is None)
        if anchor.power is not None:
            assert anchor.power.published == pytest.approx(picojoules, abs=0.9)


def test_the_data_sheet_says_milliamperes_times_volts_over_megahertz() -> None:
    of = {a.board: a.power.data_sheet for a in load_silicon().anchors if a.power is not None}
    assert of["NUCLEO-H7A3ZI-Q"] == pytest.approx(33.5e-3 * 3.3 / 280e6 * 1e12, rel=1e-3)
    assert of["NUCLEO-U575ZI-Q"] == pytest.approx(10.5e-3 * 1.8 / 160e6 * 1e12, rel=1e-3)


def test_energy_by_the_data_sheet_is_within_a_factor_of_two_of_every_board_left_out() -> None:
    """A board of use "fit" by the other two, one of use "check" by all three; alike they are off by 3.6."""
    found, powered = clock(), [a for a in load_silicon().anchors if a.power is not None]
    ratio = {a.board: a.power.published / a.power.data_sheet for a in powered if a.power is not None}
    fit = [a.board for a in powered if a.use == "fit"]
    assert (len(fit), len(powered)) == (3, 4)
    for anchor, predicted in found.by_data_sheet.unseen:
        others = [ratio[board] for board in fit if board != anchor.board]
        assert anchor.power is not None
        assert predicted / anchor.power.data_sheet == pytest.approx(geometric_mean(others))
        off = max(predicted / anchor.power.published, anchor.power.published / predicted)
        assert off <= found.by_data_sheet.factor * (1 + 1e-12) < 2 < found.alike.factor
    assert found.by_data_sheet.middle == pytest.approx(geometric_mean(ratio[board] for board in fit))


def test_layers_cost_their_marginal_macs_their_outputs_and_their_calls() -> None:
    core = load_core("cortex-m4")
    one = layer_instructions(core, [(512, 64)])
    measured = core.kernels["fc_s8_per_tensor"].instructions_per_mac.value
    assert one == pytest.approx(measured * 512 * 64 + core.work["call"].value, rel=1e-12)
    assert layer_instructions(core, [(512, 64), (512, 64)]) == pytest.approx(2 * one, rel=1e-12)


def test_no_anchor_is_used_both_to_fit_and_to_check() -> None:
    anchors = load_silicon().anchors
    keys = [(a.board, a.layers) for a in anchors]
    assert len(set(keys)) == len(keys)
    assert {a.use for a in anchors} == {"fit", "check"}


def test_check_anchors_do_not_move_the_fit_and_a_left_out_board_does_not_move_its_own_prediction() -> None:
    silicon, found = load_silicon(), clock()
    wrong = tuple(
        replace(a, cycles=3 * a.cycles, power=a.power and replace(a.power, published=1.0))
        if a.use == "check" else a
        for a in silicon.anchors
    )  # fmt: skip
    again = clock_of(replace(silicon, anchors=wrong))
    assert again.cycles == found.cycles
    assert again.by_data_sheet.middle == found.by_data_sheet.middle
    for k, anchor in enumerate(silicon.anchors):
        if anchor.use == "fit":
            moved = list(silicon.anchors)
            moved[k] = replace(anchor, cycles=2 * anchor.cycles)
            again = clock_of(replace(silicon, anchors=tuple(moved)))
            [mine] = (p for p in again.unseen if p.anchor == moved[k])
            [before] = (p for p in found.unseen if p.anchor == anchor)
            assert mine.cycles == before.cycles


def test_without_anchors_the_prior_stands_and_with_exact_boards_the_fit_finds_their_cycles() -> None:
    silicon = load_silicon()
    middle = {name: (low * high) ** 0.5 for name, (low, high) in silicon.prior.items()}
    assert fitted(silicon, []) == pytest.approx(middle)
    true = {"single-issue": 1.2, "dual-issue": 0.9, "helium": 1.1, FLASH_BYTE: 0.6}
    exact = [replace(a, cycles=true[a.pipeline] * a.instructions + true[FLASH_BYTE] * a.flash_bytes)
             for a in silicon.anchors]  # fmt: skip
    assert fitted(replace(silicon, spread=1e-4), exact) == pytest.approx(true, rel=1e-3)


def test_boards_the_fit_had_not_seen_are_predicted_within_a_quarter() -> None:
    found = clock()
    assert len(found.unseen) == len(load_silicon().anchors)
    assert found.error == max(abs(p.off) for p in found.unseen) <= 0.25
    assert median(abs(p.off) for p in found.unseen) <= 0.20


@pytest.mark.parametrize("name", CORES)
def test_core_files_state_what_is_fitted(name: str) -> None:
    core, found = load_core(name), clock()
    cycles, picojoules = core.cycles_per_instruction, core.picojoules_per_cycle
    assert (cycles.low, cycles.high) == found.span(core.pipeline)
    assert (picojoules.low, picojoules.high) == found.energy_span
    assert cycles.basis == picojoules.basis == "fitted"


def test_internal_flash_of_the_parts_is_as_fast_as_fitted() -> None:
    found = {}
    for part in map(load_part, part_names()):
        for region in part.regions:
            if region.figures.get("read") is not None and region.figures["read"].basis == "fitted":
                found[part.name] = region.read / part.clock_hz
    assert {"stm32h743", "stm32u5g9", "alif-e7"} <= set(found)
    for rate in found.values():
        assert rate == pytest.approx(clock().flash_bytes_per_cycle, rel=0.01)


def test_one_board_is_too_few_to_leave_one_out() -> None:
    silicon = load_silicon()
    with pytest.raises(InputError, match="needs two boards"):
        clock_of(replace(silicon, anchors=silicon.anchors[:1]))
