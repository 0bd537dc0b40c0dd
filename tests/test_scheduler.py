"""A Dask cluster does what this machine does: same bytes, also where a worker dies in the middle."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from refimpl.errors import InputError
from refimpl.formats import parse_format
from workbench.executors import cluster, finished, local
from workbench.lab.cell import Cell, Choice, Result, run_cell
from workbench.lab.sweep import sweep
from workbench.lab.variant import Variant
from workbench.main import main

Client = pytest.importorskip("distributed", reason="the extra 'scale' is not installed").Client

FORMATS = "fp32", "w8c", "w6c", "w4c", "w4g32", "w3c"
QUIET = 0.5  # load of the last minute
CELLS = [Cell(Variant("sudoku6-mlp", parse_format(name), 2, 4), Choice(64)) for name in FORMATS]

MORE = [Cell(Variant("sudoku6-mlp", parse_format(name), 2, steps), Choice(128))
        for name in FORMATS for steps in (5, 6, 7, 8)]  # fmt: skip


@contextmanager
def started(
    folder: Path, count: int = 2, failures: int = 3
) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """A scheduler, which gives a job up that ended more than ``failures`` workers, and ``count`` workers:
    the address, and their processes in this order."""
    where = folder / "scheduler.json"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    begin = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--port", "0", "--no-dashboard",
             "--host", "127.0.0.1", "--scheduler-file", str(where)]  # fmt: skip
    join = [sys.executable, "-m", "distributed.cli.dask_worker", "--scheduler-file", str(where), "--nthreads",
            "1", "--no-nanny", "--no-dashboard", "--local-directory", str(folder)]  # fmt: skip
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1",
                   "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": str(failures)}  # fmt: skip
    processes = [subprocess.Popen(begin, env=environment, **quiet)]
    try:
        processes += [subprocess.Popen(join, env=environment, **quiet) for _ in range(count)]
        deadline = time.monotonic() + 60
        while not where.exists() or not where.read_text().endswith("}"):
            assert time.monotonic() < deadline, "the scheduler does not start"
            time.sleep(0.1)
        address = json.loads(where.read_text())["address"]
        with Client(address) as client:
            client.wait_for_workers(count, timeout=60)
        yield address, processes
    finally:
        for process in processes:
            process.kill()
            process.wait()


def lines(path: Path) -> list[str]:
    """Lines without the seconds that a cell took, in one order."""
    return sorted(line.partition('"seconds"')[0] for line in path.read_text().splitlines())


@pytest.mark.slow
def test_two_workers_of_a_cluster_give_the_bytes_of_this_machine(tmp_path: Path) -> None:
    """A worker that is killed while both have a cell in hand changes nothing."""
    here, there, after = (tmp_path / name for name in ("here.jsonl", "there.jsonl", "killed.jsonl"))
    with local(2) as pool:
        sweep(CELLS, here, pool)
    with started(tmp_path) as (address, (_, worker, _)):
        command = ["sweep", "--networks", "sudoku6-mlp", "--weights", ",".join(FORMATS[1:]), "--depths",
                   "2x4", "--puzzles", "64", "--scheduler", address, "--out", str(there)]  # fmt: skip
        assert main(command) == 0
        assert lines(there) == lines(here)
        with cluster(address) as executor:
            told: list[Result] = []

            def kill(result: Result) -> None:
                if not told:  # the place of the first to finish has its next cell already
                    worker.send_signal(signal.SIGKILL)
                told.append(result)

            assert sweep(CELLS, after, executor, on_result=kill) == len(told) == len(CELLS)
        assert worker.wait(10) == -signal.SIGKILL
    assert lines(after) == lines(here)


@pytest.mark.slow
def test_two_workers_take_a_1_7th_of_the_time_of_one(tmp_path: Path) -> None:
    """On an idle machine; on another the ratio says nothing.

    Start-up is outside both times: before either, the client and every worker have imported everything,
    loaded their kernels and quantized the network in every format.  Float runs are within.
    """
    if (os.cpu_count() or 1) < 2 or os.getloadavg()[0] > QUIET:
        pytest.skip(f"needs two idle cores; the load is {os.getloadavg()[0]:.1f}")
    seconds = {}
    for count in (1, 2):
        folder = tmp_path / str(count)
        folder.mkdir()
        with started(folder, count) as (address, _), cluster(address) as executor:
            sweep(CELLS, folder / "warm.jsonl", executor)
            with Client(address) as client:
                for cell in CELLS:
                    client.run(run_cell, cell)
            begun = time.perf_counter()
            sweep(MORE, folder / "timed.jsonl", executor)
            seconds[count] = time.perf_counter() - begun
    print(f"one worker {seconds[1]:.1f} s, two {seconds[2]:.1f} s, {seconds[1] / seconds[2]:.2f} x")
    assert seconds[1] >= 1.7 * seconds[2]


@pytest.mark.slow
def test_a_scheduler_that_is_lost_is_a_sentence_and_what_was_finished_stays(tmp_path: Path) -> None:
    out = tmp_path / "r.jsonl"
    with (
        started(tmp_path) as (address, (scheduler, *_)),
        pytest.raises(InputError, match="is gone; what was finished is kept"),
        cluster(address) as executor,
    ):
        sweep(CELLS, out, executor, on_result=lambda result: scheduler.kill())
    kept = len(lines(out))
    assert 1 <= kept < len(CELLS)
    with local(1) as pool:
        assert sweep(CELLS, out, pool) == len(CELLS) - kept


@pytest.mark.slow
def test_a_job_that_ends_its_workers_is_a_sentence(tmp_path: Path) -> None:
    with (
        started(tmp_path, 1, failures=0) as (address, _),
        pytest.raises(InputError, match="after another ended at the same job"),
        cluster(address) as executor,
    ):
        list(finished(executor, os._exit, [3]))


@pytest.mark.slow
def test_a_scheduler_that_is_not_there_is_a_sentence() -> None:
    with pytest.raises(InputError, match="no Dask scheduler answers"), cluster("tcp://127.0.0.1:9"):
        pass
