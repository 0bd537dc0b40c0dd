"""Where a plan has to live: the memories of a part that are left for the arena."""

from __future__ import annotations

from dataclasses import dataclass

from mcusim.parts import Part, Region
from mcusim.planner.ledger import Memories
from mcusim.program import Program


@dataclass(frozen=True)
class Room:
    """A region's name and the bytes of it that the arena may use."""

    region: str
    bytes: int


@dataclass(frozen=True)
class Segment:
    """A stretch of the arena: one persistent buffer, or the scratch of all scopes."""

    name: str
    region: str
    offset: int
    bytes: int


@dataclass(frozen=True)
class Target:
    """A part with image and program laid into it; ``image_fits`` where they have room.

    ``code`` and ``data`` are the memories of the program: instructions, and statics with the stack.
    """

    part: Part
    program: Program
    code: Region
    data: Region
    memories: Memories
    rooms: tuple[Room, ...]
    image_fits: bool

    @property
    def staged(self) -> bool:
        """Weights need a buffer in the arena unless the image itself lies in random-access memory."""
        return self.memories.image.kind != "sram"

    @property
    def mapped(self) -> bool:
        """A kernel can read weights where the image lies."""
        return self.memories.image.kind in ("sram", "nvm")

    def in_use(self, sizes: dict[str, int]) -> tuple[Region, ...]:
        """The memories that program, image, rows and an arena of these segments use."""
        names = {self.code.name, self.data.name, self.memories.image.name, self.memories.rows.name}
        names |= {segment.region for segment in lay_out(sizes, self.rooms) or ()}
        return tuple(region for region in self.part.regions if region.name in names)


def target_of(part: Part, image_bytes: int, program: Program, outside: int = 0) -> Target:
    """Lay image and program into the first regions with room for them; what is left is for the arena.

    ``outside``: bytes of embedding rows that stand beside the image; without them every row is the image's.
    """
    left = {region.name: region.bytes for region in part.regions}
    image = part.region("image", image_bytes)
    rows = part.region("rows", outside) if outside else image
    code, data = part.code_region(program.code.count), part.data_region(program.in_sram)
    left[image.name] -= image_bytes
    left[code.name] -= program.code.count
    left[data.name] -= program.in_sram
    rooms = tuple(Room(r.name, max(0, left[r.name])) for r in part.regions if "arena" in r.purposes)
    largest = max(rooms, key=lambda room: room.bytes).region
    arena = next(region for region in part.regions if region.name == largest)
    return Target(part, program, code, data, Memories(image, rows, arena), rooms, min(left.values()) >= 0)


def lay_out(sizes: dict[str, int], rooms: tuple[Room, ...]) -> tuple[Segment, ...] | None:
    """Place segments into rooms: all into the first that holds them, else each where it fits, largest
    first.  None if some segment fits nowhere."""
    total = sum(sizes.values())
    for room in rooms:
        if total <= room.bytes:
            rooms = (room,)
            break
    order = list(sizes) if len(rooms) == 1 else sorted(sizes, key=lambda name: -sizes[name])
    used = dict.fromkeys((room.region for room in rooms), 0)
    segments = []
    for name in order:
        for room in rooms:
            if used[room.region] + sizes[name] <= room.bytes:
                segments.append(Segment(name, room.region, used[room.region], sizes[name]))
                used[room.region] += sizes[name]
                break
        else:
            return None
    return tuple(segments)
