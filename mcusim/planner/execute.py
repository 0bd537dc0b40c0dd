"""Run a plan: the whole recursion of one puzzle inside the arena."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from mcusim.flash import FlashLog, Memory, streamed
from mcusim.planner import schedule
from mcusim.planner.arena import Arena
from mcusim.planner.executing import ArenaMachine
from mcusim.planner.ledger import Ledger
from mcusim.planner.machine import State, Tile
from mcusim.planner.noise import NoisyFlash
from mcusim.planner.plan import Plan
from mcusim.planner.promises import Promise
from mcusim.planner.stopping import ask_head, ask_state, held_buffer
from mcusim.planner.target import Room, Segment, lay_out
from mcusim.planner.tiles import packed_codes
from refimpl.block_params import BlockLinear
from refimpl.errors import DoesNotFit
from refimpl.image import Image
from refimpl.models.halting import stops
from refimpl.models.order import Call, Level
from refimpl.models.tree import Model, leaves
from refimpl.params import Linear

Int16s = npt.NDArray[np.int16]
CallObserver = Callable[[Call, Int16s], None]


@dataclass(frozen=True, eq=False)
class PlannedRun:
    """What came out: answer (seq,) uint8, q (2,) int32 (q_halt, q_continue), the carry in state units
    (T, D) int16, bytes touched of each region, every read of the image and of embedding rows, the ACT steps
    it took and whether the stop rule ended it; ``finished``: reads of a second program's image."""

    answer: npt.NDArray[np.uint8]
    q: npt.NDArray[np.int32]
    z_H: Int16s
    z_L: Int16s
    high_water: Mapping[str, int]
    ledger: Ledger
    rows: FlashLog
    steps: int
    stopped: bool
    finished: Ledger | None = None


def execute_plan(
    plan: Plan,
    model: Model,
    tokens: npt.NDArray[np.integer],
    row_memory: Memory,
    rooms: tuple[Room, ...] | None = None,
    image: Image | None = None,
    puzzle: int = 0,
    on_call: CallObserver | None = None,
    every_call_checked: bool = False,
    noise: NoisyFlash | None = None,
    finish: tuple[Model, Image | None] | None = None,
) -> PlannedRun:
    """Run one puzzle at the depth of ``model``.

    Parameters
    ----------
    plan : made for the shapes of ``model``.
    model : integer tree.
    tokens : (seq,) token codes.
    row_memory : what reading an embedding row is charged to.
    rooms : regions for the arena; exactly the plan's bytes in one region if not given.
    image : the flash image, for the offsets in the log of rows.
    on_call : sees the state each call wrote, in state units.
    every_call_checked : allocate, check and free the buffers of every call; otherwise only of the first L
        and the first H call, and repeat what they did (every call uses the same addresses).
    noise : flips bits in weights on their way into the arena; every call is then run anew.
    finish : integer tree of the plan's second program, and its image.

    Raises
    ------
    DoesNotFit
        When the plan's segments do not fit ``rooms``.
    """
    segments = lay_out(plan.sizes, rooms or (Room("arena", plan.high_water),))
    if segments is None:
        raise DoesNotFit(
            f"the plan needs {plan.high_water:,} bytes of arena; the part's regions "
            f"({', '.join(f'{r.region} {r.bytes:,}' for r in rooms or ())}) cannot hold them."
        )
    arena = Arena(_extents(segments))
    log = FlashLog()
    embedding = streamed(model.embedding, row_memory, log, image)
    machine = ArenaMachine(plan, segments, arena, embedding, tokens, puzzle, noise)
    always = every_call_checked or noise is not None
    run = _Running(machine, plan, model, always, on_call)
    schedule.reset(machine, model, run.z_H, run.z_L)
    run.begin()
    steps, stopped, order = 0, False, model.config.order
    asks = _Asking(machine, model, plan, run.z_H)
    while steps < model.config.halt_max_steps and not stopped:
        *before, last = order.calls(1, steps)
        asks.before_step(steps)
        run.follow(before)
        asks.before_last_call(steps)
        run.follow([last])
        stopped = asks.stops(steps)
        steps += 1
    late = run
    if plan.finish is not None:
        assert finish is not None
        rows = streamed(finish[0].embedding, row_memory, log, finish[1])
        handed = [machine.view(buffer).copy() for buffer in plan.persistent[:2]]
        run.end()
        machine = ArenaMachine(plan.finish, segments, arena, rows, tokens, puzzle, noise)
        late = _Running(machine, plan.finish, finish[0], always, on_call)
        for buffer, codes in zip(plan.finish.persistent[:2], handed, strict=True):
            machine.put(machine.view(buffer), codes)
        late.begin()
    late.follow(order.cycles(plan.config.stop.more, steps * order.H_cycles))
    late.add_up()
    arena.restore()
    answer, q = schedule.heads(machine, late.model, late.z_H)
    arena.check()
    carry = _units(machine, late.z_H), _units(machine, late.z_L)
    late.free()
    finished = None if late is run else machine.ledger
    return PlannedRun(answer, q, *carry, dict(arena.high_water), run.machine.ledger, log, steps, stopped,
                      finished)  # fmt: skip


