"""Arg-max of logits.  Spec: OP-ARGMAX."""

from __future__ import annotations

import numpy as np

from refimpl.fixedpoint import Ints


def argmax(logits: Ints) -> Ints:
    """Index of the largest int32 logit on the last axis; ties go to the lowest index."""
    return np.argmax(logits, axis=-1)
