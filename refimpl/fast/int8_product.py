"""int8 x int8 products by the host's integer dot products: exact modulo 2^32, as an int32 accumulator is.

An *engine* is a layout of activations and weights and one compiled loop over the blocks of
:mod:`refimpl.fast.dot_blocks`.  Which engines exist is read from what Numba compiles for
(``NUMBA_CPU_NAME`` included), AMX needs the operating system's permission as well, and each is tried on
products with known answers X
"""

from __future__ import annotations

import ctypes
import platform
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from numba.core.registry import cpu_target

from refimpl.fast.dot_blocks import amx_block, amx_configure, amx_release, vnni_block
from refimpl.fast.scalar import njit
from refimpl.fixedpoint import Ints
from refimpl.params import Int8s, Int32s

Bytes = npt.NDArray[np.uint8]
CACHE_LINE = 64
_ARCH_PRCTL, _REQUEST_PERMISSION, _TILE_DATA = 158, 0x1023, 18  # Linux on x86-64

_amx_tall, _amx_short = amx_block(2, 2), amx_block(1, 2)
_vnni512_tall, _vnni512_short = vnni_block(512, 6, 4), vnni_block(512, 1, 4)
_vnni256_tall, _vnni256_short = vnni_block(256, 4, 2), vnni_block(256, 1, 2)


