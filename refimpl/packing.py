"""Bit layout of stored codes.  Spec: section 6."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from refimpl.errors import InputError


def packed_bytes(count: int, bits: int) -> int:
    """Bytes of ``count`` codes of ``bits`` bits."""
    return (count * bits + 7) // 8


def pack_codes(codes: npt.NDArray[np.int8], bits: int) -> npt.NDArray[np.uint8]:
    """Two's-complement codes of 2 to 8 bits as one stream of bits, low bits and first codes first.

    Code i takes the bits i * bits .. i * bits + bits - 1; bit b of the stream is bit b % 8 of byte b // 8.
    Rows follow each other without padding and may begin within a byte; zeros fill the last byte.  With 4 bits
    these are nibbles, the low one first (CMSIS-NN's layout).

    Raises InputError for a code outside [-2^(bits - 1), 2^(bits - 1) - 1].
    """
    flat, top = np.asarray(codes).reshape(-1), 1 << bits - 1
    if flat.size and (flat.min() < -top or flat.max() >= top):
        raise InputError(f"int{bits} codes run from {flat.min()} to {flat.max()}; "
                         f"they must lie in [{-top}, {top - 1}].")
    one_a_byte = np.ascontiguousarray(flat, np.int8).view(np.uint8)
    if bits == 8:
        return one_a_byte.copy()
    stream = np.unpackbits(one_a_byte[:, None], axis=1, bitorder="little")[:, :bits]
    return np.packbits(stream, bitorder="little")


def unpack_codes(packed: npt.NDArray[np.uint8], bits: int, shape: tuple[int, ...]) -> npt.NDArray[np.int8]:
    """Inverse of :func:`pack_codes` for codes of ``shape``."""
    packed, count = np.asarray(packed, np.uint8), int(np.prod(shape))
    if packed.size != packed_bytes(count, bits):
        raise InputError(f"{packed.size} bytes of int{bits} codes, but shape {shape} needs "
                         f"{packed_bytes(count, bits)}.")
    stream = np.unpackbits(packed, bitorder="little")[: count * bits].reshape(count, bits)
    values = np.packbits(stream, axis=1, bitorder="little").astype(np.int16).reshape(count)
    sign = 1 << bits - 1
    return ((values ^ sign) - sign).reshape(shape).astype(np.int8)
