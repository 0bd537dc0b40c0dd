"""Which job comes next: the largest group first, and a worker stays with its group.

Jobs of a group share something that their worker computes once and keeps, such as the float run that
formats are compared with.  A worker whose group is empty begins one that nobody has begun, and helps with
another's only when there is none: what is shared is then computed twice, which is less than to stand idle.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterable
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
        self._begun: set[Hashable] = set()
        self._cost = weight

    def __len__(self) -> int:
        return sum(map(len, self._left.values()))

    def take(self, last: Hashable = None) -> tuple[Hashable, J]:
        """The next job, after its group, for a worker whose last job was of the group ``last``.

        Raises ValueError where none is left.
        """
        name = last if last in self._left else max(self._left, key=self._promise)
        self._begun.add(name)
        job = self._left[name].popleft()
        if not self._left[name]:
            del self._left[name]
        return name, job

    def _promise(self, name: Hashable) -> tuple[bool, float]:
        return name not in self._begun, sum(map(self._cost, self._left[name]))
