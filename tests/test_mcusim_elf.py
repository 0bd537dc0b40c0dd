"""Linked programs are read strictly: what is no program of a microcontroller gets a sentence."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from mcusim.elf import HEADER, SECTION, SYMBOL, read_elf
from mcusim.linked import charged
from refimpl.errors import InputError

NAMES = b"\0.text\0.data\0.bss\0.rr_stack\0rr_image\0rr_arena_sram\0rr_flash_image\0rr_stack_reserve\0"


def at(name: str) -> int:
    return NAMES.index(b"\0" + name.encode() + b"\0") + 1

SYMTAB = struct.pack("<I", HEADER.size + len(NAMES))  # where its offset stands in the section table


def program(**changes: int) -> bytes:
    """A small ELF: 100 B of code, 50 of image, 8 of data, 600 of bss with a 500 B arena, 64 B of stack."""
    kind = changes.get("kind", 2)
    symbols = [(at("rr_arena_sram"), 0x20000000, 500, 1, 0, 4), (at("rr_flash_image"), 0x100, 50, 1, 0, 1),
               (at("rr_stack_reserve"), 48, 0, 0, 0, 0xFFF1)]  # fmt: skip
    if changes.get("nameless"):
        symbols = symbols[:1]
    table = b"".join(SYMBOL.pack(*symbol) for symbol in symbols)
    strings = HEADER.size
    symtab = strings + len(NAMES)
    sections = [
        (0,) * 10,
        (at(".text"), 1, 6, 0, strings, 150, 0, 0, 1, 0),  # 100 of code and 50 of image
        (at(".data"), 1, 3, 0x20000000, strings, 8, 0, 0, 1, 0),
        (0, 3, 0, 0, strings, len(NAMES), 0, 0, 1, 0),
        (at(".bss"), 8, 3, 0x20000008, 0, 600, 0, 0, 1, 0),
        (at(".rr_stack"), 8, 3, 0x20000300, 0, 64, 0, 0, 1, 0),
        (0, 2, 0, 0, symtab, len(table), 3, 0, 4, SYMBOL.size),
    ]
    offset = symtab + len(table)
    magic, size = b"\x7fELF" + bytes([changes.get("bits", 1), 1, 1]) + bytes(9), SECTION.size
    header = HEADER.pack(magic, kind, 40, 1, 0, 0, offset, 0, HEADER.size, 0, 0, size, len(sections), 3)
    return header + NAMES + table + b"".join(SECTION.pack(*section) for section in sections)


def test_a_link_is_charged_to_the_byte(tmp_path: Path) -> None:
    path = tmp_path / "a.elf"
    path.write_bytes(program())
    found = charged(read_elf(path))
    assert (found.code.count, found.statics.count, found.stack.count) == (108, 108, 64)
    assert found.code.basis == "measured"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is no ELF file"),
        (b"\x7fELF", "is no ELF file"),
        (program(bits=2), "is no 32-bit little-endian ELF file"),
        (program(kind=1), "is not linked yet"),
        (program()[:-1], "has no section table"),
        (program().replace(SYMTAB, struct.pack("<I", 1 << 20)), "cut short"),
    ],
)
def test_what_is_no_program_gets_a_sentence(content: bytes, sentence: str, tmp_path: Path) -> None:
    path = tmp_path / "a.elf"
    path.write_bytes(content)
    with pytest.raises(InputError, match=sentence):
        read_elf(path)


def test_a_link_without_the_exported_names_gets_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "a.elf"
    path.write_bytes(program(nameless=1))
    with pytest.raises(InputError, match="has no rr_flash_image"):
        charged(read_elf(path))
    with pytest.raises(InputError, match="cannot be read"):
        read_elf(tmp_path / "missing.elf")
