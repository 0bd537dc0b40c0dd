"""From a deployment and an execution to a report: sums, regions, verdict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from mcusim.account import CODE, Share, arena_shares, image_shares, operator_counts
from mcusim.figures import weakest
from mcusim.parts import Part, Region
from mcusim.report import Basis, Budget, CycleRow, OperatorRow, RegionUse, Seconds, Total
from mcusim.simulate import ExecutedCall, Execution
from mcusim.timing import OperatorCounts, OperatorTime, energy, time_operator
from refimpl.counting import CountedStep, Event
from refimpl.image import Image

Costed = tuple[Event, OperatorCounts, OperatorTime]


class Costs:
    """Counts and estimated time of events on one part; equal events are costed once."""

    def __init__(self, part: Part, weight_bits: int) -> None:
        self.part = part
        self.weight_bits = weight_bits
        self._known: dict[OperatorCounts, OperatorTime] = {}

    def of(self, events: Iterable[Event]) -> list[Costed]:
        costed = []
        for event in events:
            counts = operator_counts(event, self.weight_bits)
            if counts not in self._known:
                self._known[counts] = time_operator(counts, self.part)
            costed.append((event, counts, self._known[counts]))
        return costed


def _seconds(costed: Iterable[Costed]) -> Seconds:
    times = [time.total for _, _, time in costed]
    return Seconds(sum(t.low for t in times), sum(t.high for t in times))


def _sum(costed: Iterable[Costed]) -> OperatorCounts:
    total = OperatorCounts()
    for _, counts, _ in costed:
        total = total + counts
    return total


def cycle_rows(execution: Execution, costs: Costs) -> tuple[CycleRow, ...]:
    """One row an H cycle; the embedding and the heads belong to no cycle."""
    by_cycle: dict[int, list[ExecutedCall]] = {}
    for call in execution.calls:
        by_cycle.setdefault(call.call.cycle, []).append(call)
    rows = []
    for cycle, calls in by_cycle.items():
        costed = costs.of(e for call in calls for e in call.events)
        counts = _sum(costed)
        last_L = [c for c in calls if c.call.level == "L"][-1]
        rows.append(CycleRow(
            cycle, calls[0].call.step, counts.macs, counts.requantizations,
            counts.weight_bytes + counts.row_bytes, _seconds(costed),
            last_L.cosine, calls[-1].cosine, calls[-1].crc32,
        ))  # fmt: skip
    return tuple(rows)


def operator_rows(execution: Execution, costs: Costs) -> tuple[OperatorRow, ...]:
    """Sums by operator, the slowest first; operators that cost nothing are left out."""
    by_op: dict[str, list[Costed]] = {}
    for one in costs.of(execution.events):
        by_op.setdefault(one[0].op, []).append(one)
    rows = []
    for op, costed in by_op.items():
        counts, time = _sum(costed), _seconds(costed)
        limits: Counter[str] = Counter()
        for _, _, t in costed:
            limits[t.bound_by] += round(t.total.high * 1e12)
        if time.high:
            flash = counts.weight_bytes + counts.row_bytes
            bound_by = limits.most_common(1)[0][0]
            row = OperatorRow(op, len(costed), counts.macs, counts.requantizations, flash, time, bound_by)
            rows.append(row)
    return tuple(sorted(rows, key=lambda row: -row.time.high))


def total(execution: Execution, costs: Costs) -> Total:
    """The whole puzzle: embedding, every call, heads once at the end."""
    costed = costs.of(execution.events)
    counts = _sum(costed)
    spent = energy(counts, costs.part).total
    return Total(
        calls=len(execution.calls),
        macs=counts.macs,
        requantizations=counts.requantizations,
        flash_bytes=counts.weight_bytes + counts.row_bytes,
        row_reads=execution.rows.count,
        row_bytes=counts.row_bytes,
        time=_seconds(costed),
        energy=Seconds(spent.low, spent.high),
    )


def budget(limit: int, image: Image, step: CountedStep, part: Part, weights_only: int) -> Budget:
    """Everything that must be held: the image file, the arena, the code."""
    shares = (*image_shares(image), *arena_shares(step), Share(CODE, part.code_bytes))
    return Budget(limit, shares, weights_only)


def regions(image: Image, step: CountedStep, part: Part) -> tuple[RegionUse, ...]:
    """Image, code and arena laid into the part's memories, each the first that has room."""
    arena = arena_shares(step)
    wanted = (
        (part.region("image", len(image.data)), (Share("flash image", len(image.data)),)),
        (part.region("code", part.code_bytes), (Share(CODE, part.code_bytes),)),
        (part.region("arena", sum(share.size for share in arena)), arena),
    )
    held: dict[str, tuple[Region, list[Share]]] = {}
    for region, shares in wanted:
        held.setdefault(region.name, (region, []))[1].extend(shares)
    return tuple(
        RegionUse(region.name, region.kind, sum(s.size for s in shares), region.bytes, tuple(shares))
        for region, shares in held.values()
    )


def basis(part: Part) -> Basis:
    """The weakest figure behind the estimates, and how many figures there are of each basis."""
    figures = list(part.figures())
    last = weakest(figures)
    counted = Counter(figure.basis for figure in figures)
    return Basis(last.basis, last.source, tuple(sorted(counted.items())))


