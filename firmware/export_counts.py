"""Exported programs on emulated boards: what one ACT step takes by count, beside mcusim's terms."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
from core_rows import USED, part_of
from counted import Phases, read_phases

from mcusim.__main__ import main as mcusim
from mcusim.asked import Asked
from mcusim.parts import Part, load_part
from mcusim.planner.ledger import Ledger, operator_counts, row_source
from mcusim.planner.plan import Plan
from mcusim.timing import OperatorCounts, instructions
from workbench.networks import find_network, seeded_tokens
from workbench.tasks.sets import has_generator

PARTS = {board: part_of(board) for board in USED} | {"rv32": load_part("qemu-virt-rv32")}
FLASH = dict.fromkeys(USED, 0x60000000) | {"rv32": 0x82000000}
SOURCE = Path(__file__).parent / "plugin" / "count.c"
PASSED = "PASS: 1 puzzles"


def built_plugin(folder: Path) -> Path:
    """The counting plugin, compiled for this computer."""
    folder.mkdir(parents=True, exist_ok=True)
    plugin = folder.absolute() / "count.so"
    subprocess.run(["gcc", "-std=c11", "-O2", "-fPIC", "-shared", "-o", plugin, SOURCE], check=True)
    return plugin


@cache
def puzzles_of(network: str) -> str | None:
    """A file of one puzzle, made-up tokens and a row of the table, where a task has none to draw."""
    config = find_network(network).config
    if has_generator(config):
        return None
    path = Path(mkdtemp()) / "one.npz"
    np.savez(path, inputs=seeded_tokens(config)[None], puzzle_ids=[config.num_puzzle_identifiers - 1])
    return str(path)


def one_step(network: str, plan: str, weights: str | None = None, stop: str | None = None) -> Asked:
    """A network's program with one outer cycle and one ACT step, planned for the Cortex-M7's board."""
    return Asked(model=network, part=PARTS["m7"].name, plan=plan, weights=weights, stop=stop, H_cycles=1,
                 steps=1, data=puzzles_of(network))  # fmt: skip


def phases(asked: Asked, board: str, plugin: Path, folder: Path) -> Phases:
    """What a board spends on the exported self-test of one puzzle, whose every call must be the reference's.

    ``folder`` keeps export and counts.
    """
    if not folder.exists():
        words = {"model": asked.model, "part": asked.part, "plan": asked.plan, "H-cycles": asked.H_cycles,
                 "steps": asked.steps, "puzzle": 0, "weights": asked.weights, "stop": asked.stop,
                 "data": asked.data}  # fmt: skip
        given = ((f"--{name}", str(value)) for name, value in words.items() if value is not None)
        flags = ["--check-tiles"] if asked.check_tiles else []
        if mcusim(["export", str(folder), *(word for pair in given for word in pair), *flags]):
            raise RuntimeError(f"mcusim export {folder} failed")
    counts = folder / f"{board}.counts"
    if not counts.exists():
        said = folder / f"{board}.part"
        extra = f"QEMU_EXTRA=-plugin {plugin},region={FLASH[board]:#x} -d plugin -D {said}"
        done = subprocess.run(["make", "-s", "-C", str(folder), board, "STEPS=1", extra],
                              capture_output=True, text=True)  # fmt: skip
        if done.returncode or PASSED not in done.stdout + done.stderr:
            raise RuntimeError(f"{folder} on {board}: {done.stdout}{done.stderr}")
        said.rename(counts)
    return read_phases(counts)


def site_counts(plan: Plan, ledger: Ledger) -> list[OperatorCounts]:
    """A ledger's work in the terms of the timing model, site by site."""
    rows, bits = row_source(plan.config), plan.format.weights_at
    return [operator_counts(work, bits(site).bits, rows) for site, work in ledger.sites.items()]


def predicted(plan: Plan, ledger: Ledger, part: Part) -> float:
    """Instructions of a ledger's work."""
    return sum(instructions(counts, part) for counts in site_counts(plan, ledger))
