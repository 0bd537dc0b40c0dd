"""The three ways a request can fail, kept apart because a caller reacts differently to each.

A command line turns :class:`InputError` and :class:`NotImplementedHere` into one sentence and exit
code 2.  :class:`DoesNotFit` is an *answer* (exit code 1), not a mistake.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

SHOWN = 60  # characters of a wrong value in a sentence
LONGEST_NAME = 100
LONGEST_SENTENCE = 1200


class RefimplError(Exception):
    """Base of every error raised on purpose; ``str(error)`` is one complete sentence.

    It may quote what a file holds, so it is cut in the middle where that is very long.
    """

    def __init__(self, sentence: str) -> None:
        half = LONGEST_SENTENCE // 2
        long = len(sentence) > LONGEST_SENTENCE
        super().__init__(f"{sentence[:half]} ... {sentence[-half:]}" if long else sentence)


class InputError(RefimplError):
    """The input is wrong: the sentence says what, where, and what would be right."""


class NotImplementedHere(RefimplError):
    """The request is meaningful but this version has no implementation of it."""


class DoesNotFit(RefimplError):
    """The deployment exceeds a memory or arithmetic bound; the sentence carries the numbers."""


def shown(value: object) -> str:
    """A wrong value for a sentence, cut to a line."""
    if isinstance(value, dict):
        return "a table"
    text = repr(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def nearest(name: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    """The one of ``known`` that was most likely meant, or nothing; nobody meant a name of 100 letters."""
    if len(name) > LONGEST_NAME:
        return ""
    return next(iter(difflib.get_close_matches(name, known, 1, cutoff)), "")


def unknown_name(kind: str, name: str, known: Iterable[str]) -> InputError:
    """Return the error for a name that does not exist, with the nearest existing one suggested."""
    choices = sorted(known)
    near = nearest(name, choices, cutoff=0.4)
    hint = f"did you mean {near!r}?" if near else f"known: {', '.join(choices)}."
    return InputError(f"there is no {kind} {shown(name)}; {hint}")
