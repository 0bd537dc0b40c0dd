"""Whole models behind a port: lay an image into its flash, load, solve, run a block, run Monte Carlo."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from refimpl.image import Image
from refimpl.model_image import from_image, read_meta, stop_values
from refimpl.models.tree import Model
from workbench.certify.reach import BLOCK, FLASH, LOAD, MONTE_CARLO, SOLVE, Reached
from workbench.files.inputs import read_bytes
from workbench.stop_text import parse_stop
from workbench.vectors.check import Misbehaved
from workbench.vectors.tensors import Array, decode
from workbench.vectors.trace_files import read_traces
from workbench.vectors.traced import FOLDER

PATIENCE = 600.0  # seconds for one run of many calls
NONE, PAGE = -1, 256


@dataclass(frozen=True)
class Trace:
    """A golden trace and the image it runs from."""

    document: dict[str, Any]
    data: bytes

    @property
    def name(self) -> str:
        return str(self.document["name"])

    @property
    def tokens(self) -> Array:
        return decode(self.document["tokens"])

    @property
    def answer(self) -> list[int]:
        answer: list[int] = decode(self.document["answer"]).tolist()
        return answer

    @property
    def puzzle(self) -> int:
        return int(self.document["puzzleId"])

    @property
    def stop(self) -> list[int]:
        return stop_values(parse_stop(self.document["stop"]))

    @cached_property
    def image(self) -> Image:
        return Image(self.data, self.document["image"]["file"])

    @cached_property
    def model(self) -> Model:
        return from_image(self.image)

    @cached_property
    def format(self) -> str:
        return read_meta(self.image).format


def read_all(golden: Path) -> list[Trace]:
    """All traced puzzles."""
    folder = golden / FOLDER
    return [
        Trace(d, read_bytes(folder / d["image"]["file"], "the flash image"))
        for d in read_traces(golden)
        if d["algorithm"] == "recursion"
    ]


@dataclass(frozen=True)
class Loaded:
    """What a port says of the model it loaded; ``stack`` 0 is not measured."""

    positions: int
    hidden: int
    arena: int
    stack: int


@dataclass(frozen=True)
class Solved:
    """A run: a CRC32 a call; of each step CRC32 of logits, halt, continue, CRC32 of the answer."""

    steps: int
    stopped: bool
    arena: int
    stack: int
    calls: list[str]
    read_outs: list[tuple[str, int, int, str]]
    answer: list[int]


def _hex(word: int) -> str:
    return f"{word & 0xFFFFFFFF:08x}"


def _payload(kind: int, *parts: int | Array) -> bytes:
    return b"".join(np.atleast_1d(np.asarray(p)).astype("<i4").tobytes() for p in (kind, *parts))


def _solve(trace: Trace, give_up: int = NONE, show: int = NONE) -> tuple[int | Array, ...]:
    return trace.puzzle, np.array(trace.stop), give_up, show, trace.tokens


def changes(old: bytes, new: bytes, most: int) -> Iterator[tuple[int, bytes]]:
    """(offset, bytes) that make ``old`` begin with ``new``: changed pages, those that touch as one."""
    starts = [at for at in range(0, len(new), PAGE) if old[at : at + PAGE] != new[at : at + PAGE]]
    for _, run in groupby(enumerate(starts), lambda pair: pair[1] - pair[0] * PAGE):
        pages = [at for _, at in run]
        first, end = pages[0], min(pages[-1] + PAGE, len(new))
        for at in range(first, end, most):
            yield at, new[at : min(at + most, end)]


class Models:
    """The requests about models to one port; all raise Misbehaved for replies that are none."""

    def __init__(self, port: Reached) -> None:
        self.port, self.flash = port, b""  # what lies in its flash, as far as it came from here

    def _asked(self, kind: int, *parts: int | Array, patience: float = 0) -> list[int] | None:
        """Words behind status 0; None for a refusal."""
        reply = self.port.ask(_payload(kind, *parts), patience)
        if len(reply) < 4 or len(reply) % 4:
            raise Misbehaved(f"{self.port.port.name} replied {len(reply)} bytes, which are no whole words.")
        status, *words = (int(w) for w in np.frombuffer(reply, "<i4"))
        if status not in (0, 1):
            raise Misbehaved(f"{self.port.port.name} replied status {status} to a request of kind {kind}.")
        return None if status else words

    def load(self, data: bytes) -> Loaded | str:
        """Lay ``data`` into the flash and load it: what is there, or the sentence of a refusal."""
        for at, chunk in changes(self.flash, data, self.port.capacity.request - 8):
            reply = self.port.ask(struct.pack("<2i", FLASH, at) + chunk)
            if reply[:4] != bytes(4):
                raise Misbehaved(
                    f"{self.port.port.name} did not take {len(chunk)} bytes at {at} into its flash."
                )
        self.flash = data + self.flash[len(data) :]
        reply = self.port.ask(struct.pack("<2i", LOAD, len(data)))
        if reply[:4] == struct.pack("<i", 1):
            return reply[4:].decode("ascii", "replace")
        if reply[:4] != bytes(4) or len(reply) != 20:
            raise Misbehaved(f"{self.port.port.name} replied {len(reply)} bytes to a request to load.")
        return Loaded(*struct.unpack("<4i", reply[4:]))

    def solve(self, trace: Trace, give_up: int = NONE) -> Solved | None:
        """Solve the traced puzzle; ``give_up`` leaves the run in its middle, after that call."""
        words = self._asked(SOLVE, *_solve(trace, give_up), patience=PATIENCE)
        if words is None:
            return None
        steps, stopped, arena, stack, count, *rest = words
        calls, rest = [_hex(w) for w in rest[:count]], rest[count:]
        seq = 0 if give_up != NONE else len(trace.tokens)
        outs, answer = rest[: len(rest) - seq], rest[len(rest) - seq :]
        read = [(_hex(a), b, c, _hex(d)) for a, b, c, d in zip(*[iter(outs)] * 4, strict=True)]
        return Solved(steps, bool(stopped), arena, stack, calls, read, answer)

    def abandon_solve(self, trace: Trace) -> None:
        """Ask for a solve and end the process while it is at work."""
        self.flash = b""
        self.port.abandon(_payload(SOLVE, *_solve(trace)))

    def state(self, trace: Trace, call: int) -> Array | None:
        """The state (T, D) int16 that one call of the run wrote."""
        words = self._asked(SOLVE, *_solve(trace, NONE, call), patience=PATIENCE)
        if words is None:
            return None
        config = trace.model.config
        size = config.positions * config.hidden_size
        halves = np.array(words[5 + words[4] :], np.int64).astype("<i4").view("<i2")[:size]
        return halves.reshape(config.positions, config.hidden_size)

    def block(self, level: str, layer: int, h: Array) -> Array | None:
        """One block over h (T, D) int32."""
        words = self._asked(BLOCK, "LH".index(level), layer, h.ravel(), patience=PATIENCE)
        return None if words is None else np.array(words, np.int32).reshape(h.shape)

    def monte_carlo(self, trace: Trace, calls: int, every: int) -> list[str] | None:
        """CRC32 of the state every so many calls."""
        words = self._asked(MONTE_CARLO, trace.puzzle, calls, every, trace.tokens, patience=PATIENCE)
        return None if words is None else [_hex(w) for w in words]
