"""Element-wise product.  Spec: OP-MULTIPLY.  CMSIS-NN: arm_elementwise_mul_s8."""

from __future__ import annotations

import numpy as np

from refimpl.block_params import Keep
from refimpl.fixedpoint import Ints
from refimpl.ops.rescale import rescale
from refimpl.params import Int8s, Rescale


def multiply(a: Int8s, b: Int8s, p: Rescale | Keep) -> Ints:
    """``rescale(a * b)`` to int8; the product fits int16."""
    return rescale(a.astype(np.int32) * b.astype(np.int32), p)
