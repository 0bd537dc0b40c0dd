"""Where a plan has to live: the memories of a part that are left for the arena."""

from __future__ import annotations

from dataclasses import dataclass

from mcusim.parts import Part
from mcusim.planner.ledger import Memories


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
    """A part with the image and the code laid into it; ``image_fits`` where they have room."""

    part: Part
    memories: Memories
    rooms: tuple[Room, ...]
    image_fits: bool

    @property
    def staged(self) -> bool:
        """Weights need a buffer in the arena unless the image itself lies in random-access memory."""
        return self.memories.image.kind != "sram"


def target_of(part: Part, image_bytes: int) -> Target:
    """Lay image and code into the first regions with room for them; what is left is for the arena."""
    left = {region.name: region.bytes for region in part.regions}
    image = part.region("image", image_bytes)
    left[image.name] -= image_bytes
    left[part.region("code", part.code_bytes).name] -= part.code_bytes
    rooms = tuple(Room(r.name, max(0, left[r.name])) for r in part.regions if "arena" in r.purposes)
    largest = max(rooms, key=lambda room: room.bytes).region
    arena = next(region for region in part.regions if region.name == largest)
    return Target(part, Memories(image, part.region("rows"), arena), rooms, min(left.values()) >= 0)


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
