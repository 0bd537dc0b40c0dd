"""Tiles of stored weights: the linear of some rows and columns, and its bytes as a flash delivers them."""

from __future__ import annotations

from dataclasses import replace
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from mcusim.planner.machine import Tile
from refimpl.packing import pack_codes, unpack_codes
from refimpl.params import Linear

TileKey = tuple[tuple[Tile, ...], Tile]
Packed = npt.NDArray[np.uint8]

# Tiles cut from a linear, kept as long as it lives: the linear of the tile (None for the whole, which would
# keep its own key alive) and its codes as a flash would deliver them.
_tiles: WeakKeyDictionary[Linear, dict[TileKey, tuple[Linear | None, Packed]]] = WeakKeyDictionary()


def packed_codes(leaf: Linear) -> Packed:
    """Codes as the image stores them."""
    return pack_codes(leaf.codes, leaf.weight_bits)


def unpacked(stored: npt.NDArray[np.int8], tile: Linear) -> npt.NDArray[np.int8]:
    """Codes of a tile from its stored bytes."""
    return unpack_codes(stored.view(np.uint8), tile.weight_bits, tile.codes.shape)


def tile_of(leaf: Linear, rows: tuple[Tile, ...], columns: Tile) -> tuple[Linear, Packed]:
    """The linear of some rows and columns, and its codes as stored."""
    known = _tiles.setdefault(leaf, {})
    key = rows, columns
    if key not in known:
        part = None
        if (sum(tile.size for tile in rows), columns.size) != leaf.codes.shape:
            at = np.concatenate([np.arange(tile.start, tile.stop) for tile in rows])
            codes = np.ascontiguousarray(leaf.codes[at, columns.start : columns.stop])
            bias = None if leaf.bias is None else leaf.bias[at]
            part = replace(leaf, codes=codes, bias=bias, multiplier=leaf.multiplier[at], shift=leaf.shift[at])
        known[key] = part, packed_codes(part or leaf)
    part, packed = known[key]
    return part or leaf, packed
