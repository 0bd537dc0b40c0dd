"""Tiles of stored weights: the linear of some rows and columns, and its bytes as a flash delivers them."""

from __future__ import annotations

from dataclasses import replace
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from mcusim.planner.machine import Tile
from refimpl.block_params import BlockLinear
from refimpl.packing import pack_codes, unpack_codes
from refimpl.params import Linear

AnyLinear = Linear | BlockLinear
TileKey = tuple[tuple[Tile, ...], Tile]
Packed = npt.NDArray[np.uint8]

# Tiles cut from a linear, kept as long as it lives: the linear of the tile (None for the whole, which would
# keep its own key alive) and its codes as a flash would deliver them.
_tiles: WeakKeyDictionary[AnyLinear, dict[TileKey, tuple[AnyLinear | None, Packed]]] = WeakKeyDictionary()


def packed_codes(leaf: AnyLinear) -> Packed:
    """Codes as the image stores them."""
    return pack_codes(leaf.codes, leaf.weight_bits)


def unpacked(stored: npt.NDArray[np.int8], tile: AnyLinear) -> npt.NDArray[np.int8]:
    """Codes of a tile from its stored bytes."""
    return unpack_codes(stored.view(np.uint8), tile.weight_bits, tile.codes.shape)


def tile_of(leaf: AnyLinear, rows: tuple[Tile, ...], columns: Tile) -> tuple[AnyLinear, Packed]:
    """The linear of some rows and columns, and its codes as stored."""
    known = _tiles.setdefault(leaf, {})
    key = rows, columns
    if key not in known:
        part = None
        if (sum(tile.size for tile in rows), columns.size) != leaf.codes.shape:
            part = _part(leaf, np.concatenate([np.arange(t.start, t.stop) for t in rows]), columns)
        known[key] = part, packed_codes(part or leaf)
    part, packed = known[key]
    return part or leaf, packed


def _part(leaf: AnyLinear, at: npt.NDArray[np.integer], columns: Tile) -> AnyLinear:
    codes = np.ascontiguousarray(leaf.codes[at, columns.start : columns.stop])
    bias = None if leaf.bias is None else leaf.bias[at]
    part = replace(leaf, codes=codes, bias=bias, multiplier=leaf.multiplier[at], shift=leaf.shift[at])
    if isinstance(part, Linear):
        return part
    if part.zero_point is not None:
        part = replace(part, zero_point=part.zero_point[at])
    if part.block_scale is not None:
        scale = part.block_scale[at]
        if columns.size < leaf.codes.shape[1]:  # a tile may begin within a block: then every input is one
            each = np.repeat(scale, part.block, axis=1)[:, columns.start : columns.stop]
            return replace(part, block=1, block_scale=np.ascontiguousarray(each))
        part = replace(part, block_scale=scale)
    return part
