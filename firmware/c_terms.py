"""Straight-line C as SMT terms: the value of a function, and what must hold for it to be defined.

Reads the functions as they stand in a header (pycparser), with C99's promotions and conversions.  A signed
overflow, a shift by too much, a left shift of a negative value and a narrowing that changes a signed value
are obligations, each under the conditions on its path.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import z3
from pycparser import c_ast, c_parser

TYPES = {"int8_t": (8, True), "int16_t": (16, True), "int32_t": (32, True), "int64_t": (64, True),
         "int": (32, True), "uint8_t": (8, False), "uint32_t": (32, False),
         "uint64_t": (64, False)}  # fmt: skip
MACROS = {"INT32_MAX": "2147483647", "INT32_MIN": "(-2147483647 - 1)", "UINT32_MAX": "4294967295u"}
PRODUCT_BITS = 64


@dataclass(frozen=True)
class Value:
    """A term and its C type."""

    term: Any
    bits: int
    signed: bool


def functions(header: str) -> dict[str, Any]:
    """The ``static inline`` functions of a header by name, parsed; not those with a preprocessor's choice."""
    text = re.sub(r"/\*.*?\*/", "", header, flags=re.S)
    found = [f for f in re.findall(r"^static inline .*?^}", text, re.M | re.S) if "#" not in f]
    source = "\n".join(f"typedef int {name};" for name in TYPES if name != "int") + "\n"
    source += "enum { RR_DOUBLE = 0, RR_SINGLE = 1 };\n"
    source += "\n".join(f.removeprefix("static inline ") for f in found)
    for name, value in MACROS.items():
        source = source.replace(name, value)
    parsed = c_parser.CParser().parse(source)
    return {d.decl.name: d for d in parsed.ext if isinstance(d, c_ast.FuncDef)}


