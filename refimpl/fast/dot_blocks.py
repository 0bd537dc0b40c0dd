"""Blocks of int8 dot products in the host's own instructions: AMX tiles, or ``vpdpbusd`` in 512 or 256 bits.

Each block is a Numba intrinsic that reads activations (rows of bytes) and packed weights and leaves int32
sums, exact modulo 2^32 as an int32 accumulator is.  None of these instructions saturates.  Layouts are those
of :mod:`refimpl.fast.int8_product`; nothing here checks anything.  LLVM names the instructions
(``llvm.x86.tdpbssd``, ``llvm.x86.avx512.vpdpbusd``); Intel's manual, volume 2, defines them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic as untyped_intrinsic

I8, I32, I64 = ir.IntType(8), ir.IntType(32), ir.IntType(64)
BYTES = I8.as_pointer()
# (activations, bytes from row to row, packed weights, steps over K, sums, bytes from row to row)
SIGNATURE = types.void(types.uint64, types.int64, types.uint64, types.int64, types.uint64, types.int64)

Block = Callable[..., None]


def intrinsic(build: Callable[..., Any]) -> Block:
    """Numba's decorator, typed: a function that compiled code alone may call."""
    block: Block = untyped_intrinsic(build)
    return block


def _instruction(builder: Any, name: str, result: Any, arguments: list[Any]) -> Any:
    known = builder.module.globals.get(name)
    return known or ir.Function(builder.module, ir.FunctionType(result, arguments), name)


def _pointer(builder: Any, base: Any, *terms: tuple[Any, int]) -> Any:
    """``base`` plus the sum of ``value * factor``."""
    for value, factor in terms:
        base = builder.gep(base, [builder.mul(value, I64(factor))])
    return base


def amx_block(row_tiles: int, column_tiles: int) -> Block:
    """Return the block of 16 ``row_tiles`` rows and 16 ``column_tiles`` columns; a step is 64 inputs.

    Signed activations.  The tile registers must be configured as 16 rows of 64 bytes.
    """

    @intrinsic
    def block(context: Any, a: Any, a_row: Any, w: Any, steps: Any, out: Any, out_row: Any) -> Any:
        def generate(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
            a, a_row, w, steps, out, out_row = arguments
            a, w, out = (b.inttoptr(address, BYTES) for address in (a, w, out))
            void = ir.VoidType()
            zero = _instruction(b, "llvm.x86.tilezero", void, [I8])
            load = _instruction(b, "llvm.x86.tileloadd64", void, [I8, BYTES, I64])
            store = _instruction(b, "llvm.x86.tilestored64", void, [I8, BYTES, I64])
            multiply = _instruction(b, "llvm.x86.tdpbssd", void, [I8, I8, I8])
            sums = [[ir.Constant(I8, r * column_tiles + c) for c in range(column_tiles)]
                    for r in range(row_tiles)]
            first = row_tiles * column_tiles
            rows = [ir.Constant(I8, first + r) for r in range(row_tiles)]
            columns = [ir.Constant(I8, first + row_tiles + c) for c in range(column_tiles)]
            for tile in (tile for row in sums for tile in row):
                b.call(zero, [tile])
            before = b.block
            loop, done = b.append_basic_block("steps"), b.append_basic_block("done")
            b.branch(loop)
            b.position_at_end(loop)
            k = b.phi(I64)
            k.add_incoming(I64(0), before)
            for c, tile in enumerate(columns):
                at = _pointer(b, w, (k, 1024 * column_tiles), (I64(c), 1024))
                b.call(load, [tile, at, I64(64)])
            for r, tile in enumerate(rows):
                b.call(load, [tile, _pointer(b, a, (a_row, 16 * r), (k, 64)), a_row])
                for c, column in enumerate(columns):
                    b.call(multiply, [sums[r][c], tile, column])
            following = b.add(k, I64(1))
            k.add_incoming(following, loop)
            b.cbranch(b.icmp_signed("<", following, steps), loop, done)
            b.position_at_end(done)
            for r, row in enumerate(sums):
                for c, tile in enumerate(row):
                    b.call(store, [tile, _pointer(b, out, (out_row, 16 * r), (I64(c), 64)), out_row])
            return context.get_dummy_value()

        return SIGNATURE, generate

    return block


@intrinsic
def amx_configure(context: Any, shapes: Any) -> Any:
    """Load the tile configuration (64 bytes) at an address."""

    def generate(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        load = _instruction(b, "llvm.x86.ldtilecfg", ir.VoidType(), [BYTES])
        b.call(load, [b.inttoptr(arguments[0], BYTES)])
        return context.get_dummy_value()

    return types.void(types.uint64), generate


@intrinsic
def amx_release(context: Any) -> Any:
    """Give the tile registers back, so that a thread switch need not save them."""

    def generate(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        b.call(_instruction(b, "llvm.x86.tilerelease", ir.VoidType(), []), [])
        return context.get_dummy_value()

    return types.void(), generate


def vnni_block(bits: int, rows: int, vectors: int) -> Block:
    """Return the block of ``rows`` rows and ``vectors`` vectors of ``bits`` bits; a step is 4 inputs.

    Activations are unsigned bytes (code + 128).
    """
    lanes = bits // 32
    vector = ir.VectorType(I32, lanes)

    @intrinsic
    def block(context: Any, a: Any, a_row: Any, w: Any, steps: Any, out: Any, out_row: Any) -> Any:
        def generate(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
            a, a_row, w, steps, out, out_row = arguments
            a, w, out = (b.inttoptr(address, BYTES) for address in (a, w, out))
            dot = _instruction(b, f"llvm.x86.avx512.vpdpbusd.{bits}", vector, [vector] * 3)
            before = b.block
            loop, done = b.append_basic_block("steps"), b.append_basic_block("done")
            b.branch(loop)
            b.position_at_end(loop)
            k = b.phi(I64)
            k.add_incoming(I64(0), before)
            sums = [[b.phi(vector) for _ in range(vectors)] for _ in range(rows)]
            columns = []
            for v in range(vectors):
                at = _pointer(b, w, (k, lanes * 4 * vectors), (I64(v), lanes * 4))
                columns.append(b.load(b.bitcast(at, vector.as_pointer())))
                columns[-1].align = 4
            added = []
            undefined, everywhere = ir.Constant(vector, ir.Undefined), ir.Constant(vector, [0] * lanes)
            for r in range(rows):
                at = b.bitcast(_pointer(b, a, (a_row, r), (k, 4)), I32.as_pointer())
                four = b.load(at)
                four.align = 1
                first = b.insert_element(undefined, four, ir.Constant(I32, 0))
                broadcast = b.shuffle_vector(first, undefined, everywhere)
                added.append([b.call(dot, [sums[r][v], broadcast, columns[v]]) for v in range(vectors)])
            following = b.add(k, I64(1))
            k.add_incoming(following, loop)
            for r in range(rows):
                for v in range(vectors):
                    sums[r][v].add_incoming(ir.Constant(vector, [0] * lanes), before)
                    sums[r][v].add_incoming(added[r][v], loop)
            b.cbranch(b.icmp_signed("<", following, steps), loop, done)
            b.position_at_end(done)
            for r in range(rows):
                for v in range(vectors):
                    at = _pointer(b, out, (out_row, r), (I64(v), lanes * 4))
                    b.store(added[r][v], b.bitcast(at, vector.as_pointer())).align = 4
            return context.get_dummy_value()

        return SIGNATURE, generate

    return block
