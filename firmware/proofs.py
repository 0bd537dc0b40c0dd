"""Proofs that the C text of the fixed-point rules is the specification: ``python firmware/proofs.py``.

For every input of the stated range the C value equals the clause of docs/spec.md, and no operation on the
way is undefined.  One solver call for each shift or exponent; extra ``proofs`` (z3, pycparser).

Of the dot products the step is proved that a loop repeats, with the instructions as Arm's manuals define
them: sums that were right before a round are right after it, whatever the length of a row.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import z3
from c_terms import Reader, Value, functions

HEADER = Path(__file__).parent / "src" / "rr_fixed.h"
SHIFTS, EXPONENTS = range(-31, 31), range(32)
WIDE = 72  # bits of a specification's number: no clause reaches 2^71
NEXT = 2**62 - 2**31  # the largest product of two int32 but that of the two least
Goal = tuple[list[Any], Any]  # what is assumed, what must follow


def _int32(name: str) -> Value:
    return Value(z3.BitVec(name, 32), 32, True)


def _constant(value: int) -> Value:
    return Value(z3.BitVecVal(value, 32), 32, True)


def _wide(term: Any) -> Any:
    return z3.SignExt(WIDE - term.size(), term)


def _floor(x: Any, exponent: int) -> Any:
    """floor(x / 2^exponent)."""
    return x >> exponent


def _away(x: Any, exponent: int) -> Any:
    """x / 2^exponent to nearest, ties away from zero: the magnitude with half added, floored."""
    half = (1 << exponent) >> 1
    return z3.If(x < 0, -_floor(-x + half, exponent), _floor(x + half, exponent))


def _clamped(x: Any) -> Any:
    low, high = z3.BitVecVal(-(2**31), WIDE), z3.BitVecVal(2**31 - 1, WIDE)
    return z3.If(x < low, low, z3.If(x > high, high, x))


def _goal(reader: Reader, assumed: list[Any], got: Value, wanted: Any) -> Goal:
    return [*reader.assumed, *assumed], z3.And(*reader.obligations, _wide(got.term) == wanted)


def wrap32(known: dict[str, Any]) -> Iterator[Goal]:
    """RND: the signed value of a 32-bit register, for all 2^32 inputs."""
    reader, x = Reader(known), z3.BitVec("x", 32)
    yield _goal(reader, [], reader.call("rr_wrap32", Value(x, 32, False)), _wide(x))


def high_multiply(known: dict[str, Any]) -> Iterator[Goal]:
    """RND-HIGH-MULTIPLY: all int32 pairs but (-2^31, -2^31)."""
    reader, a, b = Reader(known), _int32("a"), _int32("b")
    got = reader.call("rr_mul_high", a, b)
    product = reader.product(a.term, b.term)
    yield _goal(reader, [product <= NEXT], got, _floor(_wide(product) + 2**30, 31))


def saturating_high_multiply(known: dict[str, Any]) -> Iterator[Goal]:
    """RND-SATURATING-HIGH-MULTIPLY: all int32 pairs."""
    reader, a, b = Reader(known), _int32("a"), _int32("b")
    got = reader.call("rr_mul_high_sat", a, b)
    product, least = reader.product(a.term, b.term), z3.BitVecVal(-(2**31), 32)
    both = z3.And(a.term == least, b.term == least)
    facts = [z3.If(both, product == 2**62, product <= NEXT)]
    yield _goal(reader, facts, got, _clamped(_floor(_wide(product) + 2**30, 31)))


def rounding_shift(known: dict[str, Any]) -> Iterator[Goal]:
    """RND-SHIFT: all int32, exponents 0..31."""
    for exponent in EXPONENTS:
        reader, x = Reader(known), _int32("x")
        got = reader.call("rr_shift_round", x, _constant(exponent))
        yield _goal(reader, [], got, _away(_wide(x.term), exponent))


def requantize_double(known: dict[str, Any]) -> Iterator[Goal]:
    """OP-REQUANTIZE double: all int32 accumulators, multipliers 0..2^31 - 1, shifts -31..30."""
    for shift in SHIFTS:
        reader, acc, m = Reader(known), _int32("acc"), _int32("m")
        got = reader.call("rr_requantize_double", acc, m, _constant(shift))
        (product,) = reader.products.values()
        bounded = [m.term >= 0, product >= -(2**31) * (2**31 - 1), product <= (2**31 - 1) ** 2]
        high = _floor(_wide(product) + 2**30, 31)
        yield _goal(reader, bounded, got, _away(high, max(-shift, 0)))


def requantize_down(known: dict[str, Any]) -> Iterator[Goal]:
    """OP-REQUANTIZE double, shifts -31..-1: all int32 accumulators, multipliers 0..2^31 - 1."""
    for exponent in EXPONENTS[1:]:
        reader, acc, m = Reader(known), _int32("acc"), _int32("m")
        got = reader.call("rr_requantize_down", acc, m, _constant(exponent))
        (product,) = reader.products.values()
        bounded = [m.term >= 0, product >= -(2**31) * (2**31 - 1), product <= (2**31 - 1) ** 2]
        yield _goal(reader, bounded, got, _away(_floor(_wide(product) + 2**30, 31), exponent))


def requantize_single(known: dict[str, Any]) -> Iterator[Goal]:
    """OP-REQUANTIZE single: the same ranges."""
    for shift in SHIFTS:
        reader, acc, m = Reader(known), _int32("acc"), _int32("m")
        got = reader.call("rr_requantize_single", acc, m, _constant(shift))
        product = reader.product(acc.term, m.term)
        wanted = _clamped(_floor(_wide(product) + (1 << 30 - shift), 31 - shift))
        yield _goal(reader, [m.term >= 0], got, wanted)


def _sxtb16(word: Any) -> Any:
    """Arm's SXTB16: bytes 0 and 2 as two signed halves."""
    return z3.Concat(z3.SignExt(8, z3.Extract(23, 16, word)), z3.SignExt(8, z3.Extract(7, 0, word)))


