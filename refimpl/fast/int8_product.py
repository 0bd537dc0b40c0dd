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
from refimpl.fast.rescale import rescale_tile
from refimpl.fast.rescale_lanes import Factors, factors_of
from refimpl.fast.scalar import inline, njit
from refimpl.fixedpoint import Ints
from refimpl.params import Int8s, Int32s

Bytes = npt.NDArray[np.uint8]
CACHE_LINE = 64
TILE_ROWS, TILE_COLUMNS = 96, 64  # of sums: whole blocks of each engine, in the first-level cache
TILE_BYTES = 2**18  # of activations: a share of common second-level caches
_ARCH_PRCTL, _REQUEST_PERMISSION, _TILE_DATA = 158, 0x1023, 18  # Linux on x86-64

_TILES = np.zeros(64, np.uint8)  # palette 1: eight tiles of 16 rows of 64 bytes
_TILES[0], _TILES[16:32:2], _TILES[48:56] = 1, 64, 16

_amx_tall, _amx_short = amx_block(2, 2), amx_block(1, 2)
_vnni512_tall, _vnni512_short = vnni_block(512, 6, 4), vnni_block(512, 1, 4)
_vnni256_tall, _vnni256_short = vnni_block(256, 4, 2), vnni_block(256, 1, 2)


