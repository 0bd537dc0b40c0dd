"""Exported programs on emulated boards: green self-tests, totals as the linker has them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from mcusim.__main__ import main
from mcusim.account import CODE, STACK, STATICS
from mcusim.elf import read_elf
from tests.cross_tools import require
from tests.exports import export, make
from workbench.networks import seeded_tokens
from workbench.presets import PRESETS

sys.path.insert(0, str(Path(__file__).parents[1] / "firmware"))
from programs import stack_of

pytestmark = [pytest.mark.cross, pytest.mark.slow]
ARM = ("make", "arm-none-eabi-gcc", "qemu-system-arm")
TOOLS = {"m7": ARM, "m55": ARM, "rv32": ("make", "riscv64-unknown-elf-gcc", "qemu-system-riscv32")}
PART = "mps2-an500"
TOUCHED = re.compile(r"arena \S+: (\d+) of (\d+) bytes touched")
USED = re.compile(r"stack: (\d+) of (\d+) bytes used")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Exports of an MLP mixer, of attention with rotation, of an HRM, and of two programs."""
    out = tmp_path_factory.mktemp("exports")
    choices = {
        "mlp": ["--part", PART],
        "rope": ["--model", "sudoku9-rope", "--weights", "w8c"],
        "hrm": ["--model", "sudoku9-hrm", "--carry", "c8", "--plan", "least"],
        "pair": ["--model", "sudoku6-mlp", "--weights", "w4g32-a8p16", "--steps", "2", "--stop",
                 "head+settled,t=140,more=2,by=w8c"],
        "online": ["--model", "sudoku6-mlp", "--weights", "w8c-a8d"],  # its stack is half of the vectors
    }
    return {name: export(out / name, *words, "--puzzle", "0") for name, words in choices.items()}


def test_from_export_to_a_green_self_test_on_this_computer_takes_less_than_a_minute(tmp_path: Path) -> None:
    require("make", "gcc")
    start = time.monotonic()
    status, said = make(export(tmp_path / "out", "--puzzle", "0"), "selftest")
    assert status == 0
    assert "PASS: 1 puzzles of at most" in said
    assert time.monotonic() - start < 60


@pytest.mark.parametrize("board", ["m7", "m55", "rv32"])
@pytest.mark.parametrize("network", ["mlp", "rope", "hrm", "online", "pair"])
def test_the_self_test_is_green_in_the_arena_and_the_stack_that_were_planned(
    network: str, board: str, folders: dict[str, Path]
) -> None:
    require(*TOOLS[board])
    status, said = make(folders[network], board, *["STEPS=1"] * (network != "pair"))
    assert status == 0, said
    assert "PASS: 1 puzzles of at most" in said
    for touched, planned in TOUCHED.findall(said):
        assert touched == planned
    used, reserve = (int(number) for number in USED.findall(said)[0])
    bound = stack_of(folders[network], board, "selftest")
    assert used <= bound <= reserve
    assert bound - used <= 256


@pytest.mark.parametrize("board", ["m0plus", "m3", "m4", "m33"])
def test_what_is_compiled_for_other_cores_passes_on_the_larger_ones(
    board: str, folders: dict[str, Path]
) -> None:
    require(*ARM)
    status, said = make(folders["mlp"], board, "STEPS=1")
    assert status == 0, said
    assert "PASS: 1 puzzles of at most" in said


def sizes(elf: Path) -> dict[str, int]:
    """Section -> bytes, as ``size`` prints them."""
    done = subprocess.run(["arm-none-eabi-size", "-A", elf], capture_output=True, text=True, check=True)
    rows = (line.split() for line in done.stdout.splitlines())
    return {row[0]: int(row[1]) for row in rows if len(row) == 3 and row[0].startswith(".")}


