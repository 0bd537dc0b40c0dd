"""Quantities as people write them: ``4MB``, ``480 MHz``, ``66.5 MB/s``.

Memory sizes are powers of two whatever the spelling (``4MB`` = ``4MiB`` = 4,194,304 bytes), as on a
memory's data sheet.  Transfer rates are decimal (1 MB/s = 10^6 bytes a second), as on a bus's.
"""

from __future__ import annotations

import re

from refimpl.errors import InputError

KIB = 1024
MIB = 1024 * KIB

_SIZE = re.compile(r"([0-9]{1,15})(?:\.([0-9]{1,9}))?\s*(?:([kmg])(?:i?b)?|b)?", re.IGNORECASE)
_HERTZ = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*(k|M|G)?Hz")
_RATE = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*(k|K|M|G)B/s")
_BINARY = {None: 1, "k": KIB, "m": MIB, "g": 1024 * MIB}
_DECIMAL = {None: 1.0, "k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9}


def parse_bytes(text: str, what: str = "a memory size") -> int:
    """Return the bytes that ``text`` means: ``4MB``, ``4 MiB``, ``64KB``, ``1.5MB`` or ``4194304``.

    Raises
    ------
    InputError
        When ``text`` is no size, is zero, or is not a whole number of bytes.
    """
    match = _SIZE.fullmatch(text.strip())
    examples = "write 4MB, 64KB or 4194304 (bytes)"
    if match is None:
        raise InputError(f"{what} cannot be {text!r}; {examples}.")
    whole, fraction, unit = match.groups()
    factor = _BINARY[unit.lower() if unit else None]
    scale = int(10 ** len(fraction or ""))
    count, rest = divmod(int(whole + (fraction or "")) * factor, scale)
    if rest:
        raise InputError(f"{what} {text!r} is not a whole number of bytes; {examples}.")
    if count == 0:
        raise InputError(f"{what} cannot be 0 bytes; {examples}.")
    return count


def parse_hertz(text: str, what: str = "a clock") -> float:
    """Return the hertz of ``480 MHz`` and the like."""
    match = _HERTZ.fullmatch(text.strip())
    if match is None or float(match[1]) == 0:
        raise InputError(f"{what} cannot be {text!r}; write for example '480 MHz'.")
    return float(match[1]) * _DECIMAL[match[2]]


def parse_rate(text: str, what: str = "a transfer rate") -> float:
    """Return the bytes a second of ``66.5 MB/s`` (10^6 bytes) and the like."""
    match = _RATE.fullmatch(text.strip())
    if match is None or float(match[1]) == 0:
        raise InputError(f"{what} cannot be {text!r}; write for example '66.5 MB/s' (10^6 bytes a second).")
    return float(match[1]) * _DECIMAL[match[2]]


def format_bytes(count: int) -> str:
    """Return ``2,455.5 KiB (2,514,432 B)``: KiB below 10 MiB, MiB above, exact bytes beside."""
    return f"{format_size(count)} ({count:,} B)"


def format_size(count: int) -> str:
    """Return KiB or MiB alone, for a table that shows the exact bytes elsewhere."""
    if abs(count) < KIB:
        return f"{count:,} B"
    if abs(count) < 10 * MIB:
        return f"{count / KIB:,.1f} KiB"
    return f"{count / MIB:,.2f} MiB"


def format_seconds(seconds: float) -> str:
    """Return ``0.74 us``, ``13.0 ms``, ``2.41 s``, ``113 min``, ``35.2 h``: three significant digits."""
    for unit, factor in (("h", 3600.0), ("min", 60.0)):
        if seconds >= 1000 and seconds / factor >= 10:
            value = seconds / factor
            return f"{value:,.0f} {unit}" if value >= 100 else f"{value:.3g} {unit}"
    for unit, factor in (("s", 1.0), ("ms", 1e3), ("us", 1e6)):
        if seconds * factor >= 1 or unit == "us":
            value = seconds * factor
            return f"{value:,.0f} {unit}" if value >= 100 else f"{value:.3g} {unit}"
    raise AssertionError("the loop returns at its last unit")
