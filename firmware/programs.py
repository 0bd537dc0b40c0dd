"""``mcusim/data/programs.toml``: what linked programs take, by target and set of kernels.

    python firmware/programs.py FOLDER      (make -C firmware programs)

Exports small networks of every set under their smallest plan, links for each target the smallest program that
solves one puzzle, and takes the largest figures.  Where a target has an emulator, the painted stack of the
self-test must stay within the bound.  FOLDER holds the exports and is not cleared.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections import defaultdict
from itertools import product
from pathlib import Path

from stack_bound import deepest, read_graph

from mcusim.__main__ import main as mcusim
from mcusim.elf import Elf, read_elf
from mcusim.export.bundle import TEST_STACK
from mcusim.kernels import QUANTIZED_ROWS, STAGE_END, Rooms, rooms_of
from mcusim.linked import charged
from mcusim.program import PATH, kernels_of, retry_room, retry_tables
from refimpl.formats import parse_format
from refimpl.models.config import ModelConfig
from workbench.networks import find_network

TOOLS = {"m0plus": "arm-none-eabi-", "m3": "arm-none-eabi-", "m4": "arm-none-eabi-", "m33": "arm-none-eabi-",
         "m7": "arm-none-eabi-", "m55": "arm-none-eabi-", "rv32": "riscv64-unknown-elf-"}  # fmt: skip
TARGETS = {"m0plus": "cortex-m0plus", "m3": "cortex-m3", "m4": "cortex-m4", "m33": "cortex-m33",
           "m7": "cortex-m7", "m55": "cortex-m55", "rv32": "rv32imc"}  # fmt: skip
EMULATED = ("m7", "m55", "rv32")
# Widths and blocks are arguments of the kernels, so a kind of linear needs one format.
ROWS, BLOCKS, ONLINE = "w4c", "w4c-a8p16", "w4g32-a8d"
BUILT = (("sudoku9-mlp", ROWS), ("sudoku9-rope", ROWS), ("sudoku9-hrm", ROWS), ("sudoku9-mlp", BLOCKS),
         ("sudoku9-hrm", BLOCKS), ("sudoku9-mlp", ONLINE), ("sudoku9-hrm", ONLINE))  # fmt: skip
CARRIES = ("c16", "c8")
PAINTED = ("w4c-a8-c8",)  # formats whose stack is painted on the emulators as well
PLAN = "least"  # its loops are the most, so its code is the largest
RETRIED = (("sudoku9-mlp", "w4c-a8-c16"), ("maze10-att", "w4c-a8-c16"))
RETRIES = 3
FIGURES = ("code", "statics", "staged", "quantized", "stack")
USED = re.compile(r"stack: (\d+) of (\d+) bytes used")
STACK_STEP = 16
HEAD = """\
# What a linked program takes beside image and arena, in bytes: the largest of the networks that
# firmware/programs.py exports, each under its smallest plan; 'make -C firmware programs' writes this file.
# code: .text, constants and the load copy of .data; statics: .data and .bss beside the arena, but for what
# each input of a row adds that is staged at once (staged) or that a linear quantizes itself (quantized);
# stack: the deepest chain of calls, from what GCC's -fcallgraph-info says of each function.
# retries: what rr_solve_accepted adds with the rules of a task; code without the tables of the relabellings,
# room: bytes of statics a token.
"""


def _make(folder: Path, *words: str) -> str:
    done = subprocess.run(["make", "-s", "-C", str(folder), *words], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"make -C {folder} {' '.join(words)}:\n{done.stdout}{done.stderr}")
    return done.stdout


def stack_of(folder: Path, target: str, program: str) -> int:
    """The bound of a linked program's stack, from its reset on."""
    build = folder / "build" / f"{target}-{program}"
    linked = frozenset(symbol.name for symbol in read_elf(build.with_suffix(".elf")).symbols)
    graph = read_graph(sorted(build.glob("*.ci")), linked)
    return -(-deepest(graph, "rr_bare_start") // STACK_STEP) * STACK_STEP


def of_an_input(elf: Elf, rooms: Rooms) -> dict[str, int]:
    """Bytes of statics that each input of the rooms takes (rr_dot.h, rr_tile_online.c)."""
    sizes = {symbol.name: symbol.size for symbol in elf.symbols}
    staged, rest = divmod(sizes.get("rr_stage", 0), rooms.staged + STAGE_END)
    values = sizes.get("rr_values", 0)
    assert rest == 0
    assert values in (0, QUANTIZED_ROWS * rooms.quantized)
    return {"staged": staged, "quantized": QUANTIZED_ROWS if values else 0}


def measured(folder: Path, target: str, rooms: Rooms) -> dict[str, int]:
    """Figures of the smallest program of an export with such rooms."""
    _make(folder, f"build/{target}-solve.elf", "PROGRAM=solve")
    elf = read_elf(folder / "build" / f"{target}-solve.elf")
    program, each = charged(elf), of_an_input(elf, rooms)
    rows = each["staged"] * rooms.staged + each["quantized"] * rooms.quantized
    return {"code": program.code.count, "statics": program.statics.count - rows, **each,
            "stack": stack_of(folder, target, "solve")}  # fmt: skip


def exported(out: Path, network: str, format: str, *more: str) -> Path:
    """The folder of a network under its smallest plan, made unless it is there."""
    folder = out / "-".join((network, format, PLAN, *(word.strip("-") for word in more)))
    words = ("--model", network, "--weights", format, "--plan", PLAN, "--puzzle", "0", *more)
    if not folder.exists() and mcusim(["export", str(folder), *words]):
        raise SystemExit(f"mcusim export {folder} {' '.join(words)} failed")
    return folder


def retried(folder: Path, target: str, config: ModelConfig) -> dict[str, int]:
    """What the program with retries takes beyond the smallest one of the same export."""
    found = []
    for program in ("solve", "accepted"):
        _make(folder, f"build/{target}-{program}.elf", f"PROGRAM={program}")
        took = charged(read_elf(folder / "build" / f"{target}-{program}.elf"))
        found.append((took.code.count, took.statics.count, stack_of(folder, target, program)))
    code, statics, stack = (after - before for before, after in zip(*found, strict=True))
    room = round(statics / config.seq_len)
    assert retry_room(room, config) >= statics, (folder, target, statics)
    return {"code": code - retry_tables(config, RETRIES), "room": room, "stack": stack}


def check_painted(folder: Path, target: str, stack: int) -> None:
    """The self-test passes on the emulator and its painted stack stays below the bound."""
    said = _make(folder, target, "STEPS=1", f"STACK={stack + TEST_STACK}")
    found = USED.search(said)
    if found is None or "PASS" not in said or int(found[1]) > stack + TEST_STACK:
        raise SystemExit(f"{folder} on {target}: {said}")


def rows(out: Path) -> dict[tuple[str, str], dict[str, int]]:
    """(target, set of kernels) -> largest figures."""
    found: defaultdict[tuple[str, str], dict[str, int]] = defaultdict(lambda: dict.fromkeys(FIGURES, 0))
    for (network, text), carry in product(BUILT, CARRIES):
        format, config = parse_format(f"{text}-{carry}"), find_network(network).config
        folder = exported(out, network, str(format))
        kernels = kernels_of(config, format)
        for target in TARGETS:
            figures = measured(folder, target, rooms_of(config, format))
            row = found[TARGETS[target], kernels]
            for name, value in figures.items():
                row[name] = max(row[name], value)
            if target in EMULATED and str(format) in PAINTED:
                check_painted(folder, target, figures["stack"])
        print(folder.name, file=sys.stderr)
    return found


def _version(tool: str) -> str:
    done = subprocess.run([tool, "-dumpfullversion"], capture_output=True, text=True, check=True)
    return f"{tool} {done.stdout.strip()}"


def main(out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    compilers = ", ".join(_version(f"{tools}gcc") for tools in sorted(set(TOOLS.values())))
    text = HEAD + f'compiler = "{compilers}, -O2 (rr_plan.c: -Os)"\n'
    for (target, kernels), figures in sorted(rows(out).items()):
        text += f'\n[[program]]\ntarget = "{target}"\nkernels = "{kernels}"\n'
        text += "".join(f"{name} = {value}\n" for name, value in figures.items())
    for network, format in RETRIED:
        config = find_network(network).config
        folder = exported(out, network, format, "--retries", str(RETRIES))
        for target, name in TARGETS.items():
            text += f'\n[[retries]]\ntarget = "{name}"\nrules = "{config.task}"\n'
            text += "".join(f"{key} = {value}\n" for key, value in retried(folder, target, config).items())
    PATH.write_text(text)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
