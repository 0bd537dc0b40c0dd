"""A plan: choices, the addresses that follow from them, and what one ACT step then costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from mcusim.figures import Range
from mcusim.planner import schedule
from mcusim.planner.buffers import Buffer, Placement
from mcusim.planner.choices import Choices
from mcusim.planner.counting import CountingMachine
from mcusim.planner.ledger import Ledger, overlapped, row_source, site_time
from mcusim.planner.machine import State
from mcusim.planner.stopping import ask_head, ask_state, held_buffer, shares_x
from mcusim.planner.stored import stored
from mcusim.planner.target import Segment, Target, lay_out
from mcusim.timing import OperatorTime, total_time
from refimpl.formats import Format, parse_format
from refimpl.models.config import ModelConfig
from refimpl.models.halting import FIXED
from refimpl.models.order import Level
from refimpl.models.skeleton import Spec, skeleton
from refimpl.models.tree import Model
from workbench.image_shapes import linear_shape

SCRATCH = "scratch"


@dataclass(frozen=True)
class Plan:
    """A schedule with addresses.

    ``persistent`` buffers live throughout (z_H, z_L, x if stored, resident weights); ``scopes`` maps a
    sublayer to the offsets of its buffers inside the scratch segment.  ``call_L``, ``call_H``, ``heads``
    and ``start`` are the work of one of each, ``asking`` that of asking the stop rule once.  ``finish``: the
    plan of the stop rule's second program, by the same choices and in the same segments.
    """

    config: ModelConfig
    format: Format
    choices: Choices
    persistent: tuple[Buffer, ...]
    scopes: Mapping[str, Placement]
    call_L: Ledger
    call_H: Ledger
    heads: Ledger
    start: Ledger
    asking: Ledger
    finish: Plan | None = None

    @property
    def scratch(self) -> int:
        """Bytes of the scratch segment: the neediest scope."""
        return max(placement.size for placement in self.scopes.values())

    @property
    def sizes(self) -> dict[str, int]:
        """Segment -> bytes, in address order; the larger of both programs."""
        second = {} if self.finish is None else self.finish.sizes
        own = {**{b.name: b.reserved for b in self.persistent}, SCRATCH: self.scratch}
        return {name: max(size, second.get(name, 0)) for name, size in own.items()}

    @property
    def high_water(self) -> int:
        """Bytes of arena that the plan touches."""
        return sum(self.sizes.values())

    @property
    def step(self) -> Ledger:
        """Work of one ACT step, the heads once at its end."""
        ledger = self.work(self.config.order.per_step)
        ledger.add(self.heads)
        return ledger

    @cached_property
    def step_calls(self) -> Ledger:
        """Work of the calls of one ACT step."""
        return self.work(self.config.order.per_step)

    def puzzle(self, steps: int) -> Ledger:
        """Work of one puzzle that ends after ``steps`` ACT steps: start, calls, the rule asked, the heads;
        with a second program, up to where that takes over."""
        rule, ledger = self.config.stop, Ledger()
        ledger.add(self.start)
        ledger.add(self.step_calls, steps)
        ledger.add(self.asking, max(0, steps + 1 - rule.least))
        if self.finish is None:
            ledger.add(self.cycle, rule.more)
            ledger.add(self.heads)
        return ledger

    def finishing(self, cycles: int) -> Ledger:
        """Work of a second program: x and resident weights brought in, H cycles, the heads."""
        ledger = Ledger()
        ledger.add(self.start)
        ledger.add(self.cycle, cycles)
        ledger.add(self.heads)
        return ledger

    @cached_property
    def cycle(self) -> Ledger:
        """Work of one H cycle."""
        return self.work(self.config.order.per_cycle)

    def work(self, calls: Mapping[Level, int]) -> Ledger:
        """Work of so many calls of each level."""
        ledger = Ledger()
        for level, one in self.calls.items():
            ledger.add(one, calls[level])
        return ledger

    @property
    def calls(self) -> dict[Level, Ledger]:
        """Work of one call of each level."""
        return {"L": self.call_L, "H": self.call_H}

    def times(self, ledger: Ledger, target: Target, overlap: bool = True) -> dict[str, OperatorTime]:
        """Site -> estimated time."""
        rows, part, memories = row_source(self.config), target.part, target.memories
        overlap = overlap and overlapped(self.choices.staged, memories)
        return {
            site: site_time(
                work, self.format.weights_at(site).bits, rows, part, memories, overlap
            )
            for site, work in ledger.sites.items()
        }

    def time(self, ledger: Ledger, target: Target, overlap: bool = True) -> Range:
        """Estimated time of a call or of the heads: its sites one after another."""
        return total_time(self.times(ledger, target, overlap).values())

    def step_time(self, target: Target, overlap: bool = True) -> Range:
        """Estimated time of one ACT step."""
        parts = [(self.calls[level], times) for level, times in self.config.order.per_step.items()]
        timed = [(self.time(ledger, target, overlap), times) for ledger, times in [*parts, (self.heads, 1)]]
        return Range(sum(t.low * n for t, n in timed), sum(t.high * n for t, n in timed))

    def row_reads(self, ledger: Ledger) -> tuple[int, int]:
        """(reads, bytes) of embedding rows."""
        rows = row_source(self.config)
        return ledger.sum(lambda work: rows.reads(work)[0]), ledger.sum(lambda work: rows.reads(work)[1])

    def row_bytes(self, ledger: Ledger) -> int:
        """Bytes of embedding rows read."""
        return self.row_reads(ledger)[1]

    def lay_out(self, target: Target) -> tuple[Segment, ...] | None:
        """Addresses in the part's regions, or None where it does not fit."""
        return lay_out(self.sizes, target.rooms)

    def fits(self, target: Target, limit: int | None = None) -> bool:
        """Whether the part holds it beside image and program, its arena within ``limit`` bytes."""
        inside = limit is None or self.high_water <= limit
        return target.image_fits and inside and self.lay_out(target) is not None


