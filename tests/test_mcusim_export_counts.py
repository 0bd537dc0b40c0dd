"""A plan on emulated boards: states are the reference's, bytes of flash and instructions as predicted."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from cross_tools import require

from mcusim.asked import Asked
from mcusim.checks import checked_part
from mcusim.laid import lay
from mcusim.planner.ledger import Ledger
from mcusim.planner.plan import Plan
from workbench.checkpoints.networks import list_networks

sys.path.insert(0, str(Path(__file__).parents[1] / "firmware"))
from core_rows import USED
from counted import Phases
from export_counts import PARTS, built_plugin, one_step, phases, predicted

pytestmark = [pytest.mark.cross, pytest.mark.slow]
ARM = ("make", "gcc", "arm-none-eabi-gcc", "qemu-system-arm")
TOOLS = dict.fromkeys(USED, ARM) | {"rv32": ("make", "gcc", "riscv64-unknown-elf-gcc", "qemu-system-riscv32")}
PLANS = ("least", "chosen", "traffic")
Count = Callable[[Asked, str], Phases]


def named(asked: Asked) -> str:
    return "-".join(map(str, (asked.model, asked.plan, asked.weights, asked.stop, asked.check_tiles)))


@pytest.fixture(scope="module")
def count(tmp_path_factory: pytest.TempPathFactory) -> Count:
    """What a board counts of an export; exports and counts are kept for the module's other tests."""
    require("gcc")
    folder = tmp_path_factory.mktemp("counted")
    plugin = built_plugin(folder)

    def counted(asked: Asked, board: str) -> Phases:
        require(*TOOLS[board])
        return phases(asked, board, plugin, folder / named(asked))

    return counted


def phases_of(plan: Plan) -> dict[str, Ledger]:
    """What the plugin tells apart: before the calls, the calls of a step, asking the stop rule, the heads."""
    phases = {"start": plan.start, "call": plan.work(plan.config.order.per_step), "heads": plan.heads}
    return phases | ({"asking": plan.asking} if plan.config.stop.kind != "fixed" else {})


def bytes_of(plan: Plan, ledger: Ledger) -> int:
    return ledger.code_bytes + ledger.constant_bytes + plan.row_bytes(ledger)


@pytest.mark.parametrize("board", PARTS)
@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize("network", list_networks())
def test_states_are_the_references_and_bytes_of_flash_those_that_were_planned(
    network: str, plan: str, board: str, count: Count
) -> None:
    asked = one_step(network, plan)
    found, planned = count(asked, board), lay(asked).plan
    wanted = {name: bytes_of(planned, ledger) for name, ledger in phases_of(planned).items()}
    assert {name: found.flash_bytes[name] for name in wanted} == wanted


def calls(asked: Asked, board: str) -> float:
    """Instructions that are predicted for the calls of the step."""
    plan = lay(asked).plan
    return predicted(plan, plan.work(plan.config.order.per_step), PARTS[board])


@pytest.mark.parametrize("board", PARTS)
@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize("network", list_networks())
def test_instructions_of_a_step_are_within_5_percent_of_the_plans(
    network: str, plan: str, board: str, count: Count
) -> None:
    asked = one_step(network, plan)
    assert calls(asked, board) == pytest.approx(count(asked, board).instructions["call"], rel=0.05)


@pytest.mark.parametrize("weights", ["w4c", "w8c"])
def test_checking_every_tile_takes_at_most_2_percent_of_a_step_on_cortex_m7_as_predicted(
    weights: str, count: Count
) -> None:
    """Under the plan that fetches most."""
    plain = one_step("sudoku9-mlp", "least", weights, "fixed")
    checked = replace(plain, check_tiles=True)
    before, after = (count(one, "m7").instructions["call"] for one in (plain, checked))
    plan, part = lay(plain).plan, PARTS["m7"]
    work, more = plan.work(plan.config.order.per_step), after - before
    assert 0 < more <= 0.02 * before
    expected = predicted(plan, work, checked_part(part)) - predicted(plan, work, part)
    assert expected == pytest.approx(more, rel=0.05)


# Fitted to sudoku6-mlp, not on Cortex-M0+; Helium's 16-bit products are the least well described.
NEAR = dict.fromkeys(USED, 0.05) | {"m55": 0.12, "rv32": 0.05}
BLOCKS = ("w4a", "w4g32", "w4g16s", "mxint4", "w4c-a16", "w4c-a8p16", "w8c-a8d", "w4g32-amx")


@pytest.mark.parametrize("board", PARTS)
@pytest.mark.parametrize("format", BLOCKS)
@pytest.mark.parametrize("network", ["sudoku6-mlp", "sudoku9-rope"])
def test_instructions_of_block_and_online_linears_are_near_the_plans(
    network: str, format: str, board: str, count: Count
) -> None:
    asked = one_step(network, "chosen", format, "fixed")
    assert calls(asked, board) == pytest.approx(count(asked, board).instructions["call"], rel=NEAR[board])
