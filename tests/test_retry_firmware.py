"""Firmware accepts, refuses and tries again as Python does."""

from __future__ import annotations

import ctypes
import subprocess
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import pytest
from cross_tools import require
from emitted import WARNINGS
from exports import export

from mcusim.__main__ import main
from refimpl import fast
from workbench.fidelity import Reading
from workbench.networks import find_network
from workbench.retry import relabellings, warranted
from workbench.tasks.rules import maze_rules, sudoku_rules
from workbench.tasks.sets import evaluation_set, spread_givens

FIRMWARE = Path(__file__).parents[1] / "firmware" / "src"
MAIN = """#include <stdio.h>
#include "rr_solve.h"
#include "rr_warranted.h"
int main(void)
{
    static uint8_t tokens[RR_SEQ], answer[RR_SEQ];
    rr_warrant warrant;
    while (fread(tokens, 1, RR_SEQ, stdin) == RR_SEQ) {
        if (rr_solve_accepted(tokens, 0, answer, &warrant) != RR_SOLVED) return 1;
        printf("%d %d", (int)warrant.tried, (int)warrant.steps);
        for (int i = 0; i < RR_SEQ; i++) printf(" %d", answer[i]);
        printf("\\n");
    }
    return 0;
}
"""


@cache
def rules() -> ctypes.CDLL:
    require("gcc")
    library = Path(mkdtemp()) / "rules.so"
    subprocess.run(["gcc", *WARNINGS, "-O2", "-shared", "-fPIC", "-o", library, FIRMWARE / "rr_rules.c"],
                   check=True)  # fmt: skip
    return ctypes.CDLL(str(library))


def bytes_of(tokens: np.ndarray) -> ctypes.Array[ctypes.c_char]:
    return ctypes.create_string_buffer(tokens.astype(np.uint8).tobytes())


@pytest.mark.parametrize(("name", "box"), [("sudoku9-mlp", (3, 3)), ("sudoku6-mlp", (2, 3))])
def test_firmware_checks_sudoku_rules_alike(name: str, box: tuple[int, int]) -> None:
    puzzles = evaluation_set(find_network(name).config, 40, seed=5)
    rng = np.random.default_rng(3)
    for question, right in zip(puzzles.inputs, puzzles.labels, strict=True):
        answers = np.repeat(right[None], 6, axis=0)
        for answer in answers[1:]:
            at = rng.integers(len(right), size=2)
            answer[at] = answer[at[::-1]] if rng.integers(2) else rng.integers(0, 11, 2)
        found = [rules().rr_sudoku_rules(bytes_of(question), bytes_of(a), *box) for a in answers]
        assert found == sudoku_rules(np.repeat(question[None], 6, axis=0), answers).tolist()
        assert found[0] == 1
        assert 0 in found


def test_firmware_checks_the_path_of_a_maze_alike() -> None:
    puzzles = evaluation_set(find_network("maze10-att").config, 40, seed=5)
    rng, room = np.random.default_rng(3), (ctypes.c_int16 * 200)()
    for question, right in zip(puzzles.inputs, puzzles.labels, strict=True):
        answers = np.repeat(right[None], 6, axis=0)
        for answer in answers[1:]:
            answer[rng.integers(len(right), size=rng.integers(1, 4))] = rng.integers(1, 6)
        found = [rules().rr_maze_rules(bytes_of(question), bytes_of(a), 10, room) for a in answers]
        assert found == maze_rules(np.repeat(question[None], 6, axis=0), answers).tolist()
        assert found[0] == 1


def test_a_maze_with_two_shortest_paths_accepts_either_and_no_detour() -> None:
    question = np.array([3, 2, 2, 4, 2, 1, 1, 2, 2, 2, 2, 2, 1, 1, 1, 1])
    straight, detour = question.copy(), question.copy()
    straight[[1, 2]] = 5
    detour[[4, 8, 9, 10, 11, 7]] = 5
    stray = straight.copy()
    stray[8] = 5
    found = [rules().rr_maze_rules(bytes_of(question), bytes_of(a), 4, (ctypes.c_int16 * 32)())
             for a in (straight, detour, stray, question)]  # fmt: skip
    assert found == [1, 0, 0, 0]
    assert maze_rules(np.stack([question] * 4), np.stack([straight, detour, stray, question])).tolist() == [
        True, False, False, False]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "rule", "givens", "retries"),
    [("sudoku9-pair-mlp", "head+settled,t=154", (22, 25), 3),
     ("sudoku6-mlp", "head+settled,t=100", (9, 11), 2)],
)
def test_an_exported_program_accepts_and_tries_again_as_python_does(
    name: str, rule: str, givens: tuple[int, int], retries: int, tmp_path: Path
) -> None:
    require("gcc")
    network = find_network(name)
    folder = export(tmp_path / "out", "--model", name, "--weights", "w8c", "--stop", rule, "--retries",
                    str(retries), "--part", "generic-4mb", "--image", "array", "--steps", "8")  # fmt: skip
    (folder / "main.c").write_text(MAIN)
    sources = list((folder / "src").glob("*.c"))
    subprocess.run(["gcc", *WARNINGS, "-O2", "-I", folder / "src", "-o", folder / "run", *sources,
                    folder / "main.c"], check=True)  # fmt: skip
    puzzles = spread_givens(network.config, 24, *givens, 77).inputs
    ran = subprocess.run([folder / "run"], input=puzzles.astype(np.uint8).tobytes(), capture_output=True,
                         check=True)  # fmt: skip
    said = np.array([line.split() for line in ran.stdout.decode().splitlines()], np.int64)
    model = network.integer_model("w8c").with_depth(steps=8).with_stop(network.stop_rule(rule, "w8c-a8-c16"))
    found = warranted(Reading(fast, model), puzzles, relabellings(model.config, retries))
    assert said[:, 0].tolist() == found.tried.tolist()
    assert said[:, 1].tolist() == found.steps.sum(axis=1).tolist()
    assert (said[:, 2:] == found.answers).all()
    assert {0, 1} < set(found.tried.tolist())  # refused, accepted at once, accepted later


def test_retries_without_a_rule_or_a_relabelling_get_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", str(tmp_path / "a"), "--stop", "fixed", "--retries", "1"]) == 2
    assert "accepts no answer; name a rule with --stop" in capsys.readouterr().err
