"""Whose bytes are they: the shares of a flash image and of a plan's arena."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from mcusim.images import together
from mcusim.planner.plan import SCRATCH, Plan
from mcusim.program import Program
from refimpl.image import Image


@dataclass(frozen=True)
class Share:
    """A named part of a memory: ``size`` bytes for ``what``."""

    what: str
    size: int


WEIGHTS, SCALES = "weight codes", "multipliers, shifts, biases"
TABLES, ROWS = "tables and constants", "embedding rows"
DIRECTORY = "directory and alignment"
CARRY, INPUT, CACHED, TILES = "carry z_H, z_L", "input x", "weights held in SRAM", "scratch of the tiles"
CODE, STATICS, STACK = "code and constants", "statics", "stack"
RESIDENT, STREAMED = "resident puzzle table", "streamed puzzle table"


def image_shares(image: Image) -> tuple[Share, ...]:
    """What the bytes of a flash image are; they sum to the size of the file."""
    sizes = dict.fromkeys((WEIGHTS, SCALES, TABLES, ROWS), 0)
    linears = {name.removesuffix("/format") for name in image.entries if name.endswith("/format")}
    for name, entry in image.entries.items():
        leaf, _, part = name.partition("/")
        if leaf in linears:
            sizes[WEIGHTS if part == "codes" else SCALES] += entry.size
        elif leaf.startswith("embed_") or leaf == "puzzle_emb":
            sizes[ROWS] += entry.size
        elif part:
            sizes[TABLES] += entry.size
    rest = len(image.data) - sum(sizes.values())
    return (*(Share(what, size) for what, size in sizes.items()), Share(DIRECTORY, rest))


def images_shares(images: Sequence[Image]) -> tuple[Share, ...]:
    """What the bytes of the images are, together; the gap between two is alignment."""
    sizes: Counter[str] = Counter()
    for image in images:
        sizes.update({share.what: share.size for share in image_shares(image)})
    sizes[DIRECTORY] += len(together(images)) - sizes.total()
    return tuple(Share(what, size) for what, size in sizes.items())


def program_shares(program: Program) -> tuple[Share, Share, Share]:
    """Code in non-volatile memory; statics and stack in SRAM."""
    return (Share(CODE, program.code.count), Share(STATICS, program.statics.count),
            Share(STACK, program.stack.count))  # fmt: skip


def arena_shares(plan: Plan) -> tuple[Share, ...]:
    """Carry, x where it is stored, resident weights, and the scratch of the neediest sublayer."""
    names = {"z_H": CARRY, "z_L": CARRY, "x": INPUT, SCRATCH: TILES}
    sizes = dict.fromkeys((CARRY, INPUT, CACHED, TILES), 0)
    for segment, size in plan.sizes.items():
        sizes[names.get(segment, CACHED)] += size
    return tuple(Share(what, size) for what, size in sizes.items() if size)
