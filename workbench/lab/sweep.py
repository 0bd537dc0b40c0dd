"""Run cells in worker processes, one BLAS thread each, and append every finished one to the results."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from multiprocessing.queues import SimpleQueue
from pathlib import Path

from workbench.json_lines import writing
from workbench.lab import results
from workbench.lab.cell import BATCH, Cell, Result, puzzle_set, run_cell

POLL_SECONDS = 0.3

_finished_batches: SimpleQueue[str] | None = None


def _start_worker(queue: SimpleQueue[str]) -> None:
    global _finished_batches
    _finished_batches = queue
    threading.Thread(target=_follow_parent, daemon=True).start()


def _follow_parent() -> None:
    """End this worker when the sweep dies: a killed parent cannot tell its workers to stop."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work(cell: Cell) -> Result:
    def on_batch() -> None:
        if _finished_batches is not None:
            _finished_batches.put(cell.key)

    return run_cell(cell, on_batch)


def batches(cell: Cell) -> int:
    """How many batches a cell has."""
    return -(-len(puzzle_set(cell.variant.network, cell.choice).inputs) // BATCH)


def sweep(
    cells: list[Cell],
    out: Path,
    workers: int,
    on_batch: Callable[[str], None] = lambda key: None,
    on_result: Callable[[Result], None] = lambda result: None,
) -> int:
    """Run the cells that ``out`` does not hold yet; returns how many ran.

    Finished cells are on disk before ``on_result`` hears of them, so a kill at any moment loses at most
    the cells in flight.
    """
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # workers are processes; they read it when they start
    with writing(out):
        done = results.finished_keys(out)
        missing = [cell for cell in cells if cell.key not in done]
        if not missing:
            return 0
        context = multiprocessing.get_context("spawn")
        queue: SimpleQueue[str] = context.SimpleQueue()
        pool = ProcessPoolExecutor(min(workers, len(missing)), context, _start_worker, (queue,))
        try:
            running: dict[Future[Result], Cell] = {pool.submit(_work, cell): cell for cell in missing}
            while running:
                finished, _ = wait(running, POLL_SECONDS, FIRST_COMPLETED)
                while not queue.empty():
                    on_batch(queue.get())
                for future in finished:
                    cell = running.pop(future)
                    result = future.result()
                    results.append(out, cell.key, result)
                    on_result(result)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
        return len(missing)