@njit
def _amx(a: Bytes, packed: Bytes, configuration: Bytes, sums: Int32s) -> None:
    (groups, rows, row), width = a.shape, sums.shape[2] * 4
    panel, steps = row * 32, row // 64
    amx_configure(np.uint64(configuration.ctypes.data))
    for g in range(groups):
        a_at, w_at, sums_at = a[g].ctypes.data, packed[g].ctypes.data, sums[g].ctypes.data
        for j in range(sums.shape[2] // 32):
            w, out, r = np.uint64(w_at + j * panel), sums_at + 128 * j, 0
            while r + 32 <= rows:
                _amx_tall(np.uint64(a_at + r * row), row, w, steps, np.uint64(out + r * width), width)
                r += 32
            if r < rows:
                _amx_short(np.uint64(a_at + r * row), row, w, steps, np.uint64(out + r * width), width)
    amx_release()


@njit
def _vnni512(a: Bytes, packed: Bytes, configuration: Bytes, sums: Int32s) -> None:
    (groups, rows, row), width = a.shape, sums.shape[2] * 4
    panel, steps = row * 64, row // 4
    for g in range(groups):
        a_at, w_at, sums_at = a[g].ctypes.data, packed[g].ctypes.data, sums[g].ctypes.data
        for j in range(sums.shape[2] // 64):
            w, out, r = np.uint64(w_at + j * panel), sums_at + 256 * j, 0
            while r + 6 <= rows:
                _vnni512_tall(np.uint64(a_at + r * row), row, w, steps, np.uint64(out + r * width), width)
                r += 6
            while r < rows:
                _vnni512_short(np.uint64(a_at + r * row), row, w, steps, np.uint64(out + r * width), width)
                r += 1


@njit
def _vnni256(a: Bytes, packed: Bytes, configuration: Bytes, sums: Int32s) -> None:
    (groups, rows, row), width = a.shape, sums.shape[2] * 4
    panel, steps = row * 16, row // 4
    for g in range(groups):
        a_at, w_at, sums_at = a[g].ctypes.data, packed[g].ctypes.data, sums[g].ctypes.data
        for j in range(sums.shape[2] // 16):
            w, out, r = np.uint64(w_at + j * panel), sums_at + 64 * j, 0
            while r + 4 <= rows:
                _vnni256_tall(np.uint64(a_at + r * row), row, w, steps, np.uint64(out + r * width), width)
                r += 4
            while r < rows:
                _vnni256_short(np.uint64(a_at + r * row), row, w, steps, np.uint64(out + r * width), width)
                r += 1


@njit
def _pack(codes: Int8s, parts: Int8s, row_sums: Int32s) -> None:
    parts[:] = 0
    quads, lanes = parts.shape[4], parts.shape[5]
    columns, inner = parts.shape[3] * lanes, codes.shape[2]
    for g in range(codes.shape[0]):
        for n in range(codes.shape[1]):
            panel, vector, lane = n // columns, n % columns // lanes, n % lanes
            total = np.int32(0)
            for four in range((inner + 3) // 4):
                step, quad = four // quads, four % quads
                for byte in range(min(4, inner - 4 * four)):
                    code = codes[g, n, 4 * four + byte]
                    parts[g, panel, step, vector, quad, lane, byte] = code
                    total += code
            row_sums[g, n] = total


@njit
def place(values: Ints, shift: int, flip: int, padded: Bytes) -> None:
    """Bytes ``(value >> shift) ^ flip`` in a room, with zeros behind each row."""
    for g in range(values.shape[0]):
        for r in range(values.shape[1]):
            for k in range(values.shape[2]):
                padded[g, r, k] = np.uint8((values[g, r, k] >> shift) ^ flip)
            padded[g, r, values.shape[2] :] = 0


def _tiles() -> Bytes:
    """Palette 1: eight tiles of 16 rows of 64 bytes."""
    configuration = np.zeros(64, np.uint8)
    configuration[0] = 1
    configuration[16:32:2] = 64
    configuration[48:56] = 16
    return configuration


@dataclass(frozen=True, eq=False)
class Engine:
    """``rows``, ``inputs`` and ``columns`` are what M, K and N are padded to.

    A panel of ``columns`` weights is stored as (K / inputs, columns / lanes, inputs / 4, lanes, 4) bytes.
    ``offset`` is added to activations, which the instruction may take as unsigned.
    """

    name: str
    product: Callable[[Any, Any, Any, Any], None]
    features: tuple[str, ...]
    rows: int
    inputs: int
    columns: int
    lanes: int
    offset: int
    configuration: Bytes

    def pack(self, codes: Int8s) -> Packed:
        """Lay G matrices of codes, (G, N, K), out for this engine."""
        groups, outputs, inner = codes.shape
        panels, steps = -(-outputs // self.columns), -(-inner // self.inputs)
        size = panels * self.columns * steps * self.inputs
        packed = _aligned(groups * size).reshape(groups, size)
        parts = packed.view(np.int8).reshape(
            groups, panels, steps, self.columns // self.lanes, self.inputs // 4, self.lanes, 4
        )
        row_sums = np.zeros((groups, outputs), np.int32)
        _pack(codes, parts, row_sums)
        return Packed(self, outputs, inner, packed, row_sums, np.int32(self.offset) * row_sums)


@dataclass(frozen=True, eq=False)
class Packed:
    """G matrices of weights, each (outputs, inner), as an engine reads them.

    ``row_sums`` (G, outputs) int32 of the codes; ``surplus``: what the engine's offset adds to each sum.
    """

    engine: Engine
    outputs: int
    inner: int
    codes: Bytes
    row_sums: Int32s
    surplus: Int32s

    def sums(self, a: Int8s) -> Int32s:
        """a (G, M, K) int8 -> int32 ``a @ codes.T + surplus`` in the first M rows and N columns of each of G.

        Valid until this thread's next call; the whole array is contiguous.
        """
        padded = self.room(a.shape[1])
        place(a, 0, self.engine.offset, padded)  # 128 more flips a byte's highest bit
        return self.sums_of(padded)

    def room(self, rows: int) -> Bytes:
        """Memory of this thread for G times ``rows`` rows of activations, to be filled by :func:`place`."""
        rows, width = _up(rows, self.engine.rows), _up(self.inner, self.engine.inputs)
        return _inputs.take(len(self.codes) * rows * width).reshape(-1, rows, width)

    def sums_of(self, padded: Bytes) -> Int32s:
        """:meth:`sums` of what stands in a :meth:`room`."""
        (groups, rows, _), columns = padded.shape, _up(self.outputs, self.engine.columns)
        sums = _sums.take(4 * groups * rows * columns).view(np.int32).reshape(groups, rows, columns)
        self.engine.product(padded, self.codes, self.engine.configuration, sums)
        return sums


class Scratch(threading.local):
    """Bytes that a thread keeps between calls: fresh memory costs more in page faults than the product."""

    def __init__(self) -> None:
        self.values = _aligned(0)

    def take(self, size: int) -> Bytes:
        if self.values.size < size:
            self.values = _aligned(size)
        return self.values[:size]


def _aligned(size: int) -> Bytes:
    raw = np.empty(size + CACHE_LINE, np.uint8)
    start = -raw.ctypes.data % CACHE_LINE
    return raw[start : start + size]


def _up(size: int, step: int) -> int:
    return -(-size // step) * step


_inputs, _sums = Scratch(), Scratch()

ENGINES = (
    Engine("AMX", _amx, ("amx-tile", "amx-int8"), 16, 64, 32, 16, 0, _tiles()),
    Engine("AVX-512 VNNI", _vnni512, ("avx512vnni", "avx512bw"), 1, 4, 64, 16, 128, _tiles()),
    Engine("AVX-VNNI", _vnni256, ("avxvnni",), 1, 4, 16, 8, 128, _tiles()),
)


def available() -> tuple[Engine, ...]:
    """The engines of this process, best first."""
    target = set(cpu_target.target_context.codegen()._tm_features.split(","))
    found = [e for e in ENGINES if target >= {f"+{feature}" for feature in e.features}]
    return tuple(e for e in found if e.name != "AMX" or _amx_permitted())


@cache
def _amx_permitted() -> bool:
    """Ask the system for the tile registers, once a process; its threads share the permission."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return False
    return int(ctypes.CDLL(None).syscall(_ARCH_PRCTL, _REQUEST_PERMISSION, _TILE_DATA)) == 0


def proved(engine: Engine) -> bool:
    """Whether the engine multiplies right: extreme codes, every remainder of rows, an odd K and an odd N."""
    edges = np.array([-128, 127, -1, 1, 0, 64, -127], np.int8)
    for rows, inner, outputs in ((1, 1, 1), (7, 97, 33), (37, 130, 65)):
        a = np.resize(edges, (rows, inner))
        codes = np.resize(edges[::-1], (outputs, inner + 1))[:, 1:]
        packed = engine.pack(np.stack([codes, codes[::-1]]))
        wanted = a.astype(np.int32) @ codes.T.astype(np.int32)
        found = packed.sums(np.stack([a, a]))[:, :rows, :outputs] - packed.surplus[:, None]
        if not np.array_equal(found, np.stack([wanted, wanted[:, ::-1]])):
            return False
    return True


@cache
def engine() -> Engine | None:
    """The fastest engine of this process that passes its self-test, or None."""
    return next((e for e in available() if proved(e)), None)
