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
from refimpl.params import Int8s, Int32s

Bytes = npt.NDArray[np.uint8]
CACHE_LINE = 64
_ARCH_PRCTL, _REQUEST_PERMISSION, _TILE_DATA = 158, 0x1023, 18  # Linux on x86-64

_amx_tall, _amx_short = amx_block(2, 2), amx_block(1, 2)
_vnni512_tall, _vnni512_short = vnni_block(512, 6, 4), vnni_block(512, 1, 4)
_vnni256_tall, _vnni256_short = vnni_block(256, 4, 2), vnni_block(256, 1, 2)


@njit
def _amx(a: Bytes, packed: Bytes, configuration: Bytes, sums: Int32s) -> None:
    rows, row, width = a.shape[0], a.shape[1], sums.shape[1] * 4
    panel, steps = row * 32, row // 64
    a_at, w_at, sums_at = a.ctypes.data, packed.ctypes.data, sums.ctypes.data
    amx_configure(np.uint64(configuration.ctypes.data))
    for j in range(sums.shape[1] // 32):
        w, out, r = np.uint64(w_at + j * panel), sums_at + 128 * j, 0
        while r + 32 <= rows:
            _amx_tall(np.uint64(a_at + r * row), row, w, steps, np.uint64(out + r * width), width)
            r += 32
        if r < rows:
            _amx_short(np.uint64(a_at + r * row), row, w, steps, np.uint64(out + r * width), width)
    amx_release()


@njit
def _vnni512(a: Bytes, packed: Bytes, configuration: Bytes, sums: Int32s) -> None:
    rows, row, width = a.shape[0], a.shape[1], sums.shape[1] * 4
    panel, steps = row * 64, row // 4
    a_at, w_at, sums_at = a.ctypes.data, packed.ctypes.data, sums.ctypes.data
    for j in range(sums.shape[1] // 64):
        w, out, r = np.uint64(w_at + j * panel), sums_at + 256 * j, 0
        while r + 6 <= rows:
            _vnni512_tall(np.uint64(a_at + r * row), row, w, steps, np.uint64(out + r * width), width)
            r += 6
        while r < rows:
            _vnni512_short(np.uint64(a_at + r * row), row, w, steps, np.uint64(out + r * width), width)
            r += 1


@njit
def _vnni256(a: Bytes, packed: Bytes, configuration: Bytes, sums: Int32s) -> None:
    rows, row, width = a.shape[0], a.shape[1], sums.shape[1] * 4
    panel, steps = row * 16, row // 4
    a_at, w_at, sums_at = a.ctypes.data, packed.ctypes.data, sums.ctypes.data
    for j in range(sums.shape[1] // 16):
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
    columns, inputs, lanes = parts.shape[2] * parts.shape[4], parts.shape[3] * 4, parts.shape[4]
    for n in range(codes.shape[0]):
        panel, column = n // columns, n % columns
        total = np.int32(0)
        for k in range(codes.shape[1]):
            step, byte = k // inputs, k % inputs
            parts[panel, step, column // lanes, byte // 4, column % lanes, byte % 4] = codes[n, k]
            total += codes[n, k]
        row_sums[n] = total


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
        """Lay (N, K) codes out for this engine."""
        outputs, inner = codes.shape
        packed = _aligned(_up(outputs, self.columns) * _up(inner, self.inputs))
        parts = packed.view(np.int8).reshape(
            _up(outputs, self.columns) // self.columns, _up(inner, self.inputs) // self.inputs,
            self.columns // self.lanes, self.inputs // 4, self.lanes, 4,
        )  # fmt: skip
        row_sums = np.zeros(outputs, np.int32)
        _pack(codes, parts, row_sums)
        return Packed(self, outputs, inner, packed, row_sums, np.int32(self.offset) * row_sums)


@dataclass(frozen=True, eq=False)
class Packed:
    """Weights (outputs, inner) as an engine reads them.

    ``row_sums`` (outputs,) int32 of the codes; ``surplus``: what the engine's offset adds to each sum.
    """

    engine: Engine
    outputs: int
    inner: int
    codes: Bytes
    row_sums: Int32s
    surplus: Int32s

    def sums(self, a: Int8s) -> Int32s:
        """a (M, K) int8 -> int32 ``a @ codes.T + surplus`` in the first M rows and N columns of the result.

        Valid until this thread's next call; the whole array is contiguous.
        """
        padded = self.room(len(a))
        # Adding 128 to a byte flips its highest bit.
        np.bitwise_xor(a.view(np.uint8), np.uint8(self.engine.offset), out=padded[: len(a), : self.inner])
        return self.sums_of(padded)

    def room(self, rows: int) -> Bytes:
        """Memory for ``rows`` rows of activations with the offset added, padded with zeros; this thread's."""
        rows, width = _up(rows, self.engine.rows), _up(self.inner, self.engine.inputs)
        padded = _inputs.take(rows * width).reshape(rows, width)
        padded[:, self.inner :] = 0
        return padded

    def sums_of(self, padded: Bytes) -> Int32s:
        """:meth:`sums` of what stands in a :meth:`room`."""
        rows, columns = len(padded), _up(self.outputs, self.engine.columns)
        sums = _sums.take(4 * rows * columns).view(np.int32).reshape(rows, columns)
        self.engine.product(padded, self.codes, self.engine.configuration, sums)
        return sums


class _Scratch(threading.local):
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


_inputs, _sums = _Scratch(), _Scratch()

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
        packed = engine.pack(codes)
        wanted = a.astype(np.int32) @ codes.T.astype(np.int32)
        if not np.array_equal(packed.sums(a)[:rows, :outputs] - packed.surplus, wanted):
            return False
    return True


@cache
def engine() -> Engine | None:
    """The fastest engine of this process that passes its self-test, or None."""
    return next((e for e in available() if proved(e)), None)
