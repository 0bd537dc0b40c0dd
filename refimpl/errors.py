"""The three ways a request can fail, kept apart because a caller reacts differently to each.

A command line turns :class:`InputError` and :class:`NotImplementedHere` into one sentence and exit
code 2.  :class:`DoesNotFit` is an *answer* (exit code 1), not a mistake.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class RefimplError(Exception):
    """Base of every error raised on purpose; ``str(error)`` is one complete sentence."""


class InputError(RefimplError):
    """The input is wrong: the sentence says what, where, and what would be right."""


class NotImplementedHere(RefimplError):
    """The request is meaningful but this version has no implementation of it."""


class DoesNotFit(RefimplError):
    """The deployment exceeds a memory or arithmetic bound; the sentence carries the numbers."""


def unknown_name(kind: str, name: str, known: Iterable[str]) -> InputError:
    """Return the error for a name that does not exist, with the nearest existing one suggested."""
    choices = sorted(known)
    near = difflib.get_close_matches(name, choices, n=1, cutoff=0.4)
    hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(choices)}."
    return InputError(f"there is no {kind} {name!r}; {hint}")
