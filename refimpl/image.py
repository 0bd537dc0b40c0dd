"""The flash image: one file with the bytes a device would hold.  Spec: section 8.

Little endian.  A 32-byte header, a table of 64-byte entries, then the sections, each 16-byte aligned::

    header  magic "RRIM", version u32, section count u32, file bytes u32, table CRC32 u32, 12 zero bytes
    entry   name char[36], element u8, rank u8, 2 zero bytes, dims u32[3], offset u32, bytes u32, CRC32 u32

A leaf ``X`` of the tree is stored as sections ``X/codes``, ``X/multiplier``, ...; firmware finds them by
name and reads them in place.  ``config`` is int32[], in the order of ``CONFIG_FIELDS``.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from refimpl.errors import InputError
from refimpl.packing import pack_int4, unpack_int4

MAGIC = b"RRIM"
VERSION = 1
ALIGNMENT = 16
HEADER = struct.Struct("<4sIIII12x")
ENTRY = struct.Struct("<36sBB2x3IIII")
# Element codes; int4 is stored as nibbles, low first, rows contiguous.
ELEMENTS: dict[int, tuple[str, int]] = {
    1: ("int8", 8), 2: ("int16", 16), 3: ("int32", 32), 4: ("int4", 4), 5: ("uint8", 8),
}  # fmt: skip
CODES = {name: code for code, (name, _) in ELEMENTS.items()}

Array = npt.NDArray[np.integer]


def _stored_type(element: str) -> str:
    return f"<{element[0]}{ELEMENTS[CODES[element]][1] // 8}"


@dataclass(frozen=True, eq=False)
class Section:
    """A named tensor; ``element`` is a name in ELEMENTS; int4 values come as int8 in [-8, 7]."""

    name: str
    element: str
    values: Array

    def payload(self) -> bytes:
        if self.element == "int4":
            return pack_int4(self.values.astype(np.int8)).tobytes()
        return np.ascontiguousarray(self.values).astype(_stored_type(self.element)).tobytes()


@dataclass(frozen=True)
class Entry:
    """Where a section lies: byte offset and size within the image."""

    name: str
    element: str
    shape: tuple[int, ...]
    offset: int
    size: int
    crc32: int


def _align(offset: int) -> int:
    return -(-offset // ALIGNMENT) * ALIGNMENT


def encode(sections: list[Section]) -> bytes:
    """Return the image of ``sections``; equal sections give equal bytes."""
    names = [s.name for s in sections]
    if len(set(names)) != len(names):
        raise InputError(f"image: section {max(names, key=names.count)!r} occurs twice.")
    offset = _align(HEADER.size + ENTRY.size * len(sections))
    table, body = bytearray(), bytearray()
    start = offset
    for section in sections:
        raw, name = section.payload(), section.name.encode("ascii")
        if len(name) > 36 or section.values.ndim > 3:
            raise InputError(f"image: section {section.name!r}: a name over 36 bytes or over 3 dimensions.")
        dims = (*section.values.shape, 0, 0, 0)[:3]
        table += ENTRY.pack(name, CODES[section.element], section.values.ndim, *dims, offset, len(raw),
                            zlib.crc32(raw))  # fmt: skip
        body += raw + bytes(_align(len(raw)) - len(raw))
        offset = start + len(body)
    header = HEADER.pack(MAGIC, VERSION, len(sections), start + len(body), zlib.crc32(table))
    return header + bytes(table) + bytes(start - HEADER.size - len(table)) + bytes(body)


class Image:
    """A decoded image: section table checked, sections read on demand from the same bytes.

    Raises InputError naming the damaged section when a CRC32 or an extent is wrong.
    """

    def __init__(self, data: bytes | memoryview, where: str = "image") -> None:
        self.data = memoryview(data)
        self.where = where
        self.entries: Mapping[str, Entry] = self._read_table()
        for entry in self.entries.values():
            if zlib.crc32(self._raw(entry)) != entry.crc32:
                raise InputError(f"{where}: section {entry.name!r} is damaged: its CRC32 differs.")

    def _read_table(self) -> dict[str, Entry]:
        where, size = self.where, len(self.data)
        if size < HEADER.size or bytes(self.data[:4]) != MAGIC:
            raise InputError(f"{where} is no flash image: it does not begin with {MAGIC.decode()}.")
        if any(self.data[HEADER.size - 12 : HEADER.size]):
            raise InputError(f"{where}: the header's 12 reserved bytes are not zero: it is damaged.")
        _, version, count, total, table_crc = HEADER.unpack_from(self.data)
        if version != VERSION:
            raise InputError(f"{where} has image version {version}; this reads version {VERSION}.")
        end = HEADER.size + count * ENTRY.size
        table = self.data[HEADER.size : end]
        if end > size or zlib.crc32(table) != table_crc:
            raise InputError(f"{where}: the section table is damaged or truncated.")
        entries = {}
        for raw in ENTRY.iter_unpack(table):
            name = raw[0].rstrip(b"\0").decode("ascii")
            element, bits = ELEMENTS.get(raw[1], ("", 0))
            shape = tuple(raw[3 : 3 + raw[2]])
            offset, length, crc = raw[6:]
            if not element or length != (int(np.prod(shape)) * bits + 7) // 8:
                raise InputError(f"{where}: section {name!r} has an impossible type or size.")
            if offset + length > size:
                raise InputError(f"{where}: section {name!r} ends at byte {offset + length:,}, "
                                 f"but the file has {size:,}: it is truncated.")
            entries[name] = Entry(name, element, shape, offset, length, crc)
        if total != size:
            raise InputError(f"{where} has {size:,} bytes; its header says {total:,}.")
        return entries

    def _raw(self, entry: Entry) -> memoryview:
        return self.data[entry.offset : entry.offset + entry.size]

    def entry(self, name: str) -> Entry:
        if name not in self.entries:
            raise InputError(f"{self.where}: section {name!r} is missing.")
        return self.entries[name]

    def array(self, name: str) -> Array:
        """The values of a section; int4 unpacked to int8, others viewed in place (read-only)."""
        entry = self.entry(name)
        raw = np.frombuffer(self._raw(entry), np.uint8)
        if entry.element == "int4":
            return unpack_int4(raw, entry.shape)
        return raw.view(_stored_type(entry.element)).reshape(entry.shape)
