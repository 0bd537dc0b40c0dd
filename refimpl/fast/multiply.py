"""Twin of :mod:`refimpl.ops.multiply`."""

from __future__ import annotations

import numpy as np

from refimpl.block_params import Keep
from refimpl.fast.rescale import rescale
from refimpl.fixedpoint import Ints
from refimpl.params import Int8s, Rescale


def multiply(a: Int8s, b: Int8s, p: Rescale | Keep) -> Ints:
    """``rescale(a * b)`` to the output type of ``p``; the bare product for :class:`Keep`."""
    return rescale(np.multiply(a, b, dtype=np.int16), p)
