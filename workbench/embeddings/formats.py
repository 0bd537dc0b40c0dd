"""How an embedding row of D values is stored.

A table file is nothing but its rows, one record each, little endian; an SVD table ends with its shared
factor.  What the file holds is said in words by the ``.json`` beside it.

=============  ==========================================  ========================
name           record                                      bytes of a row (D = 512)
=============  ==========================================  ========================
``fp32``       D float32                                   2,048
``int8``       D int8 codes, float32 scale                 516
``int8-q31``   D int8 codes, int32 multiplier, int8 shift  517
``svd<r>``     r float32 coordinates                       4 r
=============  ==========================================  ========================

``int8`` is the published form (value = code x scale); ``int8-q31`` is what the integer reading consumes:
``requantize(code, multiplier, shift)`` gives state units, the model's input scale included.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from refimpl.errors import InputError, unknown_name

Kind = Literal["fp32", "int8", "int8-q31", "svd"]
NAMES = ("fp32", "int8", "int8-q31", "svd16")


@dataclass(frozen=True)
class RowFormat:
    """``rank`` is that of an SVD table, 0 otherwise."""

    name: str
    kind: Kind
    rank: int = 0

    def record(self, hidden: int) -> np.dtype[Any]:
        """Type of one row's record (packed, little endian)."""
        if self.kind == "fp32":
            return np.dtype([("values", "<f4", (hidden,))])
        if self.kind == "int8":
            return np.dtype([("codes", "i1", (hidden,)), ("scale", "<f4")])
        if self.kind == "int8-q31":
            return np.dtype([("codes", "i1", (hidden,)), ("multiplier", "<i4"), ("shift", "i1")])
        return np.dtype([("coordinates", "<f4", (self.rank,))])

    def row_bytes(self, hidden: int) -> int:
        """Bytes that one row's read takes."""
        return self.record(hidden).itemsize

    def shared_bytes(self, hidden: int) -> int:
        """Bytes behind the rows that every row needs: the (rank, D) float32 factor of an SVD."""
        return self.rank * hidden * 4

    def file_bytes(self, rows: int, hidden: int) -> int:
        """Bytes of a whole table file."""
        return rows * self.row_bytes(hidden) + self.shared_bytes(hidden)


def parse_row_format(name: str) -> RowFormat:
    """Return the format called ``name``; an unknown name gets the nearest suggested."""
    if name in ("fp32", "int8", "int8-q31"):
        return RowFormat(name, name)  # type: ignore[arg-type]
    match = re.fullmatch(r"svd(\d{1,5})", name)
    if match is None:
        raise unknown_name("row format", name, NAMES)
    if int(match[1]) < 1:
        raise InputError(f"row format {name!r}: an SVD needs a rank of at least 1.")
    return RowFormat(name, "svd", int(match[1]))