def test_the_totals_of_the_report_are_those_of_the_linked_program_and_of_the_linker(
    folders: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """Memories of exactly the totals link and run; with a KiB less the link fails."""
    require(*ARM)
    folder = folders["mlp"]
    assert make(folder, "build/m7-selftest.elf", "STEPS=1")[0] == 0
    elf = folder / "build" / "m7-selftest.elf"
    asked = ["run", "--part", PART, "--elf", str(elf), "--no-fidelity", "--steps", "1", "--format", "json"]
    assert main(asked) == 0
    regions = {region["region"]: region for region in json.loads(capsys.readouterr().out)["regions"]}
    found = sizes(elf)
    in_ram = found[".data"] + found[".bss"] + found[".rr_stack"] + found[".rr_arena.data"]
    assert regions["data"]["used"] == in_ram
    assert regions["code"]["used"] == found[".text"] + found[".data"]
    assert regions["flash"]["used"] == found[".rr_image"]
    shares = {share["what"]: share["size"] for region in regions.values() for share in region["holds"]}
    assert shares[STACK] == found[".rr_stack"]
    assert shares[STATICS] == found[".data"] + found[".bss"]
    assert shares[CODE] == found[".text"] + found[".data"]
    totals = {"DATA": in_ram, "CODE": found[".text"] + found[".data"], "FLASH": found[".rr_image"]}
    exact = [f"{name}={size}" for name, size in totals.items()]
    status, said = make(folder, "m7", "STEPS=1", *exact)
    assert status == 0, said
    for name, size in totals.items():
        status, said = make(folder, "m7", "STEPS=1", *exact, f"{name}={size - 1024}")
        assert status != 0
        assert "overflowed" in said or "will not fit in region" in said


def test_the_program_alone_is_small(folders: dict[str, Path]) -> None:
    require("make", "arm-none-eabi-gcc")
    for folder in folders.values():
        assert make(folder, "build/m7-solve.elf", "PROGRAM=solve")[0] == 0
        found = sizes(folder / "build" / "m7-solve.elf")
        assert found[".text"] <= 24 * 1024
        assert found[".data"] + found[".bss"] <= 8 * 1024
        assert stack_of(folder, "m7", "solve") <= 1536


def test_a_program_of_another_plan_is_refused(
    folders: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    require("make", "arm-none-eabi-gcc")
    assert make(folders["mlp"], "build/m7-solve.elf", "PROGRAM=solve")[0] == 0
    elf = folders["mlp"] / "build" / "m7-solve.elf"
    assert read_elf(elf).symbol("rr_solve") is not None
    assert main(["run", "--part", PART, "--elf", str(elf), "--plan", "least", "--no-fidelity"]) == 2
    assert "the plan of this run needs" in capsys.readouterr().err


def test_cmake_builds_and_runs_the_self_test(folders: dict[str, Path]) -> None:
    require("cmake", "gcc")
    folder = folders["hrm"]
    build = folder / "cmake"
    for command in (["cmake", "-S", folder, "-B", build], ["cmake", "--build", build],
                    ["ctest", "--test-dir", build]):  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def test_a_step_of_the_paper_sized_maze_on_an_emulated_cortex_m7_is_the_reference(tmp_path: Path) -> None:
    """916 tokens, seeded weights and tokens, one outer cycle: five calls; about a minute of the emulator."""
    require(*ARM)
    np.savez(tmp_path / "one.npz", inputs=seeded_tokens(PRESETS["trm-att-maze"])[None], puzzle_ids=[0])
    folder = export(tmp_path / "out", "--model", "trm-att-maze", "--weights", "w4c", "--carry", "int8",
                    "--budget", "8MB", "--H-cycles", "1", "--steps", "1", "--stop", "fixed",
                    "--data", str(tmp_path / "one.npz"))  # fmt: skip
    status, said = make(folder, "m7", "STEPS=1")
    assert status == 0, said
    assert "PASS: 1 puzzles of at most 5 calls" in said
    ((touched, planned),) = TOUCHED.findall(said)
    assert touched == planned