def _smlad(x: Any, y: Any, sums: Any) -> Any:
    """Arm's SMLAD: both products of halves added to a register that wraps."""
    halves = [[_long(z3.Extract(top, top - 15, v)) for v in (x, y)] for top in (15, 31)]
    return sums + sum((a * b for a, b in halves), z3.BitVecVal(0, 32))


def _dot(xs: list[Any], ws: list[Any], sums: Any) -> Any:
    """OP-LINEAR's sum, with ``sums`` of the inputs before, in a register of 32 bits."""
    return sums + sum((_long(x) * _long(w) for x, w in zip(xs, ws, strict=True)), z3.BitVecVal(0, 32))


def _long(x: Any) -> Any:
    return z3.SignExt(32 - x.size(), x)


def smlad_step(known: dict[str, Any]) -> Iterator[Goal]:
    """One round of the SMLAD kernels: four int8 inputs, then two of 16 bits, on top of any sum."""
    sums, word = z3.BitVec("sums", 32), z3.BitVec("word", 32)
    w = [z3.BitVec(f"w{i}", 16) for i in range(4)]
    turned = z3.RotateRight(word, 8)
    even = _smlad(_sxtb16(word), z3.Concat(w[2], w[0]), sums)
    got = _smlad(_sxtb16(turned), z3.Concat(w[3], w[1]), even)
    yield [], got == _dot([z3.Extract(8 * i + 7, 8 * i, word) for i in range(4)], w, sums)
    pair = _smlad(word, z3.Concat(w[1], w[0]), sums)
    yield [], pair == _dot([z3.Extract(15, 0, word), z3.Extract(31, 16, word)], w[:2], sums)


def _smmlar(product: Any, added: Any) -> Any:
    """Arm's SMMLAR: the upper word of a product of two registers, rounded, on top of another."""
    return z3.Extract(63, 32, z3.Concat(added, z3.BitVecVal(0, 32)) + product + z3.BitVecVal(2**31, 64))


def smmlar_step(known: dict[str, Any]) -> Iterator[Goal]:
    """rr_near: accumulators below 2^30 in magnitude, multipliers 0..2^31 - 1, exponents 1..31.

    Of the product it is assumed what holds of any: its sign, its size, and that twice a factor doubles it.
    """
    acc, product = z3.BitVec("acc", 32), z3.BitVec("product", 64)
    most = (2**30 - 1) * (2**31 - 1)
    fits = [acc >= -(2**30) + 1, acc <= 2**30 - 1, product >= -most, product <= most,
            z3.If(acc < 0, product <= 0, product >= 0)]  # fmt: skip
    for exponent in EXPONENTS[1:]:
        added = z3.BitVecVal(1 << exponent - 1, 32) + (acc >> 31)
        got = _smmlar(product + product, added) >> exponent
        wanted = _away(_floor(_wide(product) + 2**30, 31), exponent)
        yield fits, _wide(got) == wanted


def vmladava_step(known: dict[str, Any]) -> Iterator[Goal]:
    """A round of the Helium kernel's tail: lanes past the end are zeros and add nothing, for every length."""
    sums = z3.BitVec("sums", 32)
    x, w = ([z3.BitVec(f"{name}{i}", 8) for i in range(16)] for name in "xw")
    for live in range(1, 17):
        lanes = [*x[:live], *[z3.BitVecVal(0, 8)] * (16 - live)]
        yield [], _dot(lanes, w, sums) == _dot(x[:live], w[:live], sums)


PROOFS: dict[str, Callable[[dict[str, Any]], Iterator[Goal]]] = {
    p.__name__: p
    for p in (
        wrap32,
        high_multiply,
        saturating_high_multiply,
        rounding_shift,
        requantize_double,
        requantize_down,
        requantize_single,
        smlad_step,
        smmlar_step,
        vmladava_step,
    )
}


def prove(name: str, header: str) -> str:
    """``proved``, or the inputs for which the C text of ``header`` is not the specification."""
    for case, (assumed, goal) in enumerate(PROOFS[name](functions(header))):
        solver = z3.Solver()
        solver.add(*assumed, z3.Not(goal))
        if (outcome := solver.check()) != z3.unsat:
            model = solver.model() if outcome == z3.sat else ""
            return f"case {case}: {outcome} {model}".replace("\n", " ")
    return "proved"


def main() -> int:
    """Print one line for each proof; 1 if any does not hold."""
    version, header, failed = z3.get_version_string(), HEADER.read_text(), 0
    for name, proof in PROOFS.items():
        start = time.perf_counter()
        outcome = prove(name, header)
        failed |= outcome != "proved"
        about = (proof.__doc__ or "").splitlines()[0]
        print(
            f"{name}: {outcome} by z3 {version} in {time.perf_counter() - start:.1f} s. {about}", flush=True
        )
    return failed


if __name__ == "__main__":
    sys.exit(main())