class _Running:
    """A program in its arena: its states, and its calls, recorded."""

    def __init__(self, machine: ArenaMachine, plan: Plan, model: Model, always: bool,
                 on_call: CallObserver | None) -> None:  # fmt: skip
        self.machine, self.plan, self.model, self.on_call = machine, plan, model, on_call
        self.z_H = State(plan.persistent[0], model.H_level[-1].channel.norm)
        self.z_L = State(plan.persistent[1], model.L_level[-1].channel.norm)
        self.states: dict[Level, State] = {"L": self.z_L, "H": self.z_H}
        self.repeated = {
            level: _Repeated(machine, partial(call, machine, model, self.z_H, self.z_L), always)
            for level, call in schedule.CALLS.items()
        }

    def begin(self) -> None:
        """Bring x and resident weights into the arena."""
        machine, by_name = self.machine, {buffer.name: buffer for buffer in self.plan.persistent}
        if self.plan.choices.x_stored:
            machine.fill_x()
        for leaf in leaves(self.model):
            if isinstance(leaf, (Linear, BlockLinear)) and leaf.name in by_name:
                packed = packed_codes(leaf)
                machine.put(machine.view(by_name[leaf.name]), packed.view(np.int8))
                machine.ledger.sites[leaf.name].codes[packed.size] += 1
                machine.ledger.sites[leaf.name].arrived[packed.size] += 1

    def follow(self, calls: Iterable[Call]) -> None:
        for call in calls:
            self.repeated[call.level]()
            if self.on_call is not None:
                self.on_call(call, _units(self.machine, self.states[call.level]))

    def add_up(self) -> None:
        """Charge the calls to the machine's ledger."""
        for one in self.repeated.values():
            self.machine.ledger.add(one.cost, one.repeats)

    def free(self) -> None:
        for buffer in self.plan.persistent:
            self.machine.arena.free(buffer)

    def end(self) -> None:
        """Leave the arena to the program that takes over."""
        self.add_up()
        self.free()


class _Asking:
    """The plan's stop rule, asked after each ACT step from ``least`` on."""

    def __init__(self, machine: ArenaMachine, model: Model, plan: Plan, z_H: State) -> None:
        self.machine, self.model, self.z_H = machine, model, z_H
        self.rule = plan.config.stop
        held = held_buffer(plan.config, plan.format.carry)
        self.held = None if held is None else State(held, z_H.norm)

    def asked(self, step: int) -> bool:
        return self.rule.kind != "fixed" and step + 1 >= self.rule.least

    def before_step(self, step: int) -> None:
        if self.held is not None and self.rule.over == "step" and self.asked(step):
            self.machine.keep(self.z_H, self.held)

    def before_last_call(self, step: int) -> None:
        if self.held is not None and self.rule.over == "cycle" and self.asked(step):
            self.machine.keep(self.z_H, self.held)

    def stops(self, step: int) -> bool:
        config, machine = self.model.config, self.machine
        q = change = None
        if self.asked(step) and self.rule.asks_head:
            q = ask_head(machine, self.model, self.z_H)[None]
        if self.asked(step) and self.held is not None:
            change = ask_state(machine, self.z_H, self.held)[None]
            machine.let_go(self.held)
        size = config.positions * config.hidden_size
        return bool(stops(self.rule, config.family, step, size, 1, lambda: q, lambda: change)[0])


class _Repeated:
    """A call of the schedule, recorded the first time and repeated from the record afterwards."""

    def __init__(self, machine: ArenaMachine, call: Callable[[], None], always: bool) -> None:
        self.machine = machine
        self.call = call
        self.always = always
        self.program: list[Callable[[], None]] = []
        self.cost = Ledger()
        self.repeats = 0

    def __call__(self) -> None:
        self.repeats += 1
        if self.program and not self.always:
            for instruction in self.program:
                instruction()
            return
        machine, before = self.machine, self.machine.ledger
        machine.arena.restore()
        self.program, self.cost = [], Ledger()
        machine.program, machine.ledger = self.program, self.cost
        self.call()
        machine.program, machine.ledger = None, before
        machine.arena.check()


def _extents(segments: tuple[Segment, ...]) -> dict[str, int]:
    """Region -> bytes that the segments need of it."""
    sizes: dict[str, int] = {}
    for segment in segments:
        sizes[segment.region] = max(sizes.get(segment.region, 0), segment.offset + segment.bytes)
    return sizes


def _units(machine: ArenaMachine, state: State) -> Int16s:
    """A state read back, in state units."""
    stored = machine.load(state, Tile(0, machine.config.positions), across=False)
    values: Int16s = np.array(stored() if isinstance(stored, Promise) else stored, np.int16)
    return values
