"""What token codes of every task have in common."""

from __future__ import annotations

IGNORED = -100  # label of a position that does not count, as in the official code
