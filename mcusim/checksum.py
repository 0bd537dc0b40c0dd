"""The sum of 32-bit words that a program which checks its tiles keeps for each transfer.

Twin of ``firmware/src/rr_check.c``.  Words take turns: one is added to the sum times an odd number, the next
xored to the rotated sum.  Both can be undone, so damage within one word is always seen.
"""

from __future__ import annotations

import numpy as np

MULTIPLIER, ROTATION = 2654435761, 13
TRIES = 3  # how often a transfer is begun before the flash is called bad (RR_FETCH_TRIES of rr_check.c)
PIECE = 256  # bytes of the image that are summed at once (RR_CHECK_PIECE of rr_check.c)
ALL = 0xFFFFFFFF


def word_sum(data: bytes) -> int:
    """The sum of little-endian words; zeros fill up the last two."""
    total, words = 0, np.frombuffer(data + bytes(-len(data) % 8), "<u4").tolist()
    for first, second in zip(words[::2], words[1::2], strict=True):
        total = (total * MULTIPLIER + first) & ALL
        total = second ^ (total << ROTATION & ALL | total >> (32 - ROTATION))
    return total
