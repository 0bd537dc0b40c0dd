"""Bit layouts of stored codes.  Spec: section 6."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from refimpl.errors import InputError


def pack_int4(codes: npt.NDArray[np.int8]) -> npt.NDArray[np.uint8]:
    """Two's-complement nibbles, low nibble first, rows contiguous without padding (CMSIS-NN's layout).

    An odd row length makes rows straddle bytes; an odd total pads the last high nibble with 0.
    Codes must lie in [-8, 7].
    """
    flat = np.asarray(codes).reshape(-1)
    if flat.size and (flat.min() < -8 or flat.max() > 7):
        raise InputError(f"int4 codes run from {flat.min()} to {flat.max()}; they must lie in [-8, 7].")
    nibbles = np.zeros(flat.size + flat.size % 2, np.uint8)
    nibbles[: flat.size] = flat.astype(np.int8).view(np.uint8) & 15
    return (nibbles[0::2] | nibbles[1::2] << 4).astype(np.uint8)


def unpack_int4(packed: npt.NDArray[np.uint8], shape: tuple[int, ...]) -> npt.NDArray[np.int8]:
    """Inverse of :func:`pack_int4` for codes of ``shape``."""
    packed = np.asarray(packed, np.uint8)
    size = int(np.prod(shape))
    if packed.size != (size + 1) // 2:
        raise InputError(f"{packed.size} bytes of int4 codes, but shape {shape} needs {(size + 1) // 2}.")
    nibbles = np.empty(packed.size * 2, np.uint8)
    nibbles[0::2] = packed & 15
    nibbles[1::2] = packed >> 4
    signed = (nibbles.astype(np.int8) ^ 8) - 8
    return signed[:size].reshape(shape).astype(np.int8)
