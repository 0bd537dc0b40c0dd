"""A plan as a C file: one function a kind of sublayer, one for each level's call, and the whole program."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mcusim.checksum import word_sum
from mcusim.emit.functions import Function
from mcusim.emit.machine import EmittingMachine, embedding_source
from mcusim.emit.sums import LEAVE, TransferSums
from mcusim.images import starts, together
from mcusim.planner import schedule
from mcusim.planner.machine import State
from mcusim.planner.plan import Plan
from mcusim.planner.stopping import ask_head, ask_state, held_buffer
from mcusim.planner.target import Segment
from refimpl.block_params import BlockLinear
from refimpl.image import Image
from refimpl.model_image import rounding_of
from refimpl.models.halting import KINDS
from refimpl.models.order import Level
from refimpl.models.tree import Model, leaves
from refimpl.params import Linear

Segments = tuple[Segment, ...]

HEAD = """/* {name}: the schedule that was planned, as C. Generated; do not edit.
 *
 * Every address is a constant: buffers are places in the arena of their memory, which they share in time.
 * What differs between sublayers of one shape stands in the rr_leaf_ constants; offsets are the image's. */
#include <string.h>

#include "rr_abi.h"
#include "rr_fixed.h"
#include "rr_jobs.h"
#include "rr_solve.h"
#include "rr_tile.h"
{include}
static const uint8_t *rr_tokens;
static int32_t rr_puzzle;

{embedding}
"""

CYCLE = """
static void rr_cycle(int32_t cycle, {keep}const rr_observer *observer)
{{
    int32_t call = cycle * ({L_cycles} + 1);
    for (int32_t L_cycle = 0; L_cycle < {L_cycles}; L_cycle++) {{
        rr_call_L();
{bad_L}        if (observer) observer->on_call(observer->context, call, 'L', {z_L}, RR_STATE_BYTES);
        call++;
    }}
{keeps}    rr_call_H();
{bad_H}    if (observer) observer->on_call(observer->context, call, 'H', {z_H}, RR_STATE_BYTES);
}}
"""

RULE = """
const int32_t rr_rounding = {rounding};
int32_t rr_steps_taken, rr_stopped;

/* What z_H was is kept for the stop rule. */
static void rr_keep(void)
{{
{keep}}}

/* The stop rule {rule}. */
static RR_APART int32_t rr_stops(void)
{{
{stops}}}
"""

READ_OUT = """    for (int32_t more = 0; more < {more}{well}; more++) rr_cycle(cycle++, {keep}observer);
    rr_read_out();
{end}    memcpy(answer, {answer}, RR_SEQ);
    memcpy(q, {q}, 8);
"""

SOLVE = """
int32_t rr_solve_observed(const uint8_t *tokens, int32_t puzzle, int32_t steps, const rr_observer *observer,
                          uint8_t *answer, int32_t *q)
{{
    if ((uintptr_t)rr_flash_image % RR_IMAGE_ALIGN) return RR_IMAGE_MISALIGNED;
    for (int32_t i = 0; i < RR_ARENAS; i++)
        if ((uintptr_t)rr_arenas[i].base % RR_ARENA_ALIGN) return RR_ARENA_MISALIGNED;
    for (int32_t i = 0; i < RR_SEQ; i++)
        if (tokens[i] >= RR_VOCAB) return RR_BAD_TOKEN;
    if (puzzle < 0 || puzzle >= RR_PUZZLES) return RR_BAD_PUZZLE;
    rr_tokens = tokens;
    rr_puzzle = puzzle;
{begin}    rr_start();
    int32_t cycle = 0;
    rr_steps_taken = rr_stopped = 0;
    while (rr_steps_taken < (steps ? steps : RR_STEPS) && !rr_stopped{well}) {{
        const int32_t asked = {asked};
        if (asked && {over_step}) rr_keep();
        for (int32_t H_cycle = 1; H_cycle <= {H_cycles}; H_cycle++)
            rr_cycle(cycle++, asked && {over_cycle} && H_cycle == {H_cycles}, observer);
        rr_stopped = asked && rr_stops();
        rr_steps_taken++;
    }}
{read_out}    return RR_SOLVED;
}}

int32_t rr_solve(const uint8_t *tokens, int32_t puzzle, uint8_t *answer, int32_t *q)
{{
    return rr_solve_observed(tokens, puzzle, 0, 0, answer, q);
}}
"""

FINISH = "rr_finish"  # the function that the second program is
FINISH_FILE = "rr_plan_finish"
FINISH_HEADER = """/* The second program of the stop rule: it takes the carry over. Generated; do not edit. */
#ifndef RR_PLAN_FINISH_H
#define RR_PLAN_FINISH_H

#include "rr_solve.h"

