"""Where image, arena and stack lie: static arrays a memory, and a linker fragment that holds them to it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from mcusim.images import IMAGE_ALIGN
from mcusim.planner.target import Segment, Target

ARENA_ALIGN = 16


@dataclass(frozen=True)
class Bank:
    """The arena in one memory of the part: ``symbol`` of the array, ``bytes`` of it, ``room`` it may take."""

    region: str
    bytes: int
    room: int

    @property
    def symbol(self) -> str:
        return f"rr_arena_{identifier(self.region)}"

    @property
    def section(self) -> str:
        return f".rr_arena.{identifier(self.region)}"

    @property
    def memory(self) -> str:
        """Name of the linker's memory, an alias that the user points at one of his own."""
        return f"RR_ARENA_{identifier(self.region).upper()}"


def identifier(name: str) -> str:
    """A region's name as a C identifier."""
    return re.sub(r"\W", "_", name)


def banks_of(segments: tuple[Segment, ...], target: Target) -> tuple[Bank, ...]:
    """One bank a memory in use, in the part's order."""
    sizes: dict[str, int] = {}
    for segment in segments:
        sizes[segment.region] = max(sizes.get(segment.region, 0), segment.offset + segment.bytes)
    rooms = {room.region: room.bytes for room in target.rooms}
    return tuple(Bank(name, sizes[name], rooms[name]) for name in rooms if name in sizes)


def arena_source(banks: tuple[Bank, ...]) -> str:
    """``rr_arena.c``: the arrays, each in a section of its own."""
    arrays = "".join(
        f'RR_PLACED("{bank.section}") uint8_t {bank.symbol}[{bank.bytes}];\n' for bank in banks
    )
    rows = "".join(f'    {{"{bank.region}", {bank.symbol}, {bank.bytes}u}},\n' for bank in banks)
    return (
        "/* The arena: all memory that the program writes besides a few statics and its stack. */\n"
        '#include "rr_solve.h"\n\n'
        f"#define RR_PLACED(name) __attribute__((aligned({ARENA_ALIGN}), section(name)))\n\n{arrays}\n"
        f"const rr_arena_bank rr_arenas[RR_ARENAS] = {{\n{rows}}};\n"
    )


def fragment(banks: tuple[Bank, ...], stack: int, names: Mapping[str, str]) -> str:
    """``rr_regions.ld``: output sections and conditions, to be included in a user's own script.

    ``names``: what each alias stands for on the part that was planned for.
    """
    aliases = "".join(f' *     REGION_ALIAS("{alias}", ...)  {text}\n' for alias, text in names.items())
    arenas = "".join(
        f"{bank.section} (NOLOAD) : ALIGN({ARENA_ALIGN}) {{ KEEP(*({bank.section})) }} > {bank.memory}\n"
        for bank in banks
    )
    checks = "".join(
        f'ASSERT(SIZEOF({bank.section}) == {bank.bytes},\n'
        f'       "rr: the arena in {bank.region} is not the {bank.bytes} bytes of the plan")\n'
        for bank in banks
    )
    return (
        "/* Where the exported program lies. Write INCLUDE rr_regions.ld into the SECTIONS of your script,\n"
        " * before its .bss, and name the memories in front of them:\n"
        f"{aliases}"
        " * Reserve at least rr_stack_reserve bytes of stack for rr_solve, interrupts not counted. */\n"
        f"rr_stack_reserve = {stack};\n"
        f"{arenas}"
        f".rr_image : ALIGN({IMAGE_ALIGN}) {{ KEEP(*(.rr_image)) }} > RR_IMAGE\n"
        f"{checks}"
        f'ASSERT(SIZEOF(.rr_image) > 0, "rr: the image is not linked")\n'
        f"ASSERT(ADDR(.rr_image) % {IMAGE_ALIGN} == 0,\n"
        f'       "rr: the image is not aligned to {IMAGE_ALIGN} bytes")\n'
    )
