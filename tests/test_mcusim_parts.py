"""Parts and cores: what ships, and what a wrong file is told."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mcusim.__main__ import main
from mcusim.catalogue import SHIPPED
from mcusim.cores import load_core
from mcusim.figures import Figure, Span, weakest
from mcusim.parts import load_part, part_names
from mcusim.silicon import clock
from refimpl.errors import InputError
from workbench.files.fields import line_numbers

PART = (SHIPPED / "parts" / "stm32h743.toml").read_text()


@pytest.mark.parametrize("name", part_names())
def test_every_shipped_part_loads_and_has_a_place_for_everything(name: str) -> None:
    part = load_part(name)
    assert part.clock_hz >= 25e6
    for purpose in ("arena", "image", "rows", "code"):
        assert purpose in part.region(purpose).purposes
    for figure in part.figures():
        assert figure.source


@pytest.mark.parametrize(
    ("name", "core", "megahertz", "sizes"),
    [
        ("stm32h743", "cortex-m7", 480, {"axi-sram": 512, "nvm": 2048}),
        ("stm32h7s7", "cortex-m7", 500, {"sram": 640, "nvm": 64}),
        ("stm32n657", "cortex-m55", 800, {"sram": 4300}),
        ("stm32u5g9", "cortex-m33", 160, {"sram": 3008, "backup-sram": 16, "nvm": 4096}),
        ("imxrt1062", "cortex-m7", 600, {"ocram": 768, "dtcm": 128, "itcm": 128}),
        (
            "imxrt1176",
            "cortex-m7",
            1000,
            {
                "ocram": 1024,
                "dtcm": 256,
                "ocram-m4": 256,
                "itcm": 256,
                "sdram": 65536,
                "octal": 65536,
                "qspi": 16384,
            },
        ),
        ("imxrt798", "cortex-m33", 325, {"sram": 7680}),
        ("rp2350", "cortex-m33", 150, {"sram": 520, "flash": 4096}),
        ("esp32s3-n16r8", "xtensa-lx7", 240, {"sram": 512, "psram": 8192, "flash": 16384}),
        ("esp32p4", "esp32p4-riscv", 400, {"sram": 768, "flash": 16384}),
        ("alif-e7", "cortex-m55", 400, {"sram0": 4096, "sram1": 2560, "dtcm": 1024, "mram": 5632}),
        ("alif-e3", "cortex-m55", 400, {"sram0": 4096, "sram1": 2560, "dtcm": 1024, "mram": 5632}),
        ("alif-e8", "cortex-m55", 400, {"sram0": 4096, "sram1": 4096, "dtcm": 1024, "mram": 5632}),
        ("nrf52840", "cortex-m4", 64, {"sram": 256, "nvm": 1024}),
        ("stm32l4r5", "cortex-m4", 120, {"sram1": 192, "sram2": 64, "sram3": 384, "nvm": 2048}),
        ("nrf54l15", "cortex-m33", 128, {"sram": 256, "rram": 1524}),
        ("nrf5340", "cortex-m33", 128, {"sram": 512, "nvm": 1024}),
        ("ra8d1", "cortex-m85", 480, {"sram": 896, "dtcm": 64, "itcm": 64, "nvm": 2016}),
        ("mcxn947", "cortex-m33", 150, {"ram": 416, "ramx": 96, "nvm": 2048}),
        ("stm32f746", "cortex-m7", 216, {"sram1": 240, "dtcm": 64, "sram2": 16, "nvm": 1024}),
        ("rp2040", "cortex-m0plus", 133, {"sram": 256, "scratch-x": 4, "flash": 2048}),
        ("max78000", "cortex-m4", 100, {"sram0": 32, "sram1": 32, "sram2": 48, "sram3": 16, "nvm": 512}),
        ("apollo4", "cortex-m4", 192, {"tcm": 384, "ssram": 1024, "extended": 384, "mram": 2048}),
        ("gap9", "gap9-cluster", 400, {"l1": 128, "l2": 1536, "nvm": 2048}),
        ("apollo510", "cortex-m55", 250, {"ssram": 3072, "itcm": 256, "dtcm": 512, "mram": 4096}),
        ("generic-4mb", "cortex-m7", 480, {"nvm": 4096}),
        ("generic-8mb", "cortex-m55", 400, {"nvm": 8192}),
        ("mps2-an500", "cortex-m7-rr", 25, {"data": 512, "code": 512, "flash": 8192}),
        ("mps3-an547", "cortex-m55-rr", 32, {"data": 512, "code": 512, "flash": 8192}),
        ("qemu-virt-rv32", "rv32-rr", 25, {"data": 512, "code": 512, "flash": 8192}),
    ],
)
def test_parts_have_the_collected_numbers(
    name: str, core: str, megahertz: int, sizes: dict[str, int]
) -> None:
    part = load_part(name)
    regions = {region.name: region.bytes // 1024 for region in part.regions}
    assert (part.core.name, part.clock_hz) == (core, megahertz * 1e6)
    assert {key: regions[key] for key in sizes} == sizes


@pytest.mark.parametrize(
    "name",
    [
        "stm32h743", "stm32f746", "stm32l4r5", "stm32u5g9", "nrf52840", "nrf5340", "rp2040", "rp2350",
        "imxrt1062", "esp32s3-n16r8",
    ],
)  # fmt: skip
def test_at_most_a_fifth_of_the_figures_of_a_part_people_own_is_assumed(name: str) -> None:
    part = load_part(name)
    stated = [figure for r in part.regions for key, figure in r.figures.items() if key != "energy"]
    assumed = [figure for figure in (part.clock, *stated) if figure.basis == "assumed"]
    assert len(assumed) <= 0.2 * (1 + len(stated)), [figure.source for figure in assumed]


@pytest.mark.parametrize(
    ("part", "region", "megabytes"),
    [
        ("stm32h743", "flash", 54), ("stm32h7s7", "flash", 400), ("imxrt798", "xspi", 1000),
        ("rp2350", "flash", 25), ("esp32s3-n16r8", "flash", 40), ("esp32s3-n16r8", "psram", 160),
        ("esp32p4", "psram", 800),
    ],
)  # fmt: skip
def test_external_memories_reach_the_collected_peak_rates(part: str, region: str, megabytes: float) -> None:
    (found,) = (r for r in load_part(part).regions if r.name == region)
    assert found.read == megabytes * 1e6


def test_counted_kernels_agree_with_the_collected_figures_at_512_inputs_and_64_outputs() -> None:
    """Those came from another build and number of tokens: 5 percent."""
    table = {
        "cortex-m3": {"fc_s8_per_tensor": 3.45, "fc_s8_per_channel": 3.46, "fc_s4_per_tensor": 5.09},
        "cortex-m4": {"fc_s8_per_tensor": 1.97, "fc_s8_per_channel": 1.99, "fc_s4_per_tensor": 4.97,
                      "conv_1x1_s8": 1.66, "conv_1x1_s4": 3.07},
        "cortex-m7": {"fc_s8_per_tensor": 1.97, "fc_s8_per_channel": 1.99, "fc_s4_per_tensor": 4.97,
                      "conv_1x1_s8": 1.66, "conv_1x1_s4": 3.11},
        "cortex-m55": {"fc_s8_per_tensor": 0.496, "fc_s8_per_channel": 0.503, "fc_s4_per_tensor": 0.417,
                       "conv_1x1_s8": 0.2, "conv_1x1_s4": 0.312},
    }  # fmt: skip
    for name, rows in table.items():
        kernels = load_core(name).kernels
        for kernel, value in rows.items():
            figure = kernels[kernel].instructions_per_mac
            assert figure.basis == "measured"
            assert figure.value == pytest.approx(value, rel=0.05)


def test_the_weakest_basis_is_named() -> None:
    measured, read = Figure(1, "measured", "a"), Figure(2, "datasheet", "b")
    guessed = Span(1, 2, "assumed", "c")
    assert weakest([measured, read]) is read
    assert weakest([measured, guessed, read]) is guessed
    assert weakest(load_part("stm32h743").figures()).basis == "assumed"


@pytest.mark.parametrize(
    ("name", "milliamperes", "volts"),
    [("stm32h743", 110, 3.3), ("stm32l4r5", 112 * 0.12, 3), ("nrf52840", 3.3, 3), ("nrf54l15", 2.6, 3)],
)  # fmt: skip
def test_a_run_current_is_that_of_the_data_sheet_at_the_clock_of_the_part(
    name: str, milliamperes: float, volts: float
) -> None:
    part, boards = load_part(name), clock().by_data_sheet
    assert part.run_current is not None
    picojoules = milliamperes * 1e-3 * volts / part.clock_hz * 1e12
    assert part.run_current.picojoules == pytest.approx(picojoules, rel=0.002)
    low, high = part.picojoules_per_cycle.low, part.picojoules_per_cycle.high
    assert low * high == pytest.approx((picojoules * boards.middle) ** 2, rel=0.02)
    assert part.picojoules_per_cycle.factor == pytest.approx(boards.factor, rel=0.01)


def test_energy_rests_on_the_weakest_of_run_current_supply_and_fit_and_no_more_on_the_core_file() -> None:
    for name, basis in (("stm32h743", "fitted"), ("nrf54l15", "assumed"), ("rp2040", "assumed")):
        part = load_part(name)
        named = [figure for said, figure in part.named_figures() if said == "pJ a cycle"]
        assert named == [part.picojoules_per_cycle]
        assert part.picojoules_per_cycle.basis == basis
        assert (part.run_current is None) == (part.picojoules_per_cycle is part.core.picojoules_per_cycle)


def test_the_banks_of_an_alif_e7_add_up_to_its_memory() -> None:
    banks = [r.bytes for r in load_part("alif-e7").regions if r.kind == "sram"]
    of_the_other_core = 2 * 256 * 1024
    assert sum(banks) + of_the_other_core == 13.5 * 2**20


def test_the_last_bytes_that_an_erratum_takes_are_not_there() -> None:
    (flash,) = (r for r in load_part("stm32h743").regions if r.name == "flash")
    assert flash.bytes == 128 * 2**20 - 32
    assert flash.figures["size"].count == 128 * 2**20


def planned(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """The exit code of ``mcusim plan`` and its report in one line."""
    code = main(["plan", *arguments])
    return code, " ".join(capsys.readouterr().out.split())


@pytest.mark.slow
@pytest.mark.parametrize("name", part_names())
def test_every_part_plans_the_default_network(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, printed = planned(capsys, "--part", name)
    assert code == 0
    assert "Chosen (*): the fastest that fits" in printed


def test_a_small_part_with_banks_plans_the_default_network_and_refuses_a_large_one_in_a_sentence(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert planned(capsys, "--part", "max78000")[0] == 0
    code, printed = planned(capsys, "sudoku-mlp-int4", "--part", "max78000")
    assert code == 1
    assert "max78000 holds no plan within 4,194,304 bytes: the smallest needs" in printed


def test_an_unknown_part_suggests_the_nearest() -> None:
    with pytest.raises(InputError, match="did you mean 'stm32h743'"):
        load_part("stm32h734")


def test_the_arena_goes_to_the_first_region_that_is_large_enough() -> None:
    part = load_part("stm32n657")
    assert part.region("arena", 4_000_000).name == "sram"
    assert part.region("arena", 5_000_000).name == "psram"
    assert part.region("arena", 2**40).name == "psram"


@pytest.mark.parametrize(
    ("old", "new", "line_of", "sentence"),
    [
        ('clock = { value = "480 MHz"', 'clock = { value = "480 mhz"', "clock =",
         "write for example '480 MHz'"),
        ('clock = { value = "480 MHz"', "clock = { value = 480", "clock =",
         "clock.value is 480; it must be a text"),
        ('clock = { value = "480 MHz", basis = "datasheet",', 'clock = { value = "480 MHz",', "clock =",
         "clock.basis is missing"),
        ('core = "cortex-m7"', 'core = "cortex-m77"', "core =", "did you mean 'cortex-m7'"),
        ('title = ', 'titel = ', "titel", "title is missing"),
        ('name = "itcm"', 'name = "itcm"\nsizes = 1', "sizes",
         "there is no key memory[2].sizes; did you mean 'size'"),
        ('name = "dtcm"\nkind = "sram"', 'name = "dtcm"\nkind = "dram"', 'kind = "dram"',
         "did you mean 'sram'"),
        ('name = "axi-sram"', 'name = "dtcm"', "[[memory]]", "two memories share a name"),
        ('lanes = { value = 4', 'lanes = { value = 3', "lanes",
         "memory[8].interface.lanes is 3; it must be one of"),
        ('access = "dma"', 'access = "DMA"', "access", "memory[8].interface.access is 'DMA'"),
        ('holds = ["code"]', 'holds = ["weights"]', 'holds = ["weights"]',
         "it must list some of arena, image"),
        ('edges = { value = 1', 'edges = { value = 1.5', "edges", "must be a whole number"),
        ('nanojoules_per_byte = { value = 1.4', 'nanojoules_per_byte = { value = -1',
         "nanojoules_per_byte = { value = -1",
         "must be a number above 0"),
        ('supply_volts = { value = 3.3', 'supply_volts = { value = 3300', "supply_volts",
         "supply_volts is 3300; it must be from 0.5 to 6."),
        ('microamperes_per_megahertz = { value = 229.2', 'microamperes_per_megahertz = { value = 0.11',
         "microamperes_per", "microamperes_per_megahertz is 0.11; it must be from 1 to 10,000."),
        ('supply_volts', 'volts', "microamperes_per",
         "microamperes_per_megahertz and supply_volts go together; there is only microamperes_per"),
    ],
)  # fmt: skip
def test_a_wrong_file_gets_a_sentence_with_file_and_line(
    tmp_path: Path, old: str, new: str, line_of: str, sentence: str
) -> None:
    assert old in PART
    text = PART.replace(old, new, 1)
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        load_part("mine", tmp_path)
    wanted = next(i for i, line in enumerate(text.splitlines(), 1) if line_of in line)
    assert sentence in str(caught.value)
    assert str(caught.value).startswith(f"{path} line {wanted}: ")


@pytest.mark.parametrize("source", ['source = ""', 'source = " "', "source = 3"])
def test_a_number_without_a_source_is_refused(tmp_path: Path, source: str) -> None:
    clock = f'clock = {{ value = "480 MHz", basis = "assumed", {source} }}'
    lines = [clock if line.startswith('clock = { value = "480') else line for line in PART.splitlines()]
    (tmp_path / "mine.toml").write_text("\n".join(lines))
    with pytest.raises(InputError, match=r"line [45]: clock\.source is"):
        load_part("mine", tmp_path)


def test_broken_toml_and_a_taken_name_are_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("kind = 'part'\nclock = oops\n")
    with pytest.raises(InputError, match=r"mine\.toml is not valid TOML: .*line 2"):
        part_names(tmp_path)
    (tmp_path / "mine.toml").unlink()
    (tmp_path / "stm32h743.toml").write_text(PART)
    with pytest.raises(InputError, match="there is a part 'stm32h743' already"):
        part_names(tmp_path)
    with pytest.raises(InputError, match="does not exist"):
        part_names(tmp_path / "nowhere")


def test_lines_of_keys_are_found_inside_tables_and_arrays() -> None:
    text = 'a = 1\n[b.c]\nd = 2\n[[e]]\nf = 3\n[[e]]\nf = 4\n[e.g]\n"h" = 5\n'
    lines = line_numbers(text)
    assert lines[("a",)] == 1
    assert lines[("b", "c", "d")] == 3
    assert lines[("e", 0, "f")] == 5
    assert lines[("e", 1, "f")] == 7
    assert lines[("e", 1, "g", "h")] == 9


def test_a_core_says_what_outputs_cost_in_one_of_two_places(tmp_path: Path) -> None:
    """A kernel of its own accord, or ``requantize`` for those that do not say."""
    (tmp_path / "cores").mkdir()
    text = (SHIPPED / "cores" / "cortex-m7.toml").read_text()
    kernel = text.index("[kernels.conv_1x1_s8]")
    line = re.search(r"^output = .*\n", text[kernel:], re.MULTILINE)
    assert line is not None
    silent = text[:kernel] + text[kernel:].replace(line[0], "", 1)
    (tmp_path / "cores" / "mine.toml").write_text(silent)
    with pytest.raises(InputError, match=r"kernel conv_1x1_s8 says no output: instructions\.requantize must"):
        load_core("mine", tmp_path)
    figure = 'requantize = { value = 20, basis = "assumed", source = "x" }'
    said = silent.replace("[instructions]\n", f"[instructions]\n{figure}\n")
    (tmp_path / "cores" / "mine.toml").write_text(said)
    assert load_core("mine", tmp_path).macs["w8a8"].output(20.0) == 20.0
