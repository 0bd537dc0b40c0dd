"""Under emulation a stop rule ends runs where the reference does, and instructions fall with the steps."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from refimpl import fast
from refimpl.models.recursion import solve
from tests.cross_tools import require
from tests.exports import export, make
from workbench.networks import find_network
from workbench.stop_text import parse_stop
from workbench.tasks.sets import evaluation_set

pytestmark = [pytest.mark.cross, pytest.mark.slow]
PLUGIN = Path(__file__).parents[1] / "firmware" / "plugin" / "count.c"
PUZZLES, STEPS, RULE = 8, 6, "head+settled,t=120"


def instructions(folder: Path, board: str, counter: Path) -> int:
    """All instructions of a self-test that passes: states, answers and calls are the reference's."""
    counts = folder / "counts.txt"
    status, said = make(folder, board, f"QEMU_EXTRA=-plugin {counter} -d plugin -D {counts}")
    assert status == 0, said
    assert f"PASS: {PUZZLES} puzzles" in said
    return sum(int(line.split("\t")[3]) for line in counts.read_text().splitlines())


@pytest.mark.parametrize("board", ["m7", "m55"])
def test_eight_puzzles_stop_where_the_reference_stops_and_instructions_fall_with_the_steps(
    board: str, tmp_path: Path
) -> None:
    require("gcc", "make", "arm-none-eabi-gcc", "qemu-system-arm")
    counter = tmp_path / "count.so"
    subprocess.run(["gcc", "-O2", "-fPIC", "-shared", "-o", counter, PLUGIN], check=True)
    network = find_network("sudoku6-mlp")
    tokens = evaluation_set(network.config).inputs[:PUZZLES]
    model = network.integer_model("w8c").with_depth(steps=STEPS).with_stop(parse_stop(RULE))
    steps = int(solve(fast, model, tokens).steps.sum())
    assert steps < PUZZLES * STEPS / 2
    counted = {}
    for rule in ("fixed", RULE):
        words = [word for i in range(PUZZLES) for word in ("--puzzle", str(i))]
        folder = export(tmp_path / rule, "--model", "sudoku6-mlp", "--weights", "w8c", "--steps", str(STEPS),
                        "--part", "mps2-an500", "--stop", rule, *words)  # fmt: skip
        counted[rule] = instructions(folder, board, counter)
    a_step = counted["fixed"] / (PUZZLES * STEPS)
    assert counted[RULE] == pytest.approx(steps * a_step, rel=0.05)
