"""Sum of states and wide sums.  Spec: OP-ADD."""

from __future__ import annotations

import numpy as np

from refimpl.fixedpoint import Ints
from refimpl.params import Int32s


def add(first: Ints, *others: Ints) -> Int32s:
    """Exact sum in int32, all terms int16 or int32 in state units (Q.10); beyond int32 it wraps.

    :mod:`refimpl.quantize.bounds` proves per model that the sum stays in int32.
    """
    total = first.astype(np.int32)
    for other in others:
        total = total + other.astype(np.int32)
    return total