/* H cycles from number `cycle` on, behind a program whose carry lies in the arena; then the read-out. */
void rr_finish(const uint8_t *tokens, int32_t puzzle, int32_t cycle, const rr_observer *observer,
               uint8_t *answer, int32_t *q);

#endif
"""
FINISHING = """
void rr_finish(const uint8_t *tokens, int32_t puzzle, int32_t cycle, const rr_observer *observer,
               uint8_t *answer, int32_t *q)
{{
    rr_tokens = tokens;
    rr_puzzle = puzzle;
    rr_start();
{read_out}}}
"""


CHECK_HEADER = '#include "rr_check.h"\n'
# What a program that checks its tiles has besides: once a transfer never arrives undamaged, its flash is bad.
WELL = " && !rr_flash_bad"
BEGIN = """    rr_check_begin();
    if ({image}) return RR_BAD_FLASH;
"""


@dataclass(frozen=True)
class Emitted:
    """The text of ``rr_plan.c``, and, where the stop rule has a second program, of
    ``rr_plan_finish.c`` with its header, by file name; ``sums`` are the bytes of their tables of sums."""

    files: Mapping[str, str]
    sums: int


@dataclass(frozen=True)
class _Checks:
    """Lines of C where the programs check what they fetch; all are empty where they do not."""

    sums: TransferSums | None
    image: str

    def text(self, text: str) -> str:
        """``text`` with the check of the whole image in it, or nothing."""
        return "" if self.sums is None else text.replace("{image}", self.image)


def _checks(images: Sequence[Image], checked: bool) -> _Checks:
    if not checked:
        return _Checks(None, "")
    memory = bytes(together(images))
    whole = f"rr_image_damaged(rr_flash_image, RR_IMAGE_BYTES, {word_sum(memory)}u)"
    return _Checks(TransferSums(memory), whole)


def emit(plan: Plan, models: Sequence[Model], images: Sequence[Image], segments: Segments,
         banks: Mapping[str, str], name: str, checked: bool = False) -> Emitted:  # fmt: skip
    """Write a plan as C.

    Parameters
    ----------
    plan : made for the shapes of the models; ``segments`` are its places in the part's memories.
    models : integer trees of the program and of the second one, read from ``images`` in one memory.
    banks : memory -> C name of the arena's array in it.
    name : of the deployment, for the head of the file.
    checked : whether what is fetched is checked.

    Raises
    ------
    NotImplementedHere
        For a format or a tile that has no C yet, naming the leaf.
    """
    rule, at, checks = plan.config.stop, starts(images), _checks(images, checked)
    first = _Program(plan, models[0], images[0], at[0], segments, banks, checks)
    machine = first.machine
    asked = f"rr_steps_taken + 1 >= {rule.least}" if rule.kind != "fixed" else "0"
    include = "" if plan.finish is None else f'#include "{FINISH_FILE}.h"\n'
    read_out = f"    {FINISH}(tokens, puzzle, cycle, observer, answer, q);\n"
    read_out += checks.text("    if (rr_flash_bad) return RR_BAD_FLASH;\n")
    if plan.finish is None:
        read_out = first.read_out(models[0], rule.more, "0, ", " RR_BAD_FLASH")
    keep, stops = _stops(machine, plan, models[0], first.z_H)
    text = first.text(name, include)
    text += RULE.format(rounding=f"RR_{machine.rounding.upper()}", rule=rule, keep=keep, stops=stops)
    text += first.cycle("int32_t keep, ", "    if (keep) rr_keep();\n")
    text += SOLVE.format(
        H_cycles=plan.config.H_cycles, asked=asked, over_step=int(rule.over == "step"),
        over_cycle=int(rule.over == "cycle"), read_out=read_out, well=checks.text(WELL),
        begin=checks.text(BEGIN),
    )  # fmt: skip
    if plan.finish is None:
        return Emitted({"rr_plan.c": text}, first.sums)
    checks = _checks(images, checked)
    second = _Program(plan.finish, models[1], images[1], at[1], segments, banks, checks, takes_over=True)
    read_out = second.read_out(models[1], rule.more, "", "")
    late = second.text(f"{name}, what follows a stop", include) + second.cycle("", "")
    late += FINISHING.format(read_out=read_out)
    files = {"rr_plan.c": text, f"{FINISH_FILE}.c": late, f"{FINISH_FILE}.h": FINISH_HEADER}
    return Emitted(files, first.sums + second.sums)


class _Program:
    """The functions of one program, written: ``bodies`` of its start, its calls and, once it was asked for,
    its read-out."""

    def __init__(self, plan: Plan, model: Model, image: Image, start: int, segments: Segments,
                 banks: Mapping[str, str], checks: _Checks, takes_over: bool = False) -> None:  # fmt: skip
        self.checks = checks
        self.machine = machine = EmittingMachine(plan, image, start, segments, banks, rounding_of(model),
                                                 checks.sums)  # fmt: skip
        self.config = plan.config
        self.z_H = State(plan.persistent[0], model.H_level[-1].channel.norm)
        self.z_L = State(plan.persistent[1], model.L_level[-1].channel.norm)
        self.bodies = {"start": _start(machine, plan, model, () if takes_over else (self.z_H, self.z_L))}
        levels: tuple[Level, Level] = ("L", "H")
        for level in levels:
            machine.calls = []
            schedule.CALLS[level](machine, model, self.z_H, self.z_L)
            self.bodies[f"call_{level}"] = machine.calls
        self.embedding = embedding_source(model.embedding, image, start, plan.config.hidden_size)

    def text(self, name: str, include: str) -> str:
        """The head of the file and its functions."""
        include = self.checks.text(CHECK_HEADER) + include
        text = HEAD.format(name=name, include=include, embedding=self.embedding)
        text += ("" if self.checks.sums is None else self.checks.sums.source) + _functions(self.machine)
        for what, calls in self.bodies.items():
            text += f"\nstatic RR_APART void rr_{what}(void)\n{{\n" + _indented(calls) + "}\n"
        return text

    def cycle(self, keep: str, keeps: str) -> str:
        """The function of an H cycle."""
        states = {state.buffer.name: self.machine.state_of(state) for state in (self.z_H, self.z_L)}
        return CYCLE.format(L_cycles=self.config.L_cycles, keep=keep, keeps=keeps, **states,
                            bad_L=self.checks.text(f"        {LEAVE}\n"),
                            bad_H=self.checks.text(f"    {LEAVE}\n"))  # fmt: skip

    @property
    def sums(self) -> int:
        """Bytes of the tables of sums."""
        return 0 if self.checks.sums is None else self.checks.sums.bytes

    def read_out(self, model: Model, more: int, keep: str, bad: str) -> str:
        """The lines that end a run; ``bad``: what they return where the flash is."""
        self.machine.calls = []
        views = schedule.heads(self.machine, model, self.z_H)
        self.bodies["read_out"] = self.machine.calls
        answer, q = (self.machine.place_of(view.pointer) for view in views)
        end = self.checks.text(f"    if (rr_flash_bad || {{image}}) return{bad};\n")
        return READ_OUT.format(more=more, keep=keep, answer=answer, q=q, end=end,
                               well=self.checks.text(WELL))  # fmt: skip


def _stops(machine: EmittingMachine, plan: Plan, model: Model, z_H: State) -> tuple[str, str]:
    """Bodies of the function that keeps what z_H was and of the one that asks the plan's rule."""
    rule, held = plan.config.stop, held_buffer(plan.config, plan.format.carry)
    machine.calls = []
    keep, lines, conditions = list[str](), list[str](), list[str]()
    if held is not None:
        before = State(held, z_H.norm)
        machine.keep(z_H, before)
        keep, machine.calls = machine.calls, []
        lines += ["int64_t change[2];", ask_state(machine, z_H, before)]
        machine.let_go(before)
        size = plan.config.positions * plan.config.hidden_size
        of_mean = rule.of == "mean"
        conditions.append(f"change[0] <= {rule.t * size}LL" if of_mean else f"change[1] <= {rule.t}")
    if rule.asks_head:
        q = machine.place_of(ask_head(machine, model, z_H).pointer)
        machine.calls.append(f"const int32_t *const q = {q};")
        compared = plan.config.family == "hrm" and not KINDS[rule.kind] & 4
        conditions.append("q[0] > q[1]" if compared else "q[0] > 0")
    lines += [*machine.calls, f"return {' && '.join(conditions) or '0'};"]
    return _indented(keep), _indented(lines)


def _indented(lines: list[str]) -> str:
    return "".join(f"    {line}\n" for line in lines)


def _start(machine: EmittingMachine, plan: Plan, model: Model, reset: tuple[State, ...]) -> list[str]:
    machine.function = Function("")
    if reset:
        schedule.reset(machine, model, *reset)
    names = {buffer.name: buffer for buffer in plan.persistent}
    for leaf in leaves(model):
        if isinstance(leaf, (Linear, BlockLinear)) and leaf.name in names:
            machine.hold(leaf)
    if "x" in names:
        machine.embed_all()
    machine.calls = []
    machine.finish_function("reset")
    return machine.calls


def _functions(machine: EmittingMachine) -> str:
    parts = []
    for (fields, body), name in machine.functions.items():
        argument = "void"
        if fields:
            parts.append(f"\ntypedef struct {{\n{fields}}} {name}_leaf;\n")
            argument = f"const {name}_leaf *p"
        parts.append(f"\nstatic RR_APART void {name}({argument})\n{{\n{body}}}\n")
    for (name, values), instance in machine.instances.items():
        parts.append(f"\nstatic const {name}_leaf {instance} = {{{values}}};\n")
    return "".join(parts)
