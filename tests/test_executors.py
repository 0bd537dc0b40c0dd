"""Jobs give the same bytes whoever runs them; Ctrl-C ends within seconds; what is finished stays."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from refimpl.errors import InputError
from refimpl.formats import parse_format
from workbench import executors
from workbench.evaluate import batches, program
from workbench.executors import finished, local
from workbench.lab import results
from workbench.lab.cell import Cell, Choice
from workbench.lab.sweep import missing, sweep
from workbench.lab.variant import Variant
from workbench.networks import find_network
from workbench.tasks.sets import evaluation_set

CELLS = [Cell(Variant("sudoku6-mlp", parse_format(name), 1, 2), Choice(4)) for name in ("fp32", "w8c", "w4c")]


class AtOnce(Executor):
    """Runs a job where it is submitted."""

    def submit(self, fn, /, *args, **kwargs):
        future: Future = Future()
        future.set_result(fn(*args, **kwargs))
        return future


def lines(path: Path) -> list[str]:
    """Lines without the seconds that a cell took, in one order."""
    return sorted(line.partition('"seconds"')[0] for line in path.read_text().splitlines())


def test_a_sweep_is_the_same_on_every_executor(tmp_path: Path) -> None:
    at_once, threads = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    assert sweep(CELLS, at_once, AtOnce()) == len(CELLS)
    with ThreadPoolExecutor(2) as pool:
        assert sweep(CELLS, threads, pool) == len(CELLS)
    assert lines(at_once) == lines(threads)
    assert not missing(CELLS, at_once)


def test_files_of_results_merge(tmp_path: Path) -> None:
    parts = [tmp_path / "a.jsonl", tmp_path / "b.jsonl"]
    sweep(CELLS[:2], parts[0], AtOnce())
    sweep(CELLS[1:], parts[1], AtOnce())
    merged = tmp_path / "all.jsonl"
    merged.write_bytes(b"".join(path.read_bytes() for path in parts))
    assert sweep(CELLS, merged, AtOnce()) == 0
    assert len(results.read_results(parts)) == len(CELLS)


def test_a_result_of_other_weights_under_the_same_name_is_not_taken_over(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "r.jsonl"
    sweep(CELLS[:1], path, AtOnce())
    monkeypatch.setattr("workbench.content.code", lambda: "other sources")
    assert list(missing(CELLS[:1], path)) == CELLS[:1]


@pytest.mark.parametrize("fmt", ["w4c", "float", "bf16"])
def test_an_evaluation_is_the_same_in_threads_and_processes(fmt: str) -> None:
    network = find_network("sudoku6-mlp")
    runner = program(network, fmt, 1, 2)
    puzzles = evaluation_set(network.config, 40)
    with local(1) as pool:
        assert dict(batches(runner, puzzles, executor=pool)) == dict(batches(runner, puzzles))


def test_a_worker_with_other_sources_is_refused(monkeypatch) -> None:
    monkeypatch.setattr(executors, "code", iter(["mine", "theirs"]).__next__)
    with pytest.raises(InputError, match="other sources"):
        list(finished(AtOnce(), str, [1]))


def test_a_worker_that_dies_is_a_sentence() -> None:
    with local(1) as pool, pytest.raises(InputError, match="a worker process ended"):
        list(finished(pool, os._exit, [3]))


def test_leaving_ends_workers_in_the_middle_of_their_work() -> None:
    started = time.perf_counter()
    with local(1) as pool:
        next(finished(pool, time.sleep, [0, 60]))
        (worker,) = multiprocessing.active_children()
    worker.join(10)
    assert worker.exitcode is not None
    assert time.perf_counter() - started < 30


def test_no_worker_is_refused() -> None:
    with pytest.raises(InputError, match="--workers is 0"), local(0):
        pass


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_ctrl_c_ends_a_sweep_within_two_seconds(tmp_path: Path) -> None:
    """Sent to the whole group, as a terminal does; stderr ends when the last worker that holds it is gone."""
    out = tmp_path / "r.jsonl"
    command = [sys.executable, "-m", "refimpl", "sweep", "--networks", "sudoku9-att", "--weights", "w8c,w4c",
               "--puzzles", "256", "--out", str(out)]  # fmt: skip
    running = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    time.sleep(12)  # well into the first cells
    started = time.perf_counter()
    os.killpg(running.pid, signal.SIGINT)
    _, said = running.communicate(timeout=60)
    assert time.perf_counter() - started < 2
    assert running.returncode == 130
    assert "Traceback" not in said
