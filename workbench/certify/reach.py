"""A port within reach: requests of ``golden/c/rr_port.h`` to a library, a process or a device."""

from __future__ import annotations

import struct
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from workbench.certify.port import Port
from workbench.certify.stream import Stream, command_stream, device_stream, framed
from workbench.vectors.check import Misbehaved, NotServed
from workbench.vectors.library import FILL, NOT_SERVED, REFUSED, Library, output_room
from workbench.vectors.signatures import SIGNATURES, shape_of
from workbench.vectors.tensors import Array, tensor_bytes

ABOUT, OPERATOR, FLASH, LOAD, SOLVE, BLOCK, MONTE_CARLO = range(7)
GUARD, NAME_BYTES, MOST_PARAMS, MOST_INPUTS = 16, 32, 8, 10
LIBRARY_ROOM, MOMENT_S = 4 * 2**20, 0.002
NO_MODELS = struct.pack("<i", NOT_SERVED)


class TooLong(NotServed):
    """The request does not fit what the port can take; it is not sent."""


@dataclass(frozen=True)
class Capacity:
    """Bytes of the longest request and reply, and of the flash that images are laid into (0: no models)."""

    request: int
    reply: int
    flash: int


class Reached:
    """A port: an implementation of operators, and the requests about whole models."""

    def __init__(self, port: Port, folder: Path) -> None:
        self.port, self.folder = port, folder
        self.library = Library(port.library) if port.library is not None else None
        self.stream = self._stream()
        self.capacity = self._capacity()

    def _stream(self) -> Stream | None:
        if self.port.command:
            return command_stream(self.port.command, self.folder, self.port.timeout_s)
        if self.port.device is not None:
            return device_stream(self.port.device, self.port.baud, self.port.timeout_s)
        return None

    def _capacity(self) -> Capacity:
        reply = self.ask(struct.pack("<i", ABOUT))
        if reply == NO_MODELS:
            return Capacity(0, 0, 0)
        if len(reply) != 16:
            raise Misbehaved(f"{self.port.name} answered what it can take with {len(reply)} bytes, not 16.")
        return Capacity(*struct.unpack("<3i", reply[4:]))

    @property
    def restarts(self) -> bool:
        """Whether the port can be stopped in the middle and started anew from here."""
        return bool(self.port.command)

    def restart(self) -> None:
        """Start the process anew; a library and a device stay as they are."""
        if self.port.command and self.stream is not None:
            self.stream.close()
            self.stream = self._stream()

    def close(self) -> None:
        if self.stream is not None:
            self.stream.close()

    def ask(self, payload: bytes, patience: float = 0) -> bytes:
        """The reply to one request."""
        if self.stream is not None:
            return self.stream.ask(payload, patience)
        assert self.library is not None
        reply = self.library.answer(payload, LIBRARY_ROOM)
        return NO_MODELS if reply is None else reply

    def abandon(self, payload: bytes) -> None:
        """Send a request, wait a moment, and start the process anew while it is at work."""
        assert self.stream is not None
        self.stream.send(framed(payload), time.monotonic() + self.stream.timeout)
        time.sleep(MOMENT_S)
        self.restart()

    def __call__(self, algorithm: str, inputs: dict[str, Any], params: dict[str, int]) -> Array | None:
        """Run one operator request: output, None for a refusal; NotServed, Misbehaved."""
        if self.library is not None:
            if not self.library.has(algorithm):
                raise NotServed
            return self.library(algorithm, inputs, params)
        signature = SIGNATURES[algorithm]
        dtype, count = output_room(signature, params)
        size = count * dtype.itemsize
        request = operator_request(algorithm, inputs, params, size)
        if len(request) > self.capacity.request or 8 + size + GUARD > self.capacity.reply:
            raise TooLong
        reply = self.ask(request)
        (status,) = struct.unpack("<i", reply[:4])
        if status == REFUSED:
            return None
        if status == NOT_SERVED:
            raise NotServed
        if status != 0 or len(reply) != 8 + size + GUARD:
            raise Misbehaved(f"{algorithm} returned {status} and {len(reply)} bytes.")
        if reply[8 + size :] != bytes([FILL]) * GUARD:
            raise Misbehaved(f"{algorithm} wrote behind its {count} output values.")
        return np.frombuffer(reply, dtype, count, 8).reshape(shape_of(signature.out_shape, params))


def operator_request(algorithm: str, inputs: dict[str, Any], params: dict[str, int], size: int) -> bytes:
    """The payload that asks for one operator."""
    signature = SIGNATURES[algorithm]
    arrays = [
        None if inputs[i.name] is None else tensor_bytes(inputs[i.name], i.dtype) for i in signature.inputs
    ]
    lengths = [-1 if a is None else len(a) for a in arrays] + [-1] * (MOST_INPUTS - len(arrays))
    values = [params[p] for p in signature.params]
    head = struct.pack(
        f"<i{NAME_BYTES}s{MOST_PARAMS}i1i{MOST_INPUTS}i",
        OPERATOR, algorithm.encode(), *values, *[0] * (MOST_PARAMS - len(values)), size, *lengths,
    )  # fmt: skip
    return head + b"".join(a + bytes(-len(a) % 8) for a in arrays if a is not None)


def recorded(request: bytes, reply: bytes) -> bytes:
    """A request and its right answer, as ``firmware/host/held.c`` reads them."""
    padded = (part + bytes(-len(part) % 8) for part in (request, reply))
    return struct.pack("<2I", len(request), len(reply)) + b"".join(padded)
