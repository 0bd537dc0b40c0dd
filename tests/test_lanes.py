"""Whoever is free gets a job of its own group, then of one that nobody has begun, then of another's."""

from __future__ import annotations

import heapq
import random
from collections import Counter
from concurrent.futures import BrokenExecutor, Executor, Future

import pytest

from refimpl.errors import InputError
from refimpl.formats import parse_format
from workbench.executors import finished
from workbench.lab.cell import Cell, Choice
from workbench.lab.sweep import sweep
from workbench.lab.variant import Variant
from workbench.lanes import Lanes

DEPTHS, FORMATS = (5, 6, 7, 8), 6
JOBS_BY_TWO = [2, 4, 6, 1, 3, 5]
JOBS = [(depth, number) for number in range(FORMATS) for depth in DEPTHS]


def depth(job: tuple[int, int]) -> int:
    return job[0]


def played(workers: int) -> tuple[list[float], list[set[int]], list[tuple[int, int]]]:
    """Jobs cost their depth, and once more where a worker comes to a depth that it has not seen: when each
    worker ends, the depths that it saw, and all jobs as they began."""
    left = Lanes(JOBS, depth, depth)
    seen: list[set[int]] = [set() for _ in range(workers)]
    free: list[tuple[float, int, int | None]] = [(0.0, worker, None) for worker in range(workers)]
    began, ends = [], [0.0] * workers
    while len(left):
        now, worker, last = heapq.heappop(free)
        group, job = left.take(last)
        ends[worker] = now + job[0] * (1 if group in seen[worker] else 2)
        seen[worker].add(job[0])
        began.append(job)
        heapq.heappush(free, (ends[worker], worker, job[0]))
    return ends, seen, began


def test_two_workers_share_no_group_and_end_together() -> None:
    ends, seen, began = played(2)
    assert sorted(began) == sorted(JOBS)
    assert seen == [{8, 5}, {7, 6}]
    assert ends == [(FORMATS + 1) * (8 + 5)] * 2


@pytest.mark.parametrize("workers", [3, 4, 5, 24])
def test_no_worker_stands_idle_for_longer_than_a_job_and_what_is_shared(workers: int) -> None:
    ends, _, began = played(workers)
    assert sorted(began) == sorted(JOBS)
    assert max(ends) - min(ends) <= 2 * max(DEPTHS)


def test_the_largest_group_and_its_largest_job_come_first() -> None:
    left = Lanes(["aa", "b", "cccc", "c", "a"], lambda job: job[0], len)
    assert [left.take(last)[1] for last in (None, None, None, "a", "c")] == ["cccc", "aa", "b", "a", "c"]
    with pytest.raises(ValueError, match="empty"):
        left.take()


def test_jobs_without_groups_keep_their_order() -> None:
    left = Lanes("hello")
    assert [left.take(number)[1] for number in (None, 0, 1, 2, 3)] == list("hello")


def test_every_job_begins_once_however_workers_come_and_go() -> None:
    rng = random.Random(7)
    jobs = [(rng.randrange(5), number) for number in range(60)]
    left = Lanes(jobs, depth, lambda job: rng.random())
    taken = Counter(left.take(rng.choice((None, *range(6))))[1] for _ in jobs)
    assert taken == Counter(jobs)


class Two(Executor):
    """Two places, whose jobs are done when they are submitted; from number ``breaks_at`` on it is broken."""

    def __init__(self, breaks_at: int = -1) -> None:
        self.begun: list[object] = []
        self.breaks_at = breaks_at

    def places(self) -> int:
        return 2

    def submit(self, fn, /, *args, **kwargs):
        if len(self.begun) == self.breaks_at:
            raise BrokenExecutor
        self.begun.append(args[-1])
        future: Future = Future()
        future.set_result(fn(*args, **kwargs))
        return future


def test_an_executor_with_two_places_holds_two_jobs_and_a_free_place_goes_on_with_its_group() -> None:
    executor, begun = Two(), []
    for _ in finished(executor, abs, JOBS_BY_TWO, group=lambda job: job % 2):
        begun.append(len(executor.begun))
    assert begun == [4, 4, 6, 6, 6, 6]
    assert [job % 2 for job in executor.begun[:2]] == [0, 1]
    assert sorted(executor.begun) == sorted(JOBS_BY_TWO)


def test_what_was_finished_is_told_before_a_broken_pool_is() -> None:
    told = []

    def listen() -> None:
        for job, _ in finished(Two(breaks_at=2), abs, JOBS_BY_TWO):
            told.append(job)

    with pytest.raises(InputError, match="a worker process ended"):
        listen()
    assert told == JOBS_BY_TWO[:2]


def test_a_sweep_keeps_a_worker_at_one_depth(tmp_path) -> None:
    """Deepest first; the format does not matter."""
    cells = [Cell(Variant("sudoku6-mlp", parse_format(name), 1, steps), Choice(4))
             for name in ("fp32", "w8c", "w4c") for steps in (1, 2)]  # fmt: skip

    class One(Two):
        def places(self) -> int:
            return 1

    executor = One()
    assert sweep(cells, tmp_path / "r.jsonl", executor) == 6
    assert [job.cell.variant.steps for job in executor.begun] == [2, 2, 2, 1, 1, 1]