class Reader:
    """Evaluates calls; collects obligations.

    A 64-bit product of two values that were 32 bits wide is a fresh number between its extremes, the same one
    for the same factors: what follows holds for every such number, so no multiplier has to be searched.
    """

    def __init__(self, known: dict[str, Any]) -> None:
        self.known = known
        self.path: list[Any] = []
        self.obligations: list[Any] = []
        self.assumed: list[Any] = []
        self.products: dict[tuple[int, int], Any] = {}

    def must(self, condition: Any) -> None:
        self.obligations.append(z3.Implies(z3.And(*self.path), condition))

    def product(self, a: Any, b: Any) -> Any:
        """The 64-bit product of two 32-bit terms."""
        key = (min(a.get_id(), b.get_id()), max(a.get_id(), b.get_id()))
        if key not in self.products:
            made = self.products[key] = z3.BitVec(f"product{len(self.products)}", PRODUCT_BITS)
            self.assumed += [made >= -(2**62) + 2**31, made <= 2**62]  # INT32_MIN * INT32_MAX .. INT32_MIN^2
        return self.products[key]

    def call(self, name: str, *values: Value) -> Value:
        function = self.known[name]
        params = function.decl.type.args.params
        here = {p.name: self.convert(v, *_type(p.type)) for p, v in zip(params, values, strict=True)}
        result = self.body(list(function.body.block_items), here)
        return self.convert(result, *_type(function.decl.type.type))

    def body(self, items: list[Any], here: dict[str, Value]) -> Value:
        first, *rest = items
        if isinstance(first, c_ast.Return):
            return self.value(first.expr, here)
        if isinstance(first, c_ast.Decl):
            made = self.convert(self.value(first.init, here), *_type(first.type))
            return self.body(rest, here | {first.name: made})
        raise NotImplementedError(type(first).__name__)

    def convert(self, v: Value, bits: int, signed: bool) -> Value:
        if bits > v.bits:
            extend = z3.SignExt if v.signed else z3.ZeroExt
            return Value(extend(bits - v.bits, v.term), bits, signed)
        term = z3.simplify(z3.Extract(bits - 1, 0, v.term)) if bits < v.bits else v.term
        if signed and bits < v.bits:
            self.must((z3.SignExt if v.signed else z3.ZeroExt)(v.bits - bits, term) == v.term)
            if not v.signed:
                self.must(term >= 0)
        elif signed and not v.signed:
            self.must(v.term >= 0)
        return Value(term, bits, signed)

    def promoted(self, v: Value) -> Value:
        return v if v.bits >= 32 else self.convert(v, 32, True)

    def common(self, a: Value, b: Value) -> tuple[Value, Value]:
        a, b = self.promoted(a), self.promoted(b)
        bits = max(a.bits, b.bits)
        signed = all(v.signed for v in (a, b) if v.bits == bits)
        return self.convert(a, bits, signed), self.convert(b, bits, signed)

    def value(self, e: Any, here: dict[str, Value]) -> Value:
        match e:
            case c_ast.Constant():
                number = int(e.value.rstrip("uUlL"), 0)
                return Value(z3.BitVecVal(number, 32), 32, "u" not in e.value.lower())
            case c_ast.ID():
                if e.name in ("RR_DOUBLE", "RR_SINGLE"):
                    return Value(z3.BitVecVal(int(e.name == "RR_SINGLE"), 32), 32, True)
                return here[e.name]
            case c_ast.Cast():
                return self.convert(self.value(e.expr, here), *_type(e.to_type.type))
            case c_ast.FuncCall():
                return self.call(e.name.name, *(self.value(a, here) for a in e.args.exprs))
            case c_ast.UnaryOp(op="-"):
                return self.binary("-", Value(z3.BitVecVal(0, 32), 32, True), self.value(e.expr, here))
            case c_ast.TernaryOp():
                return self.choice(e, here)
            case c_ast.BinaryOp(op="&&"):
                condition = self.truth(e.left, here)
                self.path.append(condition)
                both = z3.And(condition, self.truth(e.right, here))
                self.path.pop()
                return _number(both)
            case c_ast.BinaryOp():
                return self.binary(e.op, self.value(e.left, here), self.value(e.right, here))
        raise NotImplementedError(type(e).__name__)

    def truth(self, e: Any, here: dict[str, Value]) -> Any:
        v = self.value(e, here)
        return v.term != 0

    def choice(self, e: Any, here: dict[str, Value]) -> Value:
        condition = self.truth(e.cond, here)
        self.path.append(condition)
        yes = self.value(e.iftrue, here)
        self.path[-1] = z3.Not(condition)
        no = self.value(e.iffalse, here)
        self.path.pop()
        yes, no = self.common(yes, no)
        return Value(z3.If(condition, yes.term, no.term), yes.bits, yes.signed)

    def binary(self, op: str, left: Value, right: Value) -> Value:
        if op in ("<<", ">>"):
            return self.shifted(op, self.promoted(left), self.promoted(right))
        narrow = left, right
        a, b = self.common(left, right)
        x, y, bits, signed = a.term, b.term, a.bits, a.signed
        compared = {
            "<": (z3.ULT, x < y),
            ">": (z3.UGT, x > y),
            "<=": (z3.ULE, x <= y),
            ">=": (z3.UGE, x >= y),
        }
        if op in compared:
            return _number(compared[op][1] if signed else compared[op][0](x, y))
        if op in ("==", "!="):
            return _number(x == y if op == "==" else x != y)
        if op in ("&", "|", "^"):
            return Value({"&": x & y, "|": x | y, "^": x ^ y}[op], bits, signed)
        if op == "*":
            factors = [_low32(v) for v in narrow]
            if bits != PRODUCT_BITS or not signed:
                raise NotImplementedError("a product that is not 64 bits of 32-bit factors")
            return Value(self.product(*factors), bits, True)
        result = x + y if op == "+" else x - y
        if signed:
            wide = z3.SignExt(1, x) + z3.SignExt(1, y) if op == "+" else z3.SignExt(1, x) - z3.SignExt(1, y)
            self.must(z3.SignExt(1, result) == wide)
        return Value(result, bits, signed)

    def shifted(self, op: str, a: Value, by: Value) -> Value:
        amount = self.convert(by, max(a.bits, by.bits), by.signed)
        self.must(z3.And(amount.term >= 0, amount.term < a.bits))
        steps = z3.Extract(a.bits - 1, 0, amount.term)
        if op == ">>":
            return Value(a.term >> steps if a.signed else z3.LShR(a.term, steps), a.bits, a.signed)
        result = a.term << steps
        if a.signed:
            self.must(z3.And(a.term >= 0, result >= 0, z3.LShR(result, steps) == a.term))
        return Value(result, a.bits, a.signed)


def _type(declaration: Any) -> tuple[int, bool]:
    return TYPES[declaration.type.names[0]]


def _number(condition: Any) -> Value:
    return Value(z3.If(condition, z3.BitVecVal(1, 32), z3.BitVecVal(0, 32)), 32, True)


def _low32(v: Value) -> Any:
    """The 32-bit term behind a factor that was widened, or is 32 bits itself."""
    term = v.term
    if v.bits == 64:
        if term.decl().kind() != z3.Z3_OP_SIGN_EXT or term.arg(0).size() != 32:
            raise NotImplementedError("a factor that was more than 32 bits wide")
        term = term.arg(0)
    return term
