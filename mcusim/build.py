"""From a plan and an execution to a report: sums, regions, verdict."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mcusim.account import RESIDENT, STREAMED, Share, arena_shares, images_shares, program_shares
from mcusim.catalogue import entries
from mcusim.checks import checked_core
from mcusim.cores import load_core
from mcusim.figures import weakest
from mcusim.footprint import Footprint
from mcusim.images import together
from mcusim.parts import Part
from mcusim.planner.ledger import Ledger, operator_counts, row_source
from mcusim.planner.plan import Plan
from mcusim.planner.target import Target
from mcusim.program import Program, linear_kernel
from mcusim.report import (
    Basis,
    Budget,
    Cost,
    CycleRow,
    KernelTime,
    OperatorRow,
    RegionUse,
    Span,
    StoppingCosts,
    Total,
)
from mcusim.simulate import Execution
from mcusim.timing import OperatorCounts, energy, sum_of
from refimpl.image import Image
from refimpl.models.config import ModelConfig
from refimpl.models.order import Call

# The last part of a site's name -> the operator that works there.
OPERATORS = {"gate_up": "linear", "down": "linear", "qkv": "linear", "o": "linear", "lm_head": "linear",
             "q_head": "linear", "norm": "rms_norm"}  # fmt: skip
FIRMWARE = "-rr"
INPUTS = {"down": "multiply", "o": "weighted_values"}


def operator_of(site: str) -> str:
    """The operator of a site, such as ``linear`` for ``L.0.mlp.down``."""
    *stem, last = site.split(".")
    if last == "input":
        return INPUTS.get(stem[-1], "quantize")
    return OPERATORS.get(last, last)


class Costs:
    """Counts and estimated time of a plan's ledgers on one target, of puzzles with so many ``tries``.

    What runs cost is a list of works: the ledger of each program beside the costs of its plan.
    """

    def __init__(self, plan: Plan, target: Target, tries: int = 1) -> None:
        self.plan = plan
        self.target = target
        self.tries = tries
        self._of_steps: dict[int, Cost] = {}

    def of_steps(self, steps: int) -> Cost:
        """One run of so many ACT steps, computed the first time that it is asked for."""
        if steps not in self._of_steps:
            works = self.of_runs([steps])
            spent = energy(counts_of(works), self.target.part).total
            self._of_steps[steps] = Cost(
                steps, time_of(works), Span(spent.low, spent.high), flash_of(works)
            )
        return self._of_steps[steps]

    def seconds(self, ledger: Ledger) -> Span:
        time = self.plan.time(ledger, self.target)
        return Span(time.low, time.high)

    def flash_bytes(self, ledger: Ledger) -> int:
        """Codes, constants and embedding rows read."""
        return ledger.code_bytes + ledger.constant_bytes + self.plan.row_bytes(ledger)

    def counts(self, ledger: Ledger) -> OperatorCounts:
        """All sites together."""
        rows, format = row_source(self.plan.config), self.plan.format
        return sum_of(
            operator_counts(work, format.weights_at(site).bits, rows) for site, work in ledger.sites.items()
        )

    @property
    def finish(self) -> Costs | None:
        """Those of the stop rule's second program."""
        return None if self.plan.finish is None else Costs(self.plan.finish, self.target)

    def of_runs(self, runs: Sequence[int]) -> Works:
        """Runs of so many ACT steps each, to their read-out."""
        own, late, finish = Ledger(), Ledger(), self.finish
        for steps in runs:
            own.add(self.plan.puzzle(steps))
        if finish is None:
            return [(self, own)]
        late.add(finish.plan.finishing(self.plan.config.stop.more), len(runs))
        return [(self, own), (finish, late)]

    def of_puzzle(self, execution: Execution | None) -> Works:
        """The puzzle that was executed, in all its tries, or one that runs all its steps."""
        most = self.plan.config.halt_max_steps
        return self.of_runs([most] if execution is None else [one.steps for one in execution.tries])


Works = list[tuple[Costs, Ledger]]


def time_of(works: Works) -> Span:
    """Estimated time, one program after the other."""
    each = [costs.seconds(ledger) for costs, ledger in works]
    return Span(sum(time.low for time in each), sum(time.high for time in each))


def counts_of(works: Works) -> OperatorCounts:
    """All sites of all programs together."""
    return sum_of(costs.counts(ledger) for costs, ledger in works)


