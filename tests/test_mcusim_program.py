"""A program's code, statics and stack come from builds and are charged to the memories that hold them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from test_emit import FORMATS_IN_C

from mcusim.__main__ import main
from mcusim.account import CODE, STACK, STATICS
from mcusim.asked import Asked
from mcusim.cores import Target
from mcusim.kernels import rooms_of
from mcusim.laid import lay
from mcusim.parts import load_part
from mcusim.planner.notation import describe
from mcusim.planner.target import target_of
from mcusim.program import (
    builds,
    kernels_of,
    program_of,
    retry_tables,
    with_retries,
)
from refimpl.formats import parse_format
from workbench.networks import find_network
from workbench.presets import preset

KIB = 1024
NAMED = "sudoku9-mlp-int4"
KERNELS = "mlp-rows-int16"
TARGETS = {build.target for build in builds()[0]}
ROOMS = rooms_of(find_network("sudoku9-mlp").config, parse_format("w4c"))
AN500 = Path(__file__).parents[1] / "mcusim" / "data" / "parts" / "mps2-an500.toml"


def small_part(folder: Path, kib: int) -> Path:
    """A data folder with the AN500 board cut down to ``kib`` KiB of SRAM, called ``small``."""
    text = AN500.read_text()
    assert text.count('value = "512 KiB"') == 2
    (folder / "small.toml").write_text(text.replace('value = "512 KiB"', f'value = "{kib} KiB"'))
    return folder


def test_statics_and_stack_stand_beside_the_arena_in_sram() -> None:
    part = load_part("mps2-an500")
    program = program_of(part, KERNELS, ROOMS)
    target = target_of(part, 100_000, program)
    (room,) = target.rooms
    assert room.bytes == 512 * KIB - program.statics.count - program.stack.count
    assert target.code.name == "code"
    assert target.data.name == "data"


def test_the_program_goes_to_memory_that_keeps_it_and_its_data_to_the_fastest_sram() -> None:
    part = load_part("stm32h743")
    target = target_of(part, 100_000, program_of(part, KERNELS, ROOMS))
    assert (target.code.name, target.data.name) == ("nvm", "dtcm")


def test_rows_are_read_from_the_image_unless_some_stand_outside() -> None:
    part = load_part("stm32h743")
    program = program_of(part, KERNELS, ROOMS)
    assert target_of(part, 100_000, program).memories.rows.name == "nvm"
    assert target_of(part, 100_000, program, outside=5_000).memories.rows.name == "flash"


def test_a_measured_program_says_so_and_a_stand_in_is_assumed() -> None:
    part = load_part("stm32h743")
    assert program_of(part, KERNELS, ROOMS).code.basis == "measured"
    elsewhere = replace(part, core=replace(part.core, program=Target("no such target", "measured")))
    stand_in = program_of(elsewhere, KERNELS, ROOMS)
    assert stand_in.code.basis == "assumed"
    assert stand_in.code.count == max(build.code for build in builds()[0])
    assert program_of(load_part("esp32s3-n16r8"), KERNELS, ROOMS).stack.basis == "assumed"


def test_every_core_names_a_target_and_every_program_has_bytes() -> None:
    rows, _, compiler = builds()
    assert compiler.startswith("arm-none-eabi-gcc")
    assert len(rows) == len({(row.target, row.kernels) for row in rows})
    assert min(min(row.code, row.stack) for row in rows) > 0


def test_a_part_too_small_is_refused_by_name_of_what_it_holds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program = program_of(load_part("mps2-an500"), KERNELS, ROOMS)
    folder = small_part(tmp_path, 36)
    asked = ["run", NAMED, "--part", "small", "--catalogue", str(folder), "--no-fidelity", "--full"]
    assert main(asked) == 1
    said = " ".join(capsys.readouterr().out.split())
    assert f"{STATICS} {program.statics.count:,}, {STACK} {program.stack.count:,}" in said


def shares_of(said: dict[str, object], region: str) -> dict[str, int]:
    (found,) = (r for r in said["regions"] if r["region"] == region)  # type: ignore[attr-defined]
    return {share["what"]: share["size"] for share in found["holds"]}


def test_a_report_charges_the_program_to_its_regions(capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["run", NAMED, "--part", "mps2-an500", "--no-fidelity", "--steps", "1", "--format", "json"]
    assert main(asked) == 0
    said = json.loads(capsys.readouterr().out)
    program = program_of(load_part("mps2-an500"), KERNELS, ROOMS)
    assert shares_of(said, "code") == {CODE: program.code.count}
    data = shares_of(said, "data")
    assert (data[STATICS], data[STACK]) == (program.statics.count, program.stack.count)


def test_the_verdict_says_which_memories_are_used_and_what_the_internal_ones_hold_alone(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["run", "--part", "stm32h743", "--no-fidelity", "--steps", "1", "--full"]) == 0
    assert "no external memory" in " ".join(capsys.readouterr().out.split())
    assert main(["run", "--part", "stm32h743", "--model", "trm-mlp-sudoku", "--full"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "external flash (assumed, 128.00 MiB); internal memory alone does not fit." in said


def test_a_program_is_the_measured_row_of_its_target_and_kernels() -> None:
    (row,) = (build for build in builds()[0] if (build.target, build.kernels) == ("cortex-m7", KERNELS))
    program = program_of(load_part("mps2-an500"), KERNELS, ROOMS)
    found = program.code.count, program.statics.count, program.stack.count
    statics = row.statics + ROOMS.staged * row.staged
    assert found == (row.code, statics, row.stack)
    assert program.bytes == row.code + statics + row.stack
    assert program.in_sram == statics + row.stack


@pytest.mark.parametrize("network", ["sudoku9-mlp", "maze10-att"])
def test_retries_are_charged_as_they_were_linked(network: str) -> None:
    part, config = load_part("mps2-an500"), find_network(network).config
    (row,) = (one for one in builds()[1] if (one.target, one.rules) == ("cortex-m7", config.task))
    format = parse_format("w4c")
    bare = program_of(part, kernels_of(config, format), rooms_of(config, format))
    assert with_retries(bare, part, config, 0) == bare
    found = with_retries(bare, part, config, 3)
    assert found.code.count - bare.code.count == row.code + retry_tables(config, 3)
    assert 0 <= found.statics.count - bare.statics.count - row.room * config.seq_len < 16
    assert found.stack.count == bare.stack.count + row.stack
    assert {figure.basis for _, figure in found.named_figures()} == {"measured"}


def test_a_run_with_retries_is_charged_what_the_export_with_retries_links() -> None:
    choices = {"model": "sudoku9-mlp", "part": "mps2-an500", "stop": "head"}
    once, again = (lay(Asked(**choices, retries=n)) for n in (0, 2))
    assert with_retries(once.target.program, once.part, once.config, 2) == again.target.program


@pytest.mark.parametrize("name", FORMATS_IN_C)
def test_every_format_with_c_has_a_measured_program(name: str) -> None:
    part = load_part("stm32h743")
    for network in ("sudoku9-mlp", "sudoku9-rope", "sudoku9-hrm"):
        for carry in ("c16", "c8"):
            config, format = find_network(network).config, parse_format(f"{name}-{carry}")
            found = program_of(part, kernels_of(config, format), rooms_of(config, format))
            assert {figure.basis for _, figure in found.named_figures()} == {"measured"}


LARGE = {"attention": "trm-att-arc", "mlp": "trm-mlp-sudoku"}
LINEARS = ("w4c", "w8c", "w4a", "w4g32", "mxint4", "w4c-a8p16", "w4c-a16", "w8c-a8d", "w4g32-amx")


@pytest.mark.parametrize("mixer", LARGE)
@pytest.mark.parametrize("linear", LINEARS)
@pytest.mark.parametrize("carry", ["c16", "c8"])
def test_code_statics_and_stack_of_every_program_keep_to_their_limits(
    mixer: str, linear: str, carry: str
) -> None:
    """With the longest rows of a published model: 1,536 hidden units, 916 tokens of attention."""
    config, format = preset(LARGE[mixer]), parse_format(f"{linear}-{carry}")
    rooms = rooms_of(config, format)
    rows = [row for row in builds()[0] if row.kernels == kernels_of(config, format)]
    assert {row.target for row in rows} == TARGETS
    for row in rows:
        assert row.code <= 24 * KIB
        assert row.statics + row.staged * rooms.staged + row.quantized * rooms.quantized <= 8 * KIB
        assert row.stack <= 1536


def test_a_deployment_fits_to_the_byte() -> None:
    asked = Asked(model="sudoku6-mlp", weights="w8c", budget="4MB")
    laid = lay(asked)
    asked = replace(asked, plan=describe(laid.plan.choices))
    everything = laid.held + laid.target.program.bytes + laid.plan.high_water
    assert lay(replace(asked, budget=f"{everything}B")).fits
    assert not lay(replace(asked, budget=f"{everything - 1}B")).fits


def test_an_arena_that_no_region_holds_does_not_fit_whatever_the_budget(tmp_path: Path) -> None:
    laid = lay(Asked(part="small", catalogue=small_part(tmp_path, 36), budget="4MB"))
    assert laid.target.image_fits
    assert not laid.fits


def test_image_and_code_share_a_memory_to_the_byte() -> None:
    part = load_part("generic-4mb")
    program, size = program_of(part, KERNELS, ROOMS), part.region("image").bytes
    assert target_of(part, size - program.code.count, program).image_fits
    assert not target_of(part, size - program.code.count + 1, program).image_fits


def test_an_image_that_no_memory_holds_does_not_fit_whatever_the_arena(tmp_path: Path) -> None:
    text = load_part("generic-4mb").path.read_text()
    for size in ("4 MiB", "32 MiB"):
        text = text.replace(f'"{size}"', '"128 KiB"')
    (tmp_path / "tiny.toml").write_text(text)
    laid = lay(Asked(part="tiny", catalogue=tmp_path, budget="4MB"))
    assert laid.plan.lay_out(laid.target) is not None
    assert not laid.fits
