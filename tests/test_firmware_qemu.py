"""The firmware on emulated Cortex-M7 and Cortex-M55: whole puzzles, every CRC equal; bytes as predicted."""

from __future__ import annotations

from pathlib import Path

import pytest
from cross_tools import require
from test_firmware_host import make

from refimpl.counting import count_step, total
from refimpl.networks import find_network

pytestmark = [pytest.mark.cross, pytest.mark.slow]
TOOLS = ("make", "gcc", "arm-none-eabi-gcc", "qemu-system-arm")
RUNS = ("m7-plain-sudoku9-mlp", "m7-dsp-sudoku9-mlp", "m7-dsp-sudoku9-att", "m55-mve-sudoku9-mlp",
        "m55-mve-sudoku9-att")  # fmt: skip


@pytest.mark.parametrize("run", RUNS)
def test_a_whole_puzzle_has_the_crcs_of_the_trace_and_all_vectors_pass(run: str, tmp_path: Path) -> None:
    require(*TOOLS)
    make(tmp_path, f"qemu-{run}")
    printed = (tmp_path / f"{run}.txt").read_text().splitlines()
    network = run.split("-", 2)[2]
    assert printed[-1].startswith(f"{network}-w4c: 96 calls, 0 differences")
    passed = [line.split() for line in printed[:-1]]
    assert len(passed) == 24
    assert all(words[1] == words[3] and words[4:] == ["cases", "pass"] for words in passed)


def flash_bytes(counts: Path) -> dict[str, int]:
    """Bytes read from the external-flash region in each phase."""
    phases: dict[str, int] = {}
    for line in counts.read_text().splitlines():
        phase, _, _, _, size = line.split("\t")
        phases[phase] = phases.get(phase, 0) + int(size)
    return phases


@pytest.mark.parametrize("run", ["m7-dsp-sudoku9-mlp", "m55-mve-sudoku9-att"])
def test_external_flash_is_read_exactly_as_often_as_counted(run: str, tmp_path: Path) -> None:
    require(*TOOLS)
    make(tmp_path, f"{tmp_path}/{run}.counts")
    step = count_step(find_network(run.split("-", 2)[2]).config)
    calls = [event for call in step.calls for event in call.events]
    expected = {
        phase: sum((e.counts.weight_elements * 4 + 7) // 8 for e in events)
        + total(e.counts for e in events).constant_bytes
        + total(e.counts for e in events).row_bytes
        for phase, events in (("start", step.start), ("call", calls), ("heads", step.heads))
    }
    measured = flash_bytes(tmp_path / f"{run}.counts")
    assert {phase: measured[phase] for phase in expected} == expected