def flash_of(works: Works) -> int:
    """Codes, constants and embedding rows read."""
    return sum(costs.flash_bytes(ledger) for costs, ledger in works)


def stopping_costs(costs: Costs, tries: npt.NDArray[np.int64]) -> StoppingCosts:
    """What a puzzle costs on average over a set, at its 95th percentile of steps, and at the most.

    ``tries`` (N, tries): ACT steps of each try of each puzzle, 0 where there was none.
    """
    most = costs.plan.config.halt_max_steps

    def together(runs: Iterable[int], share: float = 1) -> Cost:
        """Runs of so many steps, times ``share``; no steps are no run."""
        times = Counter(n for n in runs if n)

        def of(cost: Callable[[Cost], float]) -> float:
            return share * sum(count * cost(costs.of_steps(n)) for n, count in times.items())

        return Cost(of(lambda c: c.steps), Span(of(lambda c: c.time.low), of(lambda c: c.time.high)),
                    Span(of(lambda c: c.energy.low), of(lambda c: c.energy.high)),
                    of(lambda c: c.flash_bytes))  # fmt: skip

    ordered = tries[np.argsort(tries.sum(axis=1), kind="stable")]
    late = ordered[math.ceil(0.95 * len(ordered)) - 1]
    return StoppingCosts(together(tries.ravel().tolist(), 1 / len(tries)), together(late.tolist()),
                         together([most] * costs.tries))  # fmt: skip


def cycle_rows(costs: Costs, execution: Execution | None) -> tuple[CycleRow, ...]:
    """One row an H cycle; the start and the heads belong to no cycle."""
    config, own = costs.plan.config, _cycle(costs)
    late, taken = costs.finish, config.halt_max_steps if execution is None else execution.steps
    finishing = own if late is None else _cycle(late)
    last: dict[tuple[int, str], tuple[float | None, int]] = {}
    for done in execution.calls if execution is not None else ():
        last[done.call.cycle, done.call.level] = (done.cosine, done.crc32)
    rows = []
    for call in config.order.calls(config.halt_max_steps) if execution is None else _executed(execution):
        if call.level == "L":
            continue
        cosine_L, _ = last.get((call.cycle, "L"), (None, None))
        cosine_H, crc32_H = last.get((call.cycle, "H"), (None, None))
        counts, flash, time = own if call.step < taken else finishing
        rows.append(CycleRow(
            call.cycle, call.step, counts.macs, counts.requantizations, flash, time,
            cosine_L, cosine_H, crc32_H,
        ))  # fmt: skip
    return tuple(rows)


def _cycle(costs: Costs) -> tuple[OperatorCounts, int, Span]:
    ledger = costs.plan.cycle
    return costs.counts(ledger), costs.flash_bytes(ledger), costs.seconds(ledger)


def _executed(execution: Execution) -> Iterator[Call]:
    return (done.call for done in execution.calls)


def operator_rows(costs: Costs, execution: Execution | None) -> tuple[OperatorRow, ...]:
    """Sums by operator over a puzzle, the slowest first; operators that cost nothing are left out."""
    by_operator: defaultdict[str, Works] = defaultdict(list)
    for of, whole in costs.of_puzzle(execution):
        parts: defaultdict[str, Ledger] = defaultdict(Ledger)
        for site, work in whole.sites.items():
            parts[operator_of(site)].sites[site].add(work)
        for op, ledger in parts.items():
            by_operator[op].append((of, ledger))
    rows = []
    for op, works in by_operator.items():
        counts, time = counts_of(works), time_of(works)
        limits: Counter[str] = Counter()
        for of, ledger in works:
            for one in of.plan.times(ledger, of.target).values():
                limits[one.bound_by] += round(one.total.high * 1e12)
        if time.high:
            flash, bound_by = flash_of(works), limits.most_common(1)[0][0]
            rows.append(OperatorRow(
                op, counts.calls, counts.macs, counts.requantizations, flash, time, bound_by,
            ))  # fmt: skip
    return tuple(sorted(rows, key=lambda row: -row.time.high))


