"""The two ways a test compares numbers, under two names."""

from __future__ import annotations

from typing import Any

import numpy as np


def assert_exact(actual: Any, expected: Any) -> None:
    """Integers, same shape, equal in every element; the message shows the first difference."""
    a, e = np.asarray(actual), np.asarray(expected)
    assert np.issubdtype(a.dtype, np.integer), f"{a.dtype} is no integer type"
    assert a.shape == e.shape, f"shape {a.shape}, expected {e.shape}"
    wrong = np.argwhere(a != e)
    if len(wrong):
        at = tuple(int(i) for i in wrong[0])
        raise AssertionError(f"{len(wrong)} of {a.size} differ, first at {at}: {a[at]}, expected {e[at]}")


def assert_within(actual: Any, expected: Any, tolerance: float) -> None:
    """Largest absolute difference at most ``tolerance``; a NaN anywhere fails."""
    a, e = np.asarray(actual, np.float64), np.asarray(expected, np.float64)
    assert a.shape == e.shape, f"shape {a.shape}, expected {e.shape}"
    worst = float(np.abs(a - e).max(initial=0))
    assert worst <= tolerance, f"off by {worst:.3g}, allowed {tolerance:.3g}"
