"""From counted events and image sections to bytes: what the device reads and what it must hold."""

from __future__ import annotations

from dataclasses import dataclass

from mcusim.timing import OperatorCounts
from refimpl.counting import CountedStep, Event
from refimpl.image import Image
from refimpl.models_report.liveness import scratch


def operator_counts(event: Event, weight_bits: int) -> OperatorCounts:
    """One event in the timing model's terms; weights are read once an application."""
    c = event.counts
    return OperatorCounts(
        macs_w8a8=c.macs if weight_bits > 4 else 0,
        macs_w4a8=c.macs if weight_bits <= 4 else 0,
        macs_a8a8=c.attention_macs if event.op == "scores" else 0,
        macs_a16a8=c.attention_macs if event.op == "weighted_values" else 0,
        requantizations=c.requantizations,
        norm_elements=c.norm_elements,
        softmax_elements=c.softmax_elements,
        lookups=c.lookups,
        elements=c.adds + c.products + c.rope_elements,
        weight_bytes=(c.weight_elements * (8 if weight_bits > 4 else 4) + 7) // 8 + c.constant_bytes,
        row_bytes=c.row_bytes,
        arena_bytes=event.input_bytes + event.output_bytes,
    )


@dataclass(frozen=True)
class Share:
    """A named part of a memory: ``size`` bytes for ``what``."""

    what: str
    size: int


WEIGHTS, SCALES = "weight codes", "multipliers, shifts, biases"
TABLES, ROWS = "tables and constants", "embedding rows"
DIRECTORY = "directory and alignment"
CARRY, INPUT, SCRATCH, CODE = "carry z_H, z_L", "input x", "scratch at the peak", "code allowance"


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


def arena_shares(step: CountedStep) -> tuple[Share, ...]:
    """Carry, x and the scratch of a runtime that executes whole operators one after another.

    Without tiling or fusion: every operator reads and writes full tensors.
    """
    config = step.config
    peak = scratch(step)
    x = config.positions * config.hidden_size * 4  # int32 state units
    return (
        Share(CARRY, peak.carry),
        Share(INPUT, x),
        Share(SCRATCH, peak.whole_operators - peak.carry - x),
    )