def resident_linears(model: Model, kinds: frozenset[str]) -> dict[str, Spec]:
    """The linears of the sublayers in ``kinds``, by name."""
    layers = (*model.L_level, *model.H_level)
    parts = [part for one in layers for kind, part in (("token", one.token), ("channel", one.channel))
             if kind in kinds]  # fmt: skip
    readers = (reader for part in parts for _, reader in part.pairs)
    return {spec.name: spec for spec in readers if spec.kind == "linear"}


def persistent_buffers(config: ModelConfig, format: Format, choices: Choices) -> tuple[Buffer, ...]:
    """What lives as long as the puzzle."""
    shape = (config.positions, config.hidden_size)
    buffers = [Buffer("z_H", shape, format.carry), Buffer("z_L", shape, format.carry)]
    if choices.x_stored:
        buffers.append(Buffer("x", shape, "int32"))
    held = held_buffer(config, format.carry)
    if held is not None and not shares_x(config, choices):
        buffers.append(held)
    for name, spec in resident_linears(skeleton(config), choices.resident).items():
        buffers.append(Buffer(name, (stored(linear_shape(spec, format)).bytes,), "int8"))
    return tuple(buffers)


def make_plan(config: ModelConfig, format: Format, choices: Choices, takes_over: bool = False) -> Plan:
    """Count the schedule that ``choices`` stand for and place its buffers, with the second program of the
    stop rule where it has one; ``takes_over``: this is such a program, which resets no carry."""
    model, rule = skeleton(config), config.stop
    finish = None
    if rule.by:
        finish = make_plan(replace(config, stop=FIXED), parse_format(rule.by), choices, takes_over=True)
    resident = resident_linears(model, choices.resident)
    machine = CountingMachine(config, choices, format, frozenset(resident))
    shape = (config.positions, config.hidden_size)
    z_H = State(Buffer("z_H", shape, format.carry), model.H_level[-1].channel.norm)
    z_L = State(Buffer("z_L", shape, format.carry), model.L_level[-1].channel.norm)

    def take() -> Ledger:
        ledger, machine.ledger = machine.ledger, Ledger()
        return ledger

    if not takes_over:
        schedule.reset(machine, model, z_H, z_L)
    if choices.x_stored:
        machine.embed(*shape, across=False)
    for name, spec in resident.items():
        machine.ledger.sites[name].codes[machine.stored(spec).bytes] += 1
        machine.ledger.sites[name].arrived[machine.stored(spec).bytes] += 1
    start = take()
    schedule.call_L(machine, model, z_H, z_L)
    call_L = take()
    schedule.call_H(machine, model, z_H, z_L)
    call_H = take()
    schedule.heads(machine, model, z_H)
    heads = take()
    held = held_buffer(config, format.carry)
    if config.stop.asks_head:
        ask_head(machine, model, z_H)
    if held is not None:
        before = State(held, z_H.norm)
        machine.keep(z_H, before)
        ask_state(machine, z_H, before)
        machine.let_go(before)
    asking = take()
    return Plan(config, format, choices, persistent_buffers(config, format, choices), machine.placements,
                call_L, call_H, heads, start, asking, finish)  # fmt: skip
