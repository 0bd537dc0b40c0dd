"""Frames over a byte stream: a process's standard input and output, a pseudo-terminal, a serial line.

A frame is ``RR``, length, payload, CRC32 (``golden/c/rr_port.h``); what comes before it, such as the greeting
of a boot loader, is passed over.
"""

from __future__ import annotations

import contextlib
import os
import select
import struct
import subprocess
import termios
import time
import tty
import zlib
from collections.abc import Callable
from pathlib import Path

from refimpl.errors import InputError
from workbench.files.inputs import reason
from workbench.vectors.check import Misbehaved

MAGIC, DAMAGED, TRIES = b"RR", b"\x03\0\0\0", 3
CHUNK, MOST_REPLY = 65536, 2**24
RATES = (300, 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200, 230400, 460800, 921600,
         1_000_000, 1_500_000, 2_000_000, 3_000_000, 4_000_000)  # fmt: skip
SPEEDS = {rate: getattr(termios, f"B{rate}") for rate in RATES if hasattr(termios, f"B{rate}")}


def framed(payload: bytes) -> bytes:
    """The frame of one payload."""
    return MAGIC + struct.pack("<I", len(payload)) + payload + struct.pack("<I", zlib.crc32(payload))


class Stream:
    """An open stream; ``ask`` sends one payload and waits for the reply's."""

    def __init__(self, name: str, into: int, out: int, close: Callable[[], None], timeout: float) -> None:
        self.name, self.into, self.out, self.close, self.timeout = name, into, out, close, timeout
        self.waiting = b""

    def ask(self, payload: bytes, patience: float = 0) -> bytes:
        """The reply to ``payload``; a damaged frame is sent again, in the end :class:`Misbehaved`."""
        frame = framed(payload)
        for _ in range(TRIES):
            deadline = time.monotonic() + max(self.timeout, patience)
            self.send(frame, deadline)
            while self._read(2, deadline) != MAGIC:
                self.waiting = self.waiting[1:]
            (length,) = struct.unpack("<I", self._taken(2 + 4, deadline)[2:])
            if length > MOST_REPLY:
                raise Misbehaved(f"{self.name} announced a reply of {length:,} bytes.")
            reply = self._taken(length, deadline)
            crc = self._taken(4, deadline)
            if reply != DAMAGED and struct.pack("<I", zlib.crc32(reply)) == crc:
                return reply
        raise Misbehaved(f"{self.name}: frames are damaged on the way, {TRIES} times.")

    def send(self, frame: bytes, deadline: float) -> None:
        """Write all of it."""
        view = memoryview(frame)
        while view:
            if not select.select([], [self.into], [], max(deadline - time.monotonic(), 0))[1]:
                raise Misbehaved(f"{self.name} takes no more bytes.")
            try:
                view = view[os.write(self.into, view[:4096]) :]
            except OSError as error:
                raise Misbehaved(f"{self.name} is gone ({reason(error)}).") from error

    def _read(self, count: int, deadline: float) -> bytes:
        """The next ``count`` bytes, left where they are."""
        while len(self.waiting) < count:
            if not select.select([self.out], [], [], max(deadline - time.monotonic(), 0))[0]:
                raise Misbehaved(f"{self.name} did not answer in time.")
            try:
                got = os.read(self.out, CHUNK)
            except OSError as error:
                raise Misbehaved(f"{self.name} is gone ({reason(error)}).") from error
            if not got:
                raise Misbehaved(f"{self.name} ended without an answer.")
            self.waiting += got
        return self.waiting[:count]

    def _taken(self, count: int, deadline: float) -> bytes:
        taken = self._read(count, deadline)
        self.waiting = self.waiting[count:]
        return taken


def command_stream(command: tuple[str, ...], folder: Path, timeout: float) -> Stream:
    """Start ``command`` in ``folder``."""
    try:
        process = subprocess.Popen(
            command, bufsize=0, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
    except (OSError, ValueError) as error:
        raise InputError(f"the command {command[0]!r} cannot be started: {reason(error)}.") from error
    assert process.stdin is not None
    assert process.stdout is not None
    into, out = process.stdin, process.stdout

    def close() -> None:
        process.kill()
        process.wait()
        for pipe in (into, out):
            with contextlib.suppress(OSError):
                pipe.close()

    return Stream(f"the command {command[0]}", into.fileno(), out.fileno(), close, timeout)


def device_stream(path: Path, baud: int, timeout: float) -> Stream:
    """Open a serial line or pseudo-terminal: raw, eight bits."""
    if baud not in SPEEDS:
        raise InputError(f"baud is {baud}; a serial line has one of {', '.join(map(str, SPEEDS))}.")
    try:
        line = os.open(path, os.O_RDWR | os.O_NOCTTY)
    except (OSError, ValueError) as error:
        raise InputError(f"the device {path} cannot be opened: {reason(error)}.") from error
    try:
        tty.setraw(line)
        modes = termios.tcgetattr(line)
        modes[4] = modes[5] = SPEEDS[baud]
        termios.tcsetattr(line, termios.TCSANOW, modes)
    except termios.error as error:
        os.close(line)
        raise InputError(f"{path} is no serial line.") from error
    return Stream(f"the device {path}", line, line, lambda: os.close(line), timeout)
