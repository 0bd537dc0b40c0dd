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
    last: list[int | None] = [None] * workers  # None: it waits
    free = [(0.0, worker) for worker in range(workers)]
    began, ends = [], [0.0] * workers
    while free:
        now, worker = heapq.heappop(free)
        own, last[worker] = last[worker], None
        found = left.take(own, set(last))
        if found is None:  # whoever is at the groups that are left ends them
            continue
        _, job = found
        ends[worker] = now + job[0] * (1 if job[0] in seen[worker] else 2)
        seen[worker].add(job[0])
        began.append(job)
        last[worker] = job[0]
        heapq.heappush(free, (ends[worker], worker))
    return ends, seen, began


def test_two_workers_share_no_group_and_end_together() -> None:
    ends, seen, began = played(2)
    assert sorted(began) == sorted(JOBS)
    assert seen == [{8, 5}, {7, 6}]
    assert ends == [(FORMATS + 1) * (8 + 5)] * 2


@pytest.mark.parametrize("workers", [3, 4, 5, 24])
def test_no_worker_stands_idle_for_longer_than_two_jobs_and_what_is_shared(workers: int) -> None:
    ends, _, began = played(workers)
    assert sorted(began) == sorted(JOBS)
    assert max(ends) - min(ends) <= 3 * max(DEPTHS)


def test_the_largest_group_and_its_largest_job_come_first() -> None:
    left = Lanes(["aa", "b", "cccc", "c", "a", "ccc"], lambda job: job[0], len)
    asked: list[tuple[str | None, str]] = [(None, ""), (None, "c"), (None, "ca"), ("a", "cb"), (None, "ba")]
    assert [left.take(last, busy) for last, busy in asked] == [
        ("c", "cccc"), ("a", "aa"), ("b", "b"), ("a", "a"), ("c", "ccc"),
    ]  # fmt: skip
    assert left.take("a", "b") == ("c", "c")
    assert (len(left), left.take("c", "")) == (0, None)


def test_a_worker_helps_with_a_group_but_leaves_its_last_job_to_whoever_is_at_it() -> None:
    left = Lanes([1, 2, 3], lambda job: "the only group")
    assert left.take(None, [])
    assert left.take("another", ["the only group"]) == ("the only group", 2)
    assert left.take("another", ["the only group"]) is None
    assert left.take("the only group", ["the only group"]) == ("the only group", 3)


def test_jobs_without_groups_keep_their_order() -> None:
    left = Lanes("hello")
    assert [left.take(number - 1, [number - 1]) for number in range(5)] == list(enumerate("hello"))


def test_every_job_begins_once_however_workers_come_and_go() -> None:
    rng = random.Random(7)
    jobs = [(rng.randrange(5), number) for number in range(60)]
    left = Lanes(jobs, depth, lambda job: rng.random())
    taken = []
    while len(left):
        found = left.take(rng.choice((None, *range(6))), rng.sample(range(5), 2))
        taken += [] if found is None else [found[1]]
    assert Counter(taken) == Counter(jobs)


class AtOnce(Executor):
    """Jobs are done when they are submitted; from number ``breaks_at`` on it is broken."""

    def __init__(self, breaks_at: int = -1) -> None:
        self.begun: list[object] = []
        self.breaks_at = breaks_at

    def submit(self, fn, /, *args, **kwargs):
        if len(self.begun) == self.breaks_at:
            raise BrokenExecutor
        self.begun.append(args[-1])
        future: Future = Future()
        future.set_result(fn(*args, **kwargs))
        return future


class Places(AtOnce):
    """So many at a time."""

    def __init__(self, places: int, breaks_at: int = -1) -> None:
        super().__init__(breaks_at)
        self._places = places

    def places(self) -> int:
        return self._places


def test_an_executor_with_two_places_holds_two_jobs_and_a_free_place_goes_on_with_its_group() -> None:
    executor, begun = Places(2), []
    for _ in finished(executor, abs, JOBS_BY_TWO, group=lambda job: job % 2):
        begun.append(len(executor.begun))
    assert begun == [4, 4, 6, 6, 6, 6]
    assert [job % 2 for job in executor.begun[:2]] == [0, 1]
    assert sorted(executor.begun) == sorted(JOBS_BY_TWO)


def test_an_executor_that_tells_no_places_is_given_all_jobs_at_once() -> None:
    executor = AtOnce()
    for _ in finished(executor, abs, JOBS_BY_TWO, group=lambda job: job % 2):
        assert sorted(executor.begun) == sorted(JOBS_BY_TWO)


def test_what_was_finished_is_told_before_a_broken_pool_is() -> None:
    told = []

    def listen() -> None:
        for job, _ in finished(Places(2, breaks_at=2), abs, JOBS_BY_TWO):
            told.append(job)

    with pytest.raises(InputError, match="a worker process ended"):
        listen()
    assert told == JOBS_BY_TWO[:2]


def test_a_sweep_keeps_a_worker_at_one_depth(tmp_path) -> None:
    """Deepest first; the format does not matter."""
    cells = [Cell(Variant("sudoku6-mlp", parse_format(name), 1, steps), Choice(4))
             for name in ("fp32", "w8c", "w4c") for steps in (1, 2)]  # fmt: skip
    executor = Places(1)
    assert sweep(cells, tmp_path / "r.jsonl", executor) == 6
    assert [job.cell.variant.steps for job in executor.begun] == [2, 2, 2, 1, 1, 1]
