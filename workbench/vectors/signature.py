"""What a signature is: inputs with symbolic shapes, parameters, one output."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import prod


@dataclass(frozen=True)
class Input:
    """One input array; ``shape`` names parameters (or their products).  ``optional`` inputs may be NULL."""

    name: str
    dtype: str
    shape: tuple[str, ...]
    optional: bool = False


@dataclass(frozen=True)
class Signature:
    """One operator.

    ``out_dtype`` ``"out_bits"`` means int8 (for 4 bits too), int16 or int32 by that parameter.
    """

    name: str
    clause: str
    about: str
    inputs: tuple[Input, ...]
    params: tuple[str, ...]
    out_dtype: str
    out_shape: tuple[str, ...]

    def output_dtype(self, params: dict[str, int]) -> str:
        """dtype of the output under ``params``."""
        return f"int{max(params['out_bits'], 8)}" if self.out_dtype == "out_bits" else self.out_dtype


@cache
def _terms(expression: str) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(term.split("*")) for term in expression.replace(" ", "").split("+"))


def size_of(expression: str, params: dict[str, int]) -> int:
    """Value of a dimension such as ``"n"``, ``"256"`` or ``"prefix + seq"``."""
    if expression in params:
        return params[expression]
    return sum(prod(int(f) if f.isdigit() else params[f] for f in term) for term in _terms(expression))


def shape_of(shape: tuple[str, ...], params: dict[str, int]) -> tuple[int, ...]:
    """Numbers for a symbolic shape."""
    return tuple(size_of(part, params) for part in shape)
