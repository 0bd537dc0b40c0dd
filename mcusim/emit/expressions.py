"""Integers that C computes: sums of loop variables times constants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias, Union

Number: TypeAlias = Union[int, "Expr"]


@dataclass(frozen=True)
class Expr:
    """``constant`` plus the sum of ``factor * variable`` over ``terms``, sorted by variable."""

    terms: tuple[tuple[str, int], ...]
    constant: int = 0

    def __add__(self, other: Number) -> Number:
        factors, constant = dict(self.terms), self.constant
        if isinstance(other, Expr):
            for name, factor in other.terms:
                factors[name] = factors.get(name, 0) + factor
            constant += other.constant
        else:
            constant += other
        return _number(factors, constant)

    __radd__ = __add__

    def __mul__(self, factor: int) -> Number:
        return _number({name: f * factor for name, f in self.terms}, self.constant * factor)

    __rmul__ = __mul__

    def __sub__(self, other: Number) -> Number:
        return self + other * -1

    def __rsub__(self, other: int) -> Number:
        return self * -1 + other

    def __floordiv__(self, divisor: int) -> Number:
        factors = [factor for _, factor in self.terms] + [self.constant]
        assert all(factor % divisor == 0 for factor in factors), (
            f"({self}) / {divisor} is no sum of variables"
        )
        return _number({name: f // divisor for name, f in self.terms}, self.constant // divisor)

    def __str__(self) -> str:
        parts = [_term(name, factor) for name, factor in sorted(self.terms, key=lambda term: term[1] < 0)]
        parts += [f"{self.constant:+d}"] if self.constant else []
        text = " ".join(f"{part[0]} {part[1:]}" for part in parts)
        return text.removeprefix("+ ")


def _term(name: str, factor: int) -> str:
    sign, size = "-" if factor < 0 else "+", abs(factor)
    return f"{sign}{name}" if size == 1 else f"{sign}{size} * {name}"


def _number(factors: dict[str, int], constant: int) -> Number:
    terms = tuple(sorted((name, factor) for name, factor in factors.items() if factor))
    return Expr(terms, constant) if terms else constant


def variable(name: str) -> Expr:
    return Expr(((name, 1),))


def product(a: Number, b: Number) -> Number:
    """``a * b`` where one of the two is a constant."""
    if isinstance(b, Expr):
        a, b = b, a
    assert isinstance(b, int), f"({a}) * ({b}) is no sum of variables"
    return a * b


def renamed(number: Number, names: Mapping[str, str]) -> Number:
    """The same sum of other variables."""
    if isinstance(number, int):
        return number
    return _number({names.get(name, name): factor for name, factor in number.terms}, number.constant)
