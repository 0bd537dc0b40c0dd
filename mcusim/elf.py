"""What a linked program occupies: a strict reader of 32-bit little-endian ELF, sections and symbols only."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from refimpl.errors import InputError
from workbench.files.inputs import read_bytes

HEADER = struct.Struct("<16sHHIIIIIHHHHHH")
SECTION = struct.Struct("<10I")
SYMBOL = struct.Struct("<IIIBBH")
EXECUTABLE, SYMTAB, NOBITS = 2, 2, 8
WRITE, ALLOC = 1, 2
ABSOLUTE = 0xFFF1
LARGEST = 1 << 28


@dataclass(frozen=True)
class Section:
    """An allocated section: ``loaded`` if its bytes come from the file, ``writable`` if it is in RAM."""

    name: str
    address: int
    size: int
    loaded: bool
    writable: bool


@dataclass(frozen=True)
class Symbol:
    """``value`` is an address, or a number where the symbol is ``absolute``."""

    name: str
    value: int
    size: int
    absolute: bool


@dataclass(frozen=True)
class Elf:
    """A linked program."""

    path: Path
    sections: tuple[Section, ...]
    symbols: tuple[Symbol, ...]

    def symbol(self, name: str) -> Symbol | None:
        """The symbol called ``name``, or None."""
        return next((symbol for symbol in self.symbols if symbol.name == name), None)

    def named(self, prefix: str) -> tuple[Symbol, ...]:
        """The sized symbols whose names begin with ``prefix``."""
        return tuple(s for s in self.symbols if s.name.startswith(prefix) and s.size)


def read_elf(path: Path) -> Elf:
    """Read a linked 32-bit program.

    Raises
    ------
    InputError
        When the file cannot be read, is no such program, or contradicts itself.
    """
    data = read_bytes(path, "the program", LARGEST)
    if data[:4] != b"\x7fELF" or len(data) < HEADER.size:
        raise InputError(f"{path} is no ELF file; --elf takes the linked program, often called .elf or .axf.")
    if data[4:6] != b"\x01\x01":
        raise InputError(f"{path} is no 32-bit little-endian ELF file, as a microcontroller's program is.")
    fields = HEADER.unpack_from(data)
    kind, table, entry_size, count, names = fields[1], fields[6], fields[11], fields[12], fields[13]
    if kind != EXECUTABLE:
        raise InputError(f"{path} is not linked yet (ELF type {kind}); --elf takes the finished program.")
    if entry_size != SECTION.size or names >= count or table + count * SECTION.size > len(data):
        raise InputError(f"{path} has no section table; link without stripping it.")
    headers = [SECTION.unpack_from(data, table + i * SECTION.size) for i in range(count)]
    strings = _content(path, data, headers[names])
    sections = tuple(
        Section(_text(path, strings, h[0]), h[3], h[5], h[1] != NOBITS, bool(h[2] & WRITE))
        for h in headers
        if h[2] & ALLOC
    )
    return Elf(path, sections, tuple(_symbols(path, data, headers)))


def _content(path: Path, data: bytes, header: tuple[int, ...]) -> bytes:
    offset, size = header[4], header[5]
    if offset + size > len(data):
        raise InputError(f"{path} is cut short: a section ends at byte {offset + size:,} of {len(data):,}.")
    return data[offset : offset + size]


def _text(path: Path, strings: bytes, at: int) -> str:
    end = strings.find(b"\0", at)
    if at >= len(strings) or end < 0:
        raise InputError(f"{path} is damaged: a name lies outside its string table.")
    return strings[at:end].decode("ascii", "replace")


def _symbols(path: Path, data: bytes, headers: list[tuple[int, ...]]) -> Iterator[Symbol]:
    for header in headers:
        if header[1] != SYMTAB:
            continue
        if header[6] >= len(headers):
            raise InputError(f"{path} is damaged: its symbol table has no names.")
        strings, content = _content(path, data, headers[header[6]]), _content(path, data, header)
        for at in range(0, len(content) - SYMBOL.size + 1, SYMBOL.size):
            name, value, size, _, _, section = SYMBOL.unpack_from(content, at)
            if name:
                yield Symbol(_text(path, strings, name), value, size, section == ABSOLUTE)
