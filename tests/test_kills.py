"""Two hundred kills of a sweep and of a fit: what was finished stays, and the end is as without kills.

A run is forked from a process that has everything imported, so that a kill costs no start of Python.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from rich.progress import Progress
from test_executors import lines

from mcusim.fitting import run as fitting
from mcusim.fitting.candidates import BASELINE, NAIVE, Candidate, candidates
from mcusim.fitting.front import Limits
from mcusim.fitting.report import sheet
from refimpl.formats import parse_format
from workbench.checkpoints.networks import CONFIG
from workbench.lab.cell import Cell, Choice
from workbench.lab.sweep import sweep
from workbench.lab.variant import Variant
from workbench.networks import find_network

KILLS, PATIENCE = 100, 900.0  # of each; seconds that a run may take to do one more thing
FORMATS = ("w8c", "w6c", "w4c", "w4t", "w4g32", "w3c", "w2c", "fp32")
TRIED = (BASELINE, NAIVE, "w6c-a8-c16", "w4c-a8-c16 feedback")
CELLS = [Cell(Variant("sudoku6-mlp", parse_format(name), 1, steps), Choice(4))
         for name in FORMATS for steps in (1, 2, 3)]  # fmt: skip


def killed(work: Callable[[], None], path: Path, most: int, rng: random.Random) -> bool:
    """Start ``work``, kill it once it has added some lines to ``path``, of ``most`` in all, or none yet;
    whether it was done by then.  What was there before is there after."""
    before = path.read_bytes() if path.exists() else b""
    whole = before[: before.rfind(b"\n") + 1]
    wanted, pid = min(most, whole.count(b"\n") + rng.choice((0, 1, 1, 2))), os.fork()
    if pid == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    deadline, status = time.monotonic() + PATIENCE, 0
    while time.monotonic() < deadline:
        if path.exists() and path.read_bytes().count(b"\n") >= wanted:
            time.sleep(rng.random() * 0.05)
            break
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            break
        time.sleep(0.001)
    else:
        raise AssertionError("nothing was finished in time")
    try:
        os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
    except (ProcessLookupError, ChildProcessError):
        pass
    assert path.read_bytes().startswith(whole)
    assert status in (0, signal.SIGKILL), "the run failed by itself"
    return status == 0


def keys(path: Path) -> list[str]:
    return [json.loads(line)["key"] for line in path.read_text().splitlines()]


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_sweep_that_is_killed_a_hundred_times_loses_nothing_finished(tmp_path: Path) -> None:
    def swept(path: Path) -> None:
        with ThreadPoolExecutor(1) as pool:
            sweep(CELLS, path, pool)

    reference, path, rng = tmp_path / "whole.jsonl", tmp_path / "killed.jsonl", random.Random(1)
    swept(reference)
    rounds = 0
    for _ in range(KILLS):
        if killed(lambda: swept(path), path, len(CELLS), rng) or path.read_bytes().count(b"\n") == len(CELLS):
            assert lines(path) == lines(reference)
            path.unlink()
            rounds += 1
    swept(path)
    assert lines(path) == lines(reference)
    assert len(set(keys(path))) == len(CELLS)
    assert rounds >= 1


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_fit_that_is_killed_a_hundred_times_loses_nothing_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network of two ACT steps; few candidates, which depend on no run and are made once."""
    folder = find_network("sudoku6-mlp").folder
    assert folder is not None
    model = tmp_path / "small"
    shutil.copytree(folder, model, ignore=shutil.ignore_patterns("accuracy.jsonl"))
    config = json.loads((model / CONFIG).read_text())
    (model / CONFIG).write_text(json.dumps({**config, "H_cycles": 1, "halt_max_steps": 2}))
    made: list[Candidate] = []

    def once(network, puzzles):
        if not made:
            made.extend(one for one in candidates(network, puzzles) if one.recipe.name in TRIED)
        return tuple(made)

    monkeypatch.setattr(fitting, "candidates", once)

    def fitted(into: Path) -> dict:
        wanted = fitting.Wanted(str(model), "stm32h743", Limits(0.9), 64, None, None, into, None)
        with ThreadPoolExecutor(1) as pool, Progress(disable=True) as progress:
            data = sheet(fitting.fit(wanted, pool, progress)).data
        return json.loads(json.dumps(data).replace(str(into), "FOLDER"))

    reference = fitted(tmp_path / "whole")
    into = tmp_path / "killed"
    store, rng, rounds = into / fitting.STORE, random.Random(2), 0
    count = len(keys(tmp_path / "whole" / fitting.STORE))
    for _ in range(KILLS):
        if killed(lambda: fitted(into), store, count, rng) or store.read_bytes().count(b"\n") == count:
            assert sorted(keys(store)) == sorted(keys(tmp_path / "whole" / fitting.STORE))
            shutil.rmtree(into)
            rounds += 1
    assert fitted(into) == reference
    assert sorted(keys(store)) == sorted(keys(tmp_path / "whole" / fitting.STORE))
    assert rounds >= 1
