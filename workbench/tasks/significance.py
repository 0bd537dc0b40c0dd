"""How much of a difference in accuracy is chance: intervals and paired tests."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from refimpl.errors import InputError

Array = TypeVar("Array", bound=NDArray[Any])

_RESAMPLES_AT_ONCE = 256  # bounds the index array of the bootstrap to 256 x N


@dataclass(frozen=True)
class Interval:
    """Lower and upper end."""

    low: float
    high: float


@dataclass(frozen=True)
class McNemar:
    """Puzzles that only one of two systems solved, and the exact two-sided p-value of that split."""

    only_first: int
    only_second: int
    p_value: float


def wilson_interval(successes: int, trials: int, confidence: float = 0.95) -> Interval:
    """Return the Wilson score interval (1927) of a proportion."""
    if trials < 1 or not 0 <= successes <= trials:
        raise InputError(f"{successes} successes in {trials} trials are no proportion.")
    z = NormalDist().inv_cdf(0.5 + _checked(confidence) / 2)
    share = successes / trials
    scale = 1 + z * z / trials
    middle = (share + z * z / (2 * trials)) / scale
    half = z / scale * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    # At the ends the exact bound is 0 or 1; rounding must not move it inside.
    return Interval(0.0 if successes == 0 else middle - half, 1.0 if successes == trials else middle + half)


def mcnemar_exact(first: ArrayLike, second: ArrayLike) -> McNemar:
    """Return McNemar's exact test (binomial, two-sided) for two systems on the same puzzles.

    ``first`` and ``second`` say which puzzles each solved: bool (N,).
    """
    right_first, right_second = _paired(np.asarray(first, dtype=bool), np.asarray(second, dtype=bool))
    only_first = int((right_first & ~right_second).sum())
    only_second = int((right_second & ~right_first).sum())
    discordant = only_first + only_second
    tail = sum(math.comb(discordant, k) for k in range(min(only_first, only_second) + 1))
    return McNemar(only_first, only_second, min(1.0, 2 * tail / 2**discordant))


def paired_bootstrap(first: ArrayLike, second: ArrayLike, seed: int, resamples: int = 10_000,
                     confidence: float = 0.95) -> Interval:
    """Return the percentile interval of mean(first - second), puzzles resampled in pairs.

    ``first`` and ``second`` are per-puzzle scores (N,) of two systems on the same puzzles.
    """
    one, two = _paired(np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64))
    if one.size == 0 or resamples < 1:
        raise InputError(f"a bootstrap of {one.size} puzzles with {resamples} resamples has nothing to draw.")
    difference = one - two
    rng = np.random.default_rng(seed)
    means = np.empty(resamples)
    for start in range(0, resamples, _RESAMPLES_AT_ONCE):
        chunk = means[start:start + _RESAMPLES_AT_ONCE]
        chunk[:] = difference[rng.integers(0, difference.size, (chunk.size, difference.size))].mean(axis=1)
    tail = (1 - _checked(confidence)) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return Interval(float(low), float(high))


def _checked(confidence: float) -> float:
    if not 0 < confidence < 1:
        raise InputError(f"the confidence {confidence} is not between 0 and 1.")
    return confidence


def _paired(first: Array, second: Array) -> tuple[Array, Array]:
    if first.shape != second.shape or first.ndim != 1:
        raise InputError(f"scores of shapes {first.shape} and {second.shape} are not paired; give one per "
                         "puzzle.")
    return first, second
