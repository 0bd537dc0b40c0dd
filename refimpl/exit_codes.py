"""What a command line makes of the errors raised on purpose: one sentence and an exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable

from refimpl.errors import DoesNotFit, InputError, NotImplementedHere

NO, BAD_INPUT, INTERRUPTED = 1, 2, 130


def guarded(action: Callable[[], int]) -> int:
    """Return the exit code of ``action``, or that of the error it raised, with its sentence on stderr."""
    try:
        return action()
    except (InputError, NotImplementedHere) as error:
        print(f"error: {error}", file=sys.stderr)
        return BAD_INPUT
    except DoesNotFit as error:
        print(f"does not fit: {error}", file=sys.stderr)
        return NO
    except KeyboardInterrupt:
        print("interrupted.", file=sys.stderr)
        return INTERRUPTED
