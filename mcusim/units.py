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


_TIMES = (("h", 3600.0), ("min", 60.0), ("s", 1.0), ("ms", 1e-3), ("us", 1e-6))
_ENERGIES = (("kJ", 1e3), ("J", 1.0), ("mJ", 1e-3), ("uJ", 1e-6))


def format_seconds(seconds: float) -> str:
    """Return ``0.74 us``, ``13.0 ms``, ``2.41 s``, ``113 min``, ``35.2 h``: three significant digits."""
    unit, factor = _time_unit(seconds)
    return f"{_three_digits(seconds / factor)} {unit}"


def format_times(low: float, high: float) -> str:
    """Return ``3.61 - 6.02 s``: both ends in the unit of the high one."""
    unit, factor = _time_unit(high)
    return _range(low / factor, high / factor, unit, 3)


def format_joules(low: float, high: float) -> str:
    """Return ``0.035 - 0.29 J``: both ends in the unit of the high one, two significant digits."""
    unit, factor = next(((u, f) for u, f in _ENERGIES if high >= 0.1 * f), _ENERGIES[-1])
    return _range(low / factor, high / factor, unit, 2)


def _time_unit(seconds: float) -> tuple[str, float]:
    """Hours and minutes from 1,000 s on, where there are at least ten of them."""
    if seconds < 1000:
        return next(((u, f) for u, f in _TIMES[2:] if seconds >= f), _TIMES[-1])
    return next((u, f) for u, f in _TIMES if seconds / f >= 10)


def _range(low: float, high: float, unit: str, digits: int) -> str:
    """Both ends with ``digits`` significant digits, or whole where they have more before the point."""
    ends = [f"{e:,.0f}" if e >= 10 ** (digits - 1) else f"{e:#.{digits}g}" for e in (low, high)]
    return f"{ends[0]} {unit}" if ends[0] == ends[1] else f"{ends[0]} - {ends[1]} {unit}"


def _three_digits(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
