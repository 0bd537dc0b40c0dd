"""What the image holds of a linear, for all three machines: the width of its codes, the constants of rows.

Read off the sections that :mod:`refimpl.model_image` writes, so a format has no second description here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from math import prod

from mcusim.planner.machine import Tile
from refimpl.block_params import BlockLinear
from refimpl.errors import NotImplementedHere
from refimpl.image import bits_of
from refimpl.model_image import leaf_sections
from refimpl.packing import packed_bytes
from refimpl.params import Linear

Reads = tuple[tuple[int, int], ...]  # (bytes, how many) of contiguous reads


@dataclass(frozen=True)
class RowConstant:
    """A section of the image with ``bytes`` for each row of a linear, in values of ``element``."""

    section: str
    element: str
    bytes: int


@dataclass(frozen=True)
class Stored:
    """Codes of ``bits`` bits, (N, K), and the constants of their rows as they stand in RAM: int32 first."""

    name: str
    shape: tuple[int, int]
    bits: int
    constants: tuple[RowConstant, ...]

    @cached_property
    def bytes(self) -> int:
        """Bytes of all codes."""
        return packed_bytes(prod(self.shape), self.bits)

    @cached_property
    def row_bytes(self) -> int:
        """Bytes of the constants of one row."""
        return sum(constant.bytes for constant in self.constants)

    def tile_bytes(self, rows: int, columns: int) -> int:
        """Room for the codes of a tile of at most ``rows`` x ``columns``."""
        return packed_bytes(min(rows, self.shape[0]) * min(columns, self.shape[1]), self.bits)

    def code_reads(self, rows: tuple[Tile, ...], columns: Tile) -> Iterator[tuple[int, int]]:
        """(bytes, number) of the contiguous reads that fetch a tile of codes.

        Whole rows of a range are one read; a range of columns is one read for each row.

        Raises NotImplementedHere for a tile, or one that would follow it, that begins within a byte.
        """
        height, width = self.shape
        whole = columns.size == width
        starts = [end * width for tile in rows for end in (tile.start, tile.stop) if end < height]
        if not whole:
            starts = [width, *(end for end in (columns.start, columns.stop) if end < width)]
        if any(start * self.bits % 8 for start in starts):
            raise NotImplementedHere(f"{self.name}: a tile of {self.bits}-bit weights begins within a byte.")
        if whole:
            for tile in rows:
                yield packed_bytes(tile.size * width, self.bits), 1
        else:
            yield packed_bytes(columns.size, self.bits), sum(tile.size for tile in rows)

    def constant_reads(self, rows: tuple[Tile, ...]) -> Iterator[int]:
        """Lengths of the contiguous reads that fetch the constants of rows."""
        for constant in self.constants:
            for tile in rows:
                yield tile.size * constant.bytes


def stored(leaf: Linear | BlockLinear) -> Stored:
    """What the image holds of ``leaf``, whose arrays may occupy nothing."""
    constants = []
    for section in leaf_sections(leaf.name, leaf):
        part = section.name.rpartition("/")[2]
        if part not in ("format", "codes"):
            each = prod(section.values.shape[1:]) * bits_of(section.element) // 8
            constants.append((section.element != "int32", RowConstant(part, section.element, each)))
    constants.sort(key=lambda found: found[0])
    return Stored(leaf.name, leaf.codes.shape, leaf.weight_bits, tuple(row for _, row in constants))
