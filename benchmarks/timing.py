"""Fair timing on a machine that others use too: contenders take turns, and the best round of each counts."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence


def best_seconds(contenders: Sequence[Callable[[], object]], rounds: int) -> list[float]:
    """Run every contender once per round, in turn; return the shortest time of each.

    Load from outside only ever adds time, so the minimum is the estimate that it disturbs least; taking
    turns keeps a slow minute from falling on one contender alone.  A first round (compilation, prepared
    weights, page faults) is not counted.
    """
    best = [float("inf")] * len(contenders)
    for round_number in range(rounds + 1):
        for i, contender in enumerate(contenders):
            start = time.perf_counter()
            contender()
            elapsed = time.perf_counter() - start
            if round_number:
                best[i] = min(best[i], elapsed)
    return best