@inline
def _walk(tall: Any, tall_rows: int, short: Any, short_rows: int, width: int, inputs: int, a: Bytes,
          packed: Bytes, factors: Factors, out: Ints) -> None:  # fmt: skip
    # Tile by tile, each of blocks ``width`` columns wide; its sums are rescaled in the first-level cache.
    (groups, rows, row), panels = a.shape, -(-out.shape[2] // width)
    inner = packed.shape[1] // (panels * width)
    room = np.empty(TILE_ROWS * TILE_COLUMNS + CACHE_LINE // 4, np.int32)
    sums = room[-room.ctypes.data % CACHE_LINE // 4 :][: TILE_ROWS * TILE_COLUMNS].reshape(TILE_ROWS, -1)
    for g in range(groups):
        for left in range(0, out.shape[2], TILE_COLUMNS):
            for top in range(0, rows, TILE_ROWS):
                stop = min(top + TILE_ROWS, rows)
                for column in range(left, min(left + TILE_COLUMNS, out.shape[2]), width):
                    w, r = np.uint64(packed[g].ctypes.data + column * inner), top
                    while r < stop:
                        at = np.uint64(a[g].ctypes.data + r * row)
                        to = np.uint64(sums[r - top, column - left :].ctypes.data)
                        if r + tall_rows <= stop:
                            tall(at, row, w, inner // inputs, to, 4 * TILE_COLUMNS)
                            r += tall_rows
                        else:
                            short(at, row, w, inner // inputs, to, 4 * TILE_COLUMNS)
                            r += short_rows
                tile = out[g, top : top + TILE_ROWS, left : left + TILE_COLUMNS]
                rescale_tile(sums, factors, g, left, tile)


@njit
def _amx(a: Bytes, packed: Bytes, factors: Factors, out: Ints) -> None:
    amx_configure(np.uint64(_TILES.ctypes.data))
    _walk(_amx_tall, 32, _amx_short, 16, 32, 64, a, packed, factors, out)
    amx_release()


@njit
def _vnni512(a: Bytes, packed: Bytes, factors: Factors, out: Ints) -> None:
    _walk(_vnni512_tall, 6, _vnni512_short, 1, 64, 4, a, packed, factors, out)


@njit
def _vnni256(a: Bytes, packed: Bytes, factors: Factors, out: Ints) -> None:
    _walk(_vnni256_tall, 4, _vnni256_short, 1, 16, 4, a, packed, factors, out)


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
def place(values: Ints, high: bool, flip: int, padded: Bytes) -> None:
    """The lowest byte of each value or the next, ``^ flip``, in a room, with zeros behind each row."""
    for g in range(values.shape[0]):
        for r in range(values.shape[1]):
            for k in range(values.shape[2]):
                value = values[g, r, k]
                padded[g, r, k] = np.uint8(value >> 8 if high else value) ^ np.uint8(flip)
            padded[g, r, values.shape[2] :] = 0


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

    def pack(self, codes: Int8s) -> Packed:
        """Lay G matrices of codes, (G, N, K), out for this engine."""
        groups, outputs, inner = codes.shape
        panels, steps = -(-outputs // self.columns), -(-inner // self.inputs)
        size = panels * self.columns * steps * self.inputs
        packed = _aligned(groups * size).reshape(groups, size)
        shape = panels, steps, self.columns // self.lanes, self.inputs // 4, self.lanes, 4
        parts = packed.view(np.int8).reshape(groups, *shape)
        row_sums = np.zeros((groups, outputs), np.int32)
        _pack(codes, parts, row_sums)
        return Packed(self, outputs, inner, packed, row_sums)


@dataclass(frozen=True, eq=False)
class Packed:
    """G matrices of weights, each (outputs, inner), as an engine reads them.

    ``row_sums`` (G, outputs) int32 of the codes.
    """

    engine: Engine
    outputs: int
    inner: int
    codes: Bytes
    row_sums: Int32s

    def factors(self, bias: Int32s | None, *rules: Any) -> Factors:
        """:func:`factors_of`, less what the offset adds to sums; ``rules`` from the multiplier on."""
        surplus = np.int32(self.engine.offset) * self.row_sums
        return factors_of(-surplus if bias is None else bias - surplus, *rules)

    def as_they_are(self) -> Factors:
        """Sums as they are: 2^30 times 2^(1 - 31) is 1, and single rounding loses no bit on the way."""
        one = np.ones(self.outputs, np.int32)
        return self.factors(None, one << 30, one, "single", 32, 0)

    def multiply(self, a: Int8s, factors: Factors, out: Ints) -> None:
        """Rescaled ``a @ codes.T`` of each of G: a (G, M, K) int8 -> contiguous out (G, M, N)."""
        step = max(1, TILE_BYTES // self.inner // TILE_ROWS) * TILE_ROWS
        for top in range(0, a.shape[1], step):
            tile = np.s_[:, top : top + step]
            padded = self.room(a[tile].shape[1])
            place(a[tile], False, self.engine.offset, padded)  # 128 more flips a byte's highest bit
            self.multiply_placed(padded, factors, out[tile])

    def multiply_placed(self, padded: Bytes, factors: Factors, out: Ints) -> None:
        """:meth:`multiply` of what stands in a :meth:`room`."""
        self.engine.product(padded, self.codes, factors, out)

    def room(self, rows: int) -> Bytes:
        """Memory of this thread for G times ``rows`` rows of activations, to be filled by :func:`place`."""
        rows, width = _up(rows, self.engine.rows), _up(self.inner, self.engine.inputs)
        width += CACHE_LINE * (width % (2 * CACHE_LINE) == 0)  # odd numbers of lines keep rows in the cache
        return _inputs.take(len(self.codes) * rows * width).reshape(-1, rows, width)


def _aligned(size: int) -> Bytes:
    raw = np.empty(size + CACHE_LINE, np.uint8)
    start = -raw.ctypes.data % CACHE_LINE
    return raw[start : start + size]


class Scratch(threading.local):
    """Bytes that a thread keeps between calls: fresh memory costs more in page faults than the product."""

    values = _aligned(0)

    def take(self, size: int) -> Bytes:
        if self.values.size < size:
            self.values = _aligned(size)
        return self.values[:size]


def _up(size: int, step: int) -> int:
    return -(-size // step) * step


_inputs = Scratch()

ENGINES = (
    Engine("AMX", _amx, ("amx-tile", "amx-int8"), 16, 64, 32, 16, 0),
    Engine("AVX-512 VNNI", _vnni512, ("avx512vnni", "avx512bw"), 1, 4, 64, 16, 128),
    Engine("AVX-VNNI", _vnni256, ("avxvnni",), 1, 4, 16, 8, 128),
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
        found = np.empty((2, rows, outputs), np.int32)
        packed.multiply(np.stack([a, a]), packed.as_they_are(), found)
        if not np.array_equal(found, np.stack([wanted, wanted[:, ::-1]])):
            return False
    return True


@cache
def engine() -> Engine | None:
    """The fastest engine of this process that passes its self-test, or None."""
    return next((e for e in available() if proved(e)), None)
