"""Time and energy of one operator from plain counts.  All results are estimates.

The rule is that of Arm's Vela: an operator takes as long as the slowest of its computation and each
memory it uses, because transfers overlap with computing.  What the core itself loads from non-volatile
memory (internal flash, execute in place) it waits for: that is added to the computation.
``overlap=False`` adds everything up instead.

Not modelled: DMA and core wanting the same bank at once, caches of data, wake-up from sleep, interrupts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from mcusim.figures import Range
from mcusim.parts import Part, Region

T = TypeVar("T")


@dataclass(frozen=True)
class OperatorCounts:
    """What one execution of an operator does.

    ``macs_w8a8`` / ``macs_w4a8`` are those of linears, by weight format; ``macs_a8a8`` are of q k^T,
    ``macs_a16a8`` of P V.  ``elements`` counts additions, rotations and copies,
    ``calls`` the kernels called; ``rescales`` are those requantizations that are an operator of their own
    and not the end of a matrix kernel.  ``weights`` to ``loose_vectors`` are of linears, ``score_outputs``
    to ``value_codes`` the same of attention's products (:data:`mcusim.cores.LINEAR_KINDS`).  ``block_sums``
    to ``mx_sums`` are of linears with zero points, blocks, wide or online activations
    (:data:`mcusim.cores.BLOCK_KINDS`).  ``embedded_rows`` are brought
    and added to x, each of so many ``embedded_elements``.  ``fetches`` copy ``fetched_bytes``
    of the ``weight_bytes`` that are read from the image, ``checks`` sum ``checked_bytes`` of them where the
    program checks them; ``row_bytes`` are read from embedding rows,
    ``arena_bytes`` read and written in the arena.
    """

    macs_w8a8: int = 0
    macs_w4a8: int = 0
    macs_a8a8: int = 0
    macs_a16a8: int = 0
    requantizations: int = 0
    norm_elements: int = 0
    softmax_elements: int = 0
    lookups: int = 0
    elements: int = 0
    calls: int = 0
    rescales: int = 0
    weights: int = 0
    channels: int = 0
    partials: int = 0
    partial_sums: int = 0
    pairs: int = 0
    loops: int = 0
    odd: int = 0
    to_quad: int = 0
    past_word: int = 0
    to_vector: int = 0
    tails: int = 0
    lanes: int = 0
    last_vectors: int = 0
    lone: int = 0
    lone_lanes: int = 0
    parts: int = 0
    unpaired: int = 0
    loose_words: int = 0
    loose_vectors: int = 0
    score_outputs: int = 0
    odd_scores: int = 0
    value_outputs: int = 0
    odd_values: int = 0
    value_columns: int = 0
    value_codes: int = 0
    block_sums: int = 0
    block_pieces: int = 0
    wide_outputs: int = 0
    wide_weights: int = 0
    wide_products: int = 0
    quantized: int = 0
    mx_sums: int = 0
    embedded_rows: int = 0
    embedded_elements: int = 0
    fetches: int = 0
    fetched_bytes: int = 0
    checks: int = 0
    checked_bytes: int = 0
    weight_bytes: int = 0
    row_bytes: int = 0
    arena_bytes: int = 0

    @property
    def macs(self) -> int:
        return self.macs_w8a8 + self.macs_w4a8 + self.macs_a8a8 + self.macs_a16a8

    def __add__(self, other: OperatorCounts) -> OperatorCounts:
        return sum_of((self, other))


def sum_of(each: Iterable[OperatorCounts]) -> OperatorCounts:
    """Their sum, count by count."""
    return OperatorCounts(*map(sum, zip(*(vars(one).values() for one in each), strict=True)))


# Which count is charged with which row of a core's ``instructions``.
WORK_OF_COUNT = {
    "rescales": "rescale",
    "norm_elements": "norm_element",
    "softmax_elements": "softmax_element",
    "lookups": "lookup",
    "elements": "element",
    "calls": "call",
    "block_sums": "block_sum",
    "block_pieces": "block_piece",
    "wide_outputs": "wide_output",
    "wide_weights": "wide_weight",
    "wide_products": "wide_product",
    "quantized": "quantized",
    "mx_sums": "mx_sum",
    "embedded_rows": "embedded_row",
    "embedded_elements": "embedded_element",
    "fetches": "fetch",
    "fetched_bytes": "fetched_byte",
    "checks": "check",
    "checked_bytes": "checked_byte",
}
# The same for the terms of a linear's kernel.
TERM_OF_COUNT = {
    "weights": "weight",
    "channels": "channel",
    "partials": "partial",
    "partial_sums": "partial_sum",
    "pairs": "pair",
    "loops": "loop",
    "odd": "odd",
    "to_quad": "to_quad",
    "past_word": "past_word",
    "to_vector": "to_vector",
    "tails": "tail",
    "lanes": "lane",
    "last_vectors": "last_vector",
    "lone": "lone",
    "lone_lanes": "lone_lane",
    "parts": "part",
    "unpaired": "unpaired",
    "loose_words": "loose_word",
    "loose_vectors": "loose_vector",
}
# And of the kernels of attention's products.
PRODUCT_OF_COUNT = {
    "odd_scores": ("a8a8", "odd"),
    "odd_values": ("a16a8", "odd"),
    "value_columns": ("a16a8", "channel"),
    "value_codes": ("a16a8", "weight"),
}


@dataclass(frozen=True)
class OperatorTime:
    """Seconds of one operator: ``compute``, each memory, and ``total`` by the rule in force.

    ``bound_by`` names what decides it at the slow end: ``compute`` or a region.
    """

    compute: Range
    memory: Mapping[str, float]
    total: Range
    bound_by: str


def instructions(counts: OperatorCounts, part: Part) -> float:
    """Instructions the core spends."""
    core = part.core
    requantize = core.unit("requantize")
    linear = core.macs["w4a8" if counts.macs_w4a8 else "w8a8"]  # an image has weights of one format
    products = {"a8a8": counts.score_outputs, "a16a8": counts.value_outputs}
    of_linears = counts.requantizations - counts.rescales - sum(products.values())
    inside = of_linears * linear.output(requantize)
    inside += sum(core.macs[kind].output(requantize) * number for kind, number in products.items())
    macs: float = sum(core.instructions_per_mac(kind) * getattr(counts, f"macs_{kind}") for kind in core.macs)
    other: float = sum(core.unit(row) * number for row, number in _counted(counts, WORK_OF_COUNT))
    other += sum(linear.term(row) * number for row, number in _counted(counts, TERM_OF_COUNT))
    for (kind, row), number in _counted(counts, PRODUCT_OF_COUNT):
        other += core.macs[kind].term(row) * number
    return macs + inside + other


def _counted(counts: OperatorCounts, charged: Mapping[str, T]) -> Iterator[tuple[T, int]]:
    """What each count is charged with, and the count; most are 0 at most sites and change no sum."""
    numbers = vars(counts)
    return ((row, numbers[name]) for name, row in charged.items() if numbers[name])


def time_operator(
    counts: OperatorCounts,
    part: Part,
    regions: Mapping[str, Region] | None = None,
    overlap: bool = True,
    seconds: Mapping[str, float] | None = None,
) -> OperatorTime:
    """Estimate the time of one operator.

    Parameters
    ----------
    regions : purpose (``image``, ``rows``, ``arena``) -> region; the part's own choice if not given.
    overlap : take the slowest resource (True) or the sum of all.
    seconds : purpose -> time of its reads, where the caller knows how they are cut into bursts; for the
        others the bytes are taken as one consecutive read.
    """
    cycles = part.core.cycles_per_instruction
    work = instructions(counts, part) / part.clock_hz
    compute = Range(work * cycles.low, work * cycles.high)
    memory: dict[str, float] = {}
    known = seconds or {}
    stalling: set[str] = set()
    for purpose, region, size in _traffic(counts, part, regions):
        spent = known.get(purpose, region.time_s(size))
        if spent:
            memory[region.name] = memory.get(region.name, 0.0) + spent
            if region.stalls:
                stalling.add(region.name)
    if overlap:
        waited = sum(memory.get(name, 0.0) for name in stalling)
        slowest = max(memory.values(), default=0.0)
        total = Range(max(compute.low + waited, slowest), max(compute.high + waited, slowest))
    else:
        total = Range(compute.low + sum(memory.values()), compute.high + sum(memory.values()))
    by_resource = {"compute": compute.high, **memory}
    return OperatorTime(compute, memory, total, max(by_resource, key=lambda name: by_resource[name]))


def total_time(times: Iterable[OperatorTime]) -> Range:
    """Operators run one after another."""
    total = Range(0.0, 0.0)
    for time in times:
        total = total + time.total
    return total


@dataclass(frozen=True)
class Energy:
    """Joules as a range, with what it was computed from."""

    core: Range
    memory: float
    inputs: str

    @property
    def total(self) -> Range:
        return Range(self.core.low + self.memory, self.core.high + self.memory)


def energy(counts: OperatorCounts, part: Part, regions: Mapping[str, Region] | None = None) -> Energy:
    """Estimate the energy of a board's cycles, which has that of on-chip memory, and of external reads."""
    cycles, picojoules = part.core.cycles_per_instruction, part.picojoules_per_cycle
    work = instructions(counts, part)
    core = Range(work * cycles.low * picojoules.low * 1e-12, work * cycles.high * picojoules.high * 1e-12)
    memory = 0.0
    parts = [
        f"{work:.4g} instructions x {cycles.low:g}-{cycles.high:g} cycles ({cycles.basis})"
        f" x {picojoules.low:g}-{picojoules.high:g} pJ ({picojoules.basis}; {picojoules.source})"
    ]
    for _, region, size in _traffic(counts, part, regions):
        if size and region.external:
            memory += size * region.nanojoules_per_byte * 1e-9
            parts.append(
                f"{size:,} B of {region.name} x {region.nanojoules_per_byte:g} nJ "
                f"({region.figures['energy'].basis})"
            )
    return Energy(core, memory, "; ".join(parts))


def _traffic(
    counts: OperatorCounts, part: Part, regions: Mapping[str, Region] | None
) -> list[tuple[str, Region, int]]:
    chosen = regions or {}
    return [
        ("image", chosen.get("image") or part.region("image"), counts.weight_bytes),
        ("rows", chosen.get("rows") or part.region("rows"), counts.row_bytes),
        ("arena", chosen.get("arena") or part.region("arena"), counts.arena_bytes),
    ]
