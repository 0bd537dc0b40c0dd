"""The flash image: one file with the bytes a device would hold.  Spec: section 8.

Little endian.  A 32-byte header, a table of 64-byte entries, then the sections, each 16-byte aligned::

    header  magic "RRIM", version u32, section count u32, file bytes u32, table CRC32 u32, 12 zero bytes
    entry   name char[36], element u8, rank u8, 2 zero bytes, dims u32[3], offset u32, bytes u32, CRC32 u32

There is one way to lay given sections out: no name twice, payloads in the order of the table, each at the
next multiple of 16, zero bytes between them and nothing behind the last; unused dims, characters and bits
are zero.  So every bit of a file is one that a check reads.

A leaf ``X`` of the tree is stored as sections ``X/codes``, ``X/multiplier``, ...; firmware finds them by
name and reads them in place.  ``config`` is int32[], in the order of ``CONFIG_FIELDS``.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from refimpl.errors import InputError
from refimpl.packing import pack_codes, packed_bytes, unpack_codes

MAGIC = b"RRIM"
VERSION = 2
ALIGNMENT = 16
HEADER = struct.Struct("<4sIIII12x")
ENTRY = struct.Struct("<36sBBH3IIII")
# Element code -> name and bits; codes of fewer than 8 bits are packed (:mod:`refimpl.packing`).
ELEMENTS: dict[int, tuple[str, int]] = {
    1: ("int8", 8), 2: ("int16", 16), 3: ("int32", 32), 4: ("int4", 4), 5: ("uint8", 8),
    18: ("int2", 2), 19: ("int3", 3), 21: ("int5", 5), 22: ("int6", 6), 23: ("int7", 7),
}  # fmt: skip
CODES = {name: code for code, (name, _) in ELEMENTS.items()}

Array = npt.NDArray[np.integer]


def bits_of(element: str) -> int:
    """Bits of one value of an element."""
    return ELEMENTS[CODES[element]][1]


def _stored_type(element: str) -> str:
    return f"<{element[0]}{bits_of(element) // 8}"


@dataclass(frozen=True, eq=False)
class Section:
    """A named tensor; ``element`` is a name in ELEMENTS; packed codes come as int8."""

    name: str
    element: str
    values: Array

    @property
    def size(self) -> int:
        """Bytes, from the shape alone."""
        return packed_bytes(prod(self.values.shape), bits_of(self.element))

    def payload(self) -> bytes:
        if bits_of(self.element) < 8:
            return pack_codes(self.values.astype(np.int8), bits_of(self.element)).tobytes()
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


def align(offset: int) -> int:
    return -(-offset // ALIGNMENT) * ALIGNMENT


def encode(sections: list[Section]) -> bytes:
    """Return the image of ``sections``; equal sections give equal bytes."""
    names = [s.name for s in sections]
    if len(set(names)) != len(names):
        raise InputError(f"image: section {max(names, key=names.count)!r} occurs twice.")
    offset = align(HEADER.size + ENTRY.size * len(sections))
    table, body = bytearray(), bytearray()
    start = offset
    for section in sections:
        raw, name = section.payload(), section.name.encode("ascii")
        if len(name) > 36 or section.values.ndim > 3:
            raise InputError(f"image: section {section.name!r}: a name over 36 bytes or over 3 dimensions.")
        dims = (*section.values.shape, 0, 0, 0)[:3]
        table += ENTRY.pack(name, CODES[section.element], section.values.ndim, 0, *dims, offset, len(raw),
                            zlib.crc32(raw))  # fmt: skip
        body += raw + bytes(align(len(raw)) - len(raw))
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
            used = prod(entry.shape) * bits_of(entry.element) % 8
            if used and self._raw(entry)[-1] >> used:
                raise InputError(f"{where}: the unused bits of section {entry.name!r} are not zero.")
        self.read = set[str]()

    def _read_table(self) -> dict[str, Entry]:
        where, size = self.where, len(self.data)
        if size < HEADER.size or bytes(self.data[:4]) != MAGIC:
            raise InputError(f"{where} is no flash image: it does not begin with {MAGIC.decode()}.")
        if any(self.data[HEADER.size - 12 : HEADER.size]):
            raise InputError(f"{where}: the header's 12 reserved bytes are not zero: it is damaged.")
        _, version, count, total, table_crc = HEADER.unpack_from(self.data)
        if version != VERSION:
            raise InputError(f"{where} has image version {version}; this reads version {VERSION}. "
                             "Write it anew with "
                             "`python -m refimpl quantize NETWORK FILE --weights FORMAT`.")  # fmt: skip
        end = HEADER.size + count * ENTRY.size
        table = self.data[HEADER.size : end]
        if end > size or zlib.crc32(table) != table_crc:
            raise InputError(f"{where}: the section table is damaged or truncated.")
        entries = dict[str, Entry]()
        for raw in ENTRY.iter_unpack(table):
            entry = self._read_entry(raw)
            if entry.name in entries:
                raise InputError(f"{where}: section {entry.name!r} occurs twice.")
            self._check_place(entry, end)
            entries[entry.name] = entry
            end = entry.offset + entry.size
        self._check_zero(end, align(end), "the end")
        if total != size or size != align(end):
            raise InputError(f"{where} has {size:,} bytes; its header says {total:,}, its sections "
                             f"{align(end):,}.")  # fmt: skip
        return entries

    def _read_entry(self, raw: tuple[Any, ...]) -> Entry:
        name, element, rank, zero, *dims, offset, length, crc = raw
        text = name.rstrip(b"\0")
        if not text or any(c <= 32 or c > 126 for c in text):
            raise InputError(f"{self.where}: a section's name is no word of ASCII letters.")
        word, (kind, bits) = text.decode("ascii"), ELEMENTS.get(element, ("", 0))
        shape = tuple(dims[:rank])
        plain = 1 <= rank <= 3 and zero == 0 and min(shape) > 0 and not any(dims[rank:])
        if not kind or not plain or length != packed_bytes(prod(shape), bits):
            raise InputError(f"{self.where}: section {word!r} has an impossible type or size.")
        return Entry(word, kind, shape, offset, length, crc)

    def _check_place(self, entry: Entry, end: int) -> None:
        """Refuse a section that does not begin right after what ends at ``end``, or ends outside the file."""
        if entry.offset != align(end):
            raise InputError(f"{self.where}: section {entry.name!r} begins at byte {entry.offset:,}; "
                             f"its place is {align(end):,}.")  # fmt: skip
        if entry.offset + entry.size > len(self.data):
            raise InputError(f"{self.where}: section {entry.name!r} ends at byte "
                             f"{entry.offset + entry.size:,}, but the file has {len(self.data):,}: "
                             "it is truncated.")  # fmt: skip
        self._check_zero(end, entry.offset, f"section {entry.name!r}")

    def _check_zero(self, start: int, stop: int, what: str) -> None:
        if any(self.data[start:stop]):
            raise InputError(f"{self.where}: the bytes in front of {what} are not zero: it is damaged.")

    def _raw(self, entry: Entry) -> memoryview:
        return self.data[entry.offset : entry.offset + entry.size]

    def unread(self) -> list[str]:
        """Sections nobody asked for yet; a model's image has none once the model is read."""
        return [name for name in self.entries if name not in self.read]

    def entry(self, name: str) -> Entry:
        if name not in self.entries:
            raise InputError(f"{self.where}: section {name!r} is missing.")
        self.read.add(name)
        return self.entries[name]

    def array(self, name: str) -> Array:
        """The values of a section; packed codes become int8, others are viewed in place (read-only)."""
        entry = self.entry(name)
        raw = np.frombuffer(self._raw(entry), np.uint8)
        if bits_of(entry.element) < 8:
            return unpack_codes(raw, bits_of(entry.element), entry.shape)
        return raw.view(_stored_type(entry.element)).reshape(entry.shape)
