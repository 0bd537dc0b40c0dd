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
from mcusim.elf import read_elf
from mcusim.export.bundle import TEST_STACK
from mcusim.linked import charged
from mcusim.program import PATH, kernels_of
from refimpl.formats import parse_format
from workbench.networks import find_network

TOOLS = {"m0plus": "arm-none-eabi-", "m3": "arm-none-eabi-", "m4": "arm-none-eabi-", "m33": "arm-none-eabi-",
         "m7": "arm-none-eabi-", "m55": "arm-none-eabi-", "rv32": "riscv64-unknown-elf-"}  # fmt: skip
TARGETS = {"m0plus": "cortex-m0plus", "m3": "cortex-m3", "m4": "cortex-m4", "m33": "cortex-m33",
           "m7": "cortex-m7", "m55": "cortex-m55", "rv32": "rv32imc"}  # fmt: skip
EMULATED = ("m7", "m55", "rv32")
PAINTED_WEIGHTS = "w4c"  # the width of codes changes no frame but that of staging
NETWORKS = ("sudoku9-mlp", "sudoku9-rope", "sudoku9-hrm")
WEIGHTS = ("w4c", "w8c")
CARRIES = ("c16", "c8")
PLAN = "least"  # its loops are the most, so its code is the largest
FIGURES = ("code", "statics", "stack")
PAINTED = re.compile(r"stack: (\d+) of (\d+) bytes used")
STACK_STEP = 16
HEAD = """\
# What a linked program takes beside image and arena, in bytes: the largest of the networks that
# firmware/programs.py exports, each under its smallest plan; 'make -C firmware programs' writes this file.
# code: .text, constants and the load copy of .data; statics: .data and .bss beside the arena; stack: the
# deepest chain of calls, from what GCC's -fcallgraph-info says of each function.
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


def measured(folder: Path, target: str) -> dict[str, int]:
    """Figures of the smallest program of an export."""
    _make(folder, f"build/{target}-solve.elf", "PROGRAM=solve")
    program = charged(read_elf(folder / "build" / f"{target}-solve.elf"))
    return {"code": program.code.count, "statics": program.statics.count,
            "stack": stack_of(folder, target, "solve")}  # fmt: skip


def check_painted(folder: Path, target: str, stack: int) -> None:
    """The self-test passes on the emulator and its painted stack stays below the bound."""
    said = _make(folder, target, "STEPS=1", f"STACK={stack + TEST_STACK}")
    found = PAINTED.search(said)
    if found is None or "PASS" not in said or int(found[1]) > stack + TEST_STACK:
        raise SystemExit(f"{folder} on {target}: {said}")


def rows(out: Path) -> dict[tuple[str, str], dict[str, int]]:
    """(target, set of kernels) -> largest figures."""
    found: defaultdict[tuple[str, str], dict[str, int]] = defaultdict(lambda: dict.fromkeys(FIGURES, 0))
    for network, weights, carry in product(NETWORKS, WEIGHTS, CARRIES):
        folder = out / f"{network}-{weights}-{carry}-{PLAN}"
        choices = {"model": network, "weights": weights, "carry": carry, "plan": PLAN, "puzzle": "0"}
        arguments = [word for name, value in choices.items() for word in (f"--{name}", value)]
        if not folder.exists() and mcusim(["export", str(folder), *arguments]):
            raise SystemExit(f"mcusim export {folder} {' '.join(arguments)} failed")
        kernels = kernels_of(find_network(network).config, parse_format(f"{weights}-{carry}"))
        for target in TARGETS:
            figures = measured(folder, target)
            row = found[TARGETS[target], kernels]
            for name, value in figures.items():
                row[name] = max(row[name], value)
            if target in EMULATED and weights == PAINTED_WEIGHTS:
                check_painted(folder, target, figures["stack"])
        print(folder.name, file=sys.stderr)
    return found


def _version(tool: str) -> str:
    done = subprocess.run([tool, "-dumpfullversion"], capture_output=True, text=True, check=True)
    return f"{tool} {done.stdout.strip()}"


def main(out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    compilers = ", ".join(_version(f"{tools}gcc") for tools in sorted(set(TOOLS.values())))
    text = HEAD + f'compiler = "{compilers}, -O2"\n'
    for (target, kernels), figures in sorted(rows(out).items()):
        text += f'\n[[program]]\ntarget = "{target}"\nkernels = "{kernels}"\n'
        text += "".join(f"{name} = {value}\n" for name, value in figures.items())
    PATH.write_text(text)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
