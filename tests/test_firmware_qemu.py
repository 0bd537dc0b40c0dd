"""The firmware on emulated Cortex-M7 and Cortex-M55: whole puzzles, every CRC equal; bytes as predicted."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from cross_tools import require
from test_firmware_host import FIRMWARE, make

from workbench.vectors.files import DEFAULT_GOLDEN as GOLDEN

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
    rules = [line for line in printed[:-1] if line.startswith(f"{network}-w4c-")]
    assert len(rules) == (4 if network == "sudoku9-mlp" else 0)
    assert all(", 0 differences" in line for line in rules)
    passed = [line.split() for line in printed[:-1] if line not in rules]
    assert len(passed) == len(list((GOLDEN / "ops").glob("*.json")))
    assert all(words[1] == words[3] and words[4:] == ["cases", "pass"] for words in passed)


def flash_table(text: str) -> list[str]:
    """The rows of the first table: bytes, which no compiler changes."""
    return [line for line in text.partition("## Linears")[0].splitlines() if line.startswith("| m")]


def test_the_validation_page_is_printed_anew_with_the_same_bytes(tmp_path: Path) -> None:
    """Equal bytes and instructions within 5 % are conditions of printing it (firmware/validation.py)."""
    require(*TOOLS, "riscv64-unknown-elf-gcc", "qemu-system-riscv32")
    make(tmp_path, "validation", f"PYTHON={sys.executable}", f"VALIDATION={tmp_path}/printed.md")
    printed = (tmp_path / "printed.md").read_text()
    assert flash_table(printed) == flash_table((FIRMWARE.parent / "docs" / "validation.md").read_text())
    assert len(flash_table(printed)) == 11
