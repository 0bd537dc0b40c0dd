"""What block and online linears cost beside plain ones: the BLOCK_KINDS of mcusim's core files.

    python firmware/block_terms.py FOLDER      (make -C firmware block-terms)

Exports one network in the formats of FORMATS, counts the instructions of one ACT step on every emulated
board, and fits what mcusim's other terms leave over.  FOLDER keeps exports and counts.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
from counted import read_phases

from mcusim.__main__ import main as mcusim
from mcusim.asked import Asked
from mcusim.cores import BLOCK_KINDS
from mcusim.laid import lay
from mcusim.parts import Part, load_part
from mcusim.planner.ledger import operator_counts, row_source
from mcusim.planner.plan import Plan
from mcusim.timing import WORK_OF_COUNT, instructions

NETWORK = "sudoku6-mlp"
FORMATS = ("w4a", "w4g32", "w4g16s", "mxint4", "w4c-a16", "w4c-a8p16", "w8c-a8d", "w4g32-a8d", "w4g32-amx")
PARTS = {"m7": "mps2-an500", "m55": "mps3-an547", "rv32": "qemu-virt-rv32"}
FLASH = {"m7": 0x60000000, "m55": 0x60000000, "rv32": 0x82000000}
UNITS = {row: count for count, row in WORK_OF_COUNT.items() if row in BLOCK_KINDS}
PLUGIN = Path(__file__).parent / "plugin" / "count.c"


def counted(folder: Path, board: str, plugin: Path) -> int:
    """Instructions of the calls of one step."""
    counts = folder / f"{board}.counts"
    if not counts.exists():
        said = folder / f"{board}.part"
        extra = f"QEMU_EXTRA=-plugin {plugin},region={FLASH[board]:#x} -d plugin -D {said}"
        subprocess.run(["make", "-s", "-C", folder, board, "STEPS=1", extra], check=True)
        said.rename(counts)
    return read_phases(counts).instructions["call"]


def left_over(plan: Plan, part: Part, found: int) -> tuple[list[float], float]:
    """Units of BLOCK_KINDS in the calls of a step, and the instructions that no other term explains."""
    units, known = dict.fromkeys(BLOCK_KINDS, 0.0), 0.0
    for site, work in plan.work(plan.config.order.per_step).sites.items():
        counts = operator_counts(work, plan.format.weights_at(site).bits, row_source(plan.config))
        known += instructions(counts, part)
        for kind, count in UNITS.items():
            units[kind] += getattr(counts, count)
    known -= sum(part.core.unit(kind) * number for kind, number in units.items())
    return list(units.values()), found - known


def main(out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    plugin = out.absolute() / "count.so"
    subprocess.run(["gcc", "-std=c11", "-O2", "-fPIC", "-shared", "-o", plugin, PLUGIN], check=True)
    for board, name in PARTS.items():
        part, units, rest, total = load_part(name), [], [], []
        for text in FORMATS:
            folder = out.absolute() / text
            words = ("--model", NETWORK, "--part", PARTS["m7"], "--weights", text, "--plan", "chosen",
                     "--stop", "fixed", "--H-cycles", "1", "--steps", "1", "--puzzle", "0")  # fmt: skip
            if not folder.exists() and mcusim(["export", str(folder), *words]):
                raise SystemExit(f"mcusim export {folder} failed")
            asked = Asked(model=NETWORK, part=PARTS["m7"], weights=text, plan="chosen", stop="fixed",
                          H_cycles=1, steps=1)  # fmt: skip
            total.append(counted(folder, board, plugin))
            of_plan, over = left_over(lay(asked).plan, part, total[-1])
            units.append(of_plan)
            rest.append(over)
        each = np.array(total, float)
        solved = np.linalg.lstsq(np.array(units) / each[:, None], np.array(rest) / each, rcond=None)[0]
        print(board, ", ".join(f"{k} {v:.1f}" for k, v in zip(BLOCK_KINDS, solved, strict=True)))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