def total(costs: Costs, execution: Execution | None) -> Total:
    """The whole puzzle; the high-water mark and the reads are measured where it was executed."""
    works = costs.of_puzzle(execution)
    counts, config = counts_of(works), costs.plan.config
    spent = energy(counts, costs.target.part).total
    tries = () if execution is None else execution.tries
    worst = costs.of_steps(config.halt_max_steps).time
    return Total(
        calls=sum(len(e.calls) for e in tries) or _calls(config),
        macs=counts.macs,
        requantizations=counts.requantizations,
        flash_bytes=flash_of(works),
        row_bytes=sum(of.plan.row_bytes(ledger) for of, ledger in works),
        row_reads=sum(e.rows.count for e in tries) if tries else None,
        table_reads=sum(len(e.table_reads) for e in tries) if tries else None,
        table_bytes=sum(read.bytes for e in tries for read in e.table_reads) if tries else None,
        arena=costs.plan.high_water,
        high_water=None if execution is None else sum(execution.high_water.values()),
        time=time_of(works),
        energy=Span(spent.low, spent.high),
        worst=Span(costs.tries * worst.low, costs.tries * worst.high),
    )


def _calls(config: ModelConfig) -> int:
    """Of a run of all its steps."""
    return config.calls_per_step * config.halt_max_steps + config.stop.more * sum(
        config.order.per_cycle.values())  # fmt: skip


def kernel_times(costs: Costs, execution: Execution | None, data: Path | None) -> tuple[KernelTime, ...]:
    """Time of the puzzle with the part's own core file, then with the other one for the same silicon.

    ``NAME-rr`` is the core NAME with the kernels of this project's firmware, which alone has linears of
    blocks and online ones; another core's time with them rests on assumed figures.
    """
    part, plan = costs.target.part, costs.plan
    own, kind = part.core.name, "w4a8" if plan.format.weights.bits <= 4 else "w8a8"
    other = own.removesuffix(FIRMWARE) if own.endswith(FIRMWARE) else own + FIRMWARE
    linears = linear_kernel(plan.config, plan.format)
    found = []
    for name in (own, other):
        if name in entries("core", data):
            core = load_core(name, data)
            core = checked_core(core) if part.core.checked else core
            target = replace(costs.target, part=replace(part, core=core))
            time = time_of(Costs(plan, target).of_puzzle(execution))
            kernel = core.macs[kind].name if linears == "rows" else f"{linears.removesuffix('s')}_linear"
            found.append(KernelTime(name, kernel, time))
    return tuple(found)


def budget(limit: int, images: Sequence[Image], plan: Plan, target: Target, size: Footprint) -> Budget:
    """Everything that must be held: the images, a resident table, the arena, the program."""
    tables = (Share(RESIDENT, size.resident),) if size.resident else ()
    shares = (*images_shares(images), *tables, *arena_shares(plan), *program_shares(target.program))
    return Budget(limit, shares, size.weights_only)


def regions(images: Sequence[Image], plan: Plan, target: Target, size: Footprint) -> tuple[RegionUse, ...]:
    """Images, program, puzzle table and the plan's segments in the part's memories.

    A plan that fits nowhere is shown whole in the memory that serves the arena.
    """
    part = target.part
    held: defaultdict[str, list[Share]] = defaultdict(list)
    held[target.memories.image.name].append(Share("flash image", len(together(images))))
    if size.resident:
        held[target.memories.image.name].append(Share(RESIDENT, size.resident))
    if size.rows:
        held[target.memories.rows.name].append(Share(STREAMED, size.rows))
    code, *data = program_shares(target.program)
    held[target.code.name].append(code)
    held[target.data.name] += data
    segments = plan.lay_out(target)
    if segments is None:
        held[target.memories.arena.name] += arena_shares(plan)
    for segment in segments or ():
        held[segment.region].append(Share(segment.name, segment.bytes))
    return tuple(
        RegionUse(
            r.name,
            r.kind,
            sum(s.size for s in held[r.name]),
            r.bytes,
            tuple(held[r.name]),
            r.external,
            r.figures["size"].basis,
        )
        for r in part.regions
        if r.name in held
    )


def basis(part: Part, program: Program) -> Basis:
    """The weakest figure behind the estimates, and how many figures there are of each basis."""
    figures = [*part.figures(), *(figure for _, figure in program.named_figures())]
    last = weakest(figures)
    counted = Counter(figure.basis for figure in figures)
    cycles, picojoules = part.core.cycles_per_instruction, part.picojoules_per_cycle
    return Basis(
        last.basis,
        last.source,
        tuple(sorted(counted.items())),
        cycles.error,
        cycles.basis,
        picojoules.factor,
        picojoules.basis,
    )
