"""Which job comes next: the largest group first, and a worker stays with its group.

Jobs of a group share something that their worker computes once and keeps, such as the float run that
formats are compared with; it takes about as long as a job.  A worker whose group is empty begins one that
nobody is at, and helps with another's only when there is none: what is shared is then computed twice, which
is less than to stand idle.  The last job of a group waits for whoever is at it, who will be done sooner.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Hashable, Iterable
from typing import Generic, TypeVar

J = TypeVar("J")


def _one(job: object) -> float:
    return 1.0


class Lanes(Generic[J]):
    """Jobs that have not begun; without a ``group`` each is its own, without a ``cost`` their order stays."""

    def __init__(
        self,
        jobs: Iterable[J],
        group: Callable[[J], Hashable] | None = None,
        cost: Callable[[J], float] | None = None,
    ) -> None:
        weight = cost or _one
        found: dict[Hashable, list[J]] = {}
        for number, job in enumerate(jobs):
            found.setdefault(number if group is None else group(job), []).append(job)
        self._left = {name: deque(sorted(own, key=weight, reverse=True)) for name, own in found.items()}
        self._cost = weight

    def __len__(self) -> int:
        return sum(map(len, self._left.values()))

    def take(self, last: Hashable, busy: Collection[Hashable]) -> tuple[Hashable, J] | None:
        """The next job, after its group, for a worker whose last job was of the group ``last``; None for it
        to wait.  ``busy``: the groups of all jobs that run."""
        if last in self._left:
            name = last
        else:
            free = [name for name, own in self._left.items() if name not in busy or len(own) > 1]
            if not free:
                return None
            name = max(free, key=lambda name: (name not in busy, sum(map(self._cost, self._left[name]))))
        job = self._left[name].popleft()
        if not self._left[name]:
            del self._left[name]
        return name, job
