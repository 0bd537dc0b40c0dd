"""RMSNorm stored as int8 (int8 carry).  Spec: OP-INT8-NORM."""

from __future__ import annotations

import numpy as np

from refimpl.block_params import Int8Norm
from refimpl.ops.rescale import rescale
from refimpl.params import Int16s


def stored_as_int8(h: Int16s, p: Int8Norm) -> Int16s:
    """int16 state -> int8 code (saturating) -> int16 state: what a device reads back from its carry."""
    return rescale(rescale(h, p.to_code), p.to_state).astype(np.int16)
