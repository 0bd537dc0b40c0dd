"""How many bytes of state a recursion needs at least, from the lifetimes of counted buffers.

Two bounds for one puzzle in the integer reading's types (int16 states, int32 sums, int8 activations):
*carry*, what must survive from one call to the next (z_H and z_L) and no plan with an int16
carry can avoid; *whole
operators*, the peak if every operator reads and writes its full tensors and x stays in memory, which is
the least that a runtime without tiling or fusion can do.
"""

from __future__ import annotations

from dataclasses import dataclass

from workbench.counting import CountedStep


@dataclass(frozen=True)
class Scratch:
    """Bytes: ``carry`` between calls; ``whole_operators`` at its peak, in ``peak_op`` of ``peak_site``."""

    carry: int
    whole_operators: int
    peak_op: str
    peak_site: str


def _outliving(step: CountedStep) -> tuple[set[int], set[int]]:
    """Buffers of the carry after the step, and of everything that lives past it (with x)."""
    last = {counted.call.level: counted.events[-1].writes for counted in step.calls}
    embedded = {event.writes for event in step.start if event.op == "embed"}
    return set(last.values()), set(last.values()) | embedded


def scratch(step: CountedStep) -> Scratch:
    """Both bounds over one ACT step."""
    events = step.events
    carry, outliving = _outliving(step)
    size: dict[int, int] = {}
    last_use: dict[int, int] = {}
    for time, event in enumerate(events):
        size[event.writes] = event.output_bytes
        for buffer in (*event.reads, event.writes):
            last_use[buffer] = time
    last_use |= dict.fromkeys(outliving, len(events))

    live: set[int] = set()
    peak, at = 0, events[0]
    for time, event in enumerate(events):
        live.add(event.writes)
        used = sum(size[buffer] for buffer in live)
        if used > peak:
            peak, at = used, event
        live = {buffer for buffer in live if last_use[buffer] > time}
    return Scratch(sum(size[buffer] for buffer in carry), peak, at.op, at.site)

