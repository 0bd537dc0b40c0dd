"""Run cells on an executor and append every finished one to the results."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path

from refimpl.errors import InputError
from workbench.executors import finished, tell
from workbench.json_lines import writing
from workbench.lab import results
from workbench.lab.cell import BATCH, Cell, Result, content_of, puzzle_set, run_cell
from workbench.lab.costs import macs


@dataclass(frozen=True)
class _Job:
    """A cell, and the key of what whoever asked for it means by the names in it."""

    cell: Cell
    content: str


def _work(job: _Job) -> Result:
    if content_of(job.cell) != job.content:
        raise InputError(f"a worker finds other weights, ranges or puzzles under the names of "
                         f"{job.cell.key!r} than the command that uses it.")
    return run_cell(job.cell, lambda: tell(job.cell.key))


def _shared(job: _Job) -> Hashable:
    """What the worker of a cell keeps for the next: the float run of its depth and puzzles."""
    return job.cell.variant.resolved().reference(), job.cell.choice


def _macs(job: _Job) -> float:
    variant = job.cell.variant.resolved()
    return float(macs(variant)) * len(puzzle_set(variant.network, job.cell.choice).inputs)


def batches(cell: Cell) -> int:
    """How many batches a cell has."""
    return -(-len(puzzle_set(cell.variant.network, cell.choice).inputs) // BATCH)


def missing(cells: Iterable[Cell], out: Path) -> dict[Cell, str]:
    """The cells that ``out`` has no result of, with their keys; a result of other weights, ranges, puzzles or
    sources is none."""
    done = results.finished_contents(out)
    keys = {cell: content_of(cell) for cell in cells}
    return {cell: key for cell, key in keys.items() if key not in done}


def sweep(
    cells: list[Cell],
    out: Path,
    executor: Executor,
    on_batch: Callable[[str], None] = lambda key: None,
    on_result: Callable[[Result], None] = lambda result: None,
) -> int:
    """Run the cells that ``out`` does not hold yet; returns how many ran.

    The deepest cells come first, and a worker stays with one depth: it computes the float run once.
    Finished cells are on disk before ``on_result`` hears of them, so a kill at any moment loses at most
    the cells in flight.
    """
    with writing(out):
        jobs = [_Job(cell, key) for cell, key in missing(cells, out).items()]
        for job, result in finished(executor, _work, jobs, on_batch, _shared, _macs):
            results.append(out, job.cell.key, job.content, result)
            on_result(result)
        return len(jobs)
