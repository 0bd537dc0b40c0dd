"""A user's own link of an exported folder, charged in place of the builds measured here."""

from __future__ import annotations

from mcusim.elf import Elf
from mcusim.figures import Figure
from mcusim.planner.plan import Plan
from mcusim.program import Program
from refimpl.errors import InputError

# Names in the exported sources: arrays, one a memory; the image; the reserve that the linker script states.
ARENA_SYMBOL, IMAGE_SYMBOL, STACK_SYMBOL = "rr_arena_", "rr_flash_image", "rr_stack_reserve"


def charged(elf: Elf) -> Program:
    """What a linked program takes beside the arena and the image in it, to the byte as ``size`` prints it."""
    image, stack = elf.symbol(IMAGE_SYMBOL), elf.symbol(STACK_SYMBOL)
    if image is None or stack is None or not stack.absolute:
        raise InputError(
            f"{elf.path} has no {IMAGE_SYMBOL if image is None else STACK_SYMBOL}; "
            "--elf takes a program linked with an exported folder and its linker fragment."
        )
    loaded = sum(s.size for s in elf.sections if s.loaded)
    in_ram = sum(s.size for s in elf.sections if s.writable)
    arena = sum(symbol.size for symbol in elf.named(ARENA_SYMBOL))
    held = sum(s.size for s in elf.sections if s.name == ".rr_stack")
    parts = (loaded - image.size, in_ram - arena - held, held or stack.value)
    return Program(*(Figure(value, "measured", f"the linked program {elf.path}") for value in parts))


def check_arena(elf: Elf, plan: Plan) -> None:
    """Refuse a program whose arena is not the plan's."""
    arena = sum(symbol.size for symbol in elf.named(ARENA_SYMBOL))
    if arena != plan.high_water:
        raise InputError(
            f"{elf.path} holds {arena:,} bytes of arena, but the plan of this run needs {plan.high_water:,}; "
            "ask for the plan that was exported (--plan)."
        )
