"""One flipped bit of the arena while a plan is executed: any byte, any moment; what it does to the answer.

``python benchmarks/bad_bits_planned.py --flips 2000 --results planned_bits.jsonl --out planned_bits.md``

The calls of a plan are lists of instructions on fixed addresses (mcusim.planner.execute); a flip falls
between two of them, on a byte and bit of the arena drawn at random.  Sites are what lies there: the carry
(z_H, z_L), the input sum x, or scratch (activations, rows being normed, bytes that nothing uses just then).
Weights in RAM are left out: the host multiplies with copies of them (``bad_bits.py`` flips their bits).
Resumable: a line of RESULTS is a hundred draws.

A run is followed only as far as it can differ: until carry and x are those of the undisturbed run again, or
those of an earlier ACT step of its own, from where it goes round in a circle.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
from bad_bits import OUTCOMES, TIMES, Row, table

from mcusim.charge import charge
from mcusim.deployments import load_deployment
from mcusim.fit import fit
from mcusim.flash import FlashLog, streamed
from mcusim.planner import schedule
from mcusim.planner.arena import Arena
from mcusim.planner.execute import _extents, _Running
from mcusim.planner.executing import ArenaMachine
from mcusim.planner.target import Room, lay_out
from refimpl import fast
from refimpl.models.halting import FIXED
from refimpl.models.operators import Array
from refimpl.models.recursion import read_logits
from workbench.command_line import number
from workbench.files.outputs import write_file
from workbench.networks import find_network
from workbench.tasks.sets import evaluation_set
from workbench.vectors.draws import Draws

AT_ONCE = 100
CAMPAIGN = "sudoku9-mlp-int4"  # what results/trust/planned_bits.jsonl was drawn on
READ = ("z_H", "z_L", "x", "scratch")


class PlannedRun:
    """A whole run of one puzzle under a deployment's plan: what is kept in the arena before every call."""

    def __init__(self, name: str, puzzle: int = 0) -> None:
        deployment = load_deployment(name)
        one = fit(charge(replace(deployment, stop=str(FIXED))), plan_anyway=True)
        plan = one.on_part
        assert plan is not None
        network = find_network(deployment.model)
        lowered = network.integer_model(deployment.format)
        self.model = lowered.with_depth(deployment.H_cycles, deployment.steps)
        tokens = evaluation_set(self.model.config, None).inputs[puzzle].astype(np.int32)
        segments = lay_out(plan.sizes, (Room("arena", plan.high_water),))
        assert segments is not None
        self.arena = Arena(_extents(segments))
        rows = streamed(self.model.embedding, one.part.region("rows"), FlashLog(), None)
        machine = ArenaMachine(plan, segments, self.arena, rows, tokens)
        running = _Running(machine, plan, self.model, False, None)
        schedule.reset(machine, self.model, running.z_H, running.z_L)
        running.begin()
        calls = running.repeated
        config = self.model.config
        self.order = [c.level for step in range(config.halt_max_steps) for c in config.order.calls(1, step)]
        self.step = len(self.order) // config.halt_max_steps
        self.memory = self.arena.memory["arena"]
        self.sites = {buffer.name: (place.offset, place.offset + buffer.bytes)
                      for place, buffer, _ in self.arena.live.values()}  # fmt: skip
        self.kept = self.memory[: max(self.sites[name][1] for name in ("z_H", "z_L", "x"))]
        self.before: list[Array] = []  # what is kept from call to call, before each and at the end
        for level in self.order:
            self.before.append(self.kept.copy())
            calls[level]()
        self.before.append(self.kept.copy())
        self.programs = {level: one.program for level, one in calls.items()}
        self.z_H = self.arena.view(plan.persistent[0])
        self.end, self.answer = self.z_H.copy(), self.answered()

    def answered(self) -> Array:
        """What the head reads from the carry."""
        answer: Array = fast.argmax(read_logits(fast, self.model, self.z_H[None].astype(np.int16)))[0]
        return answer

    def site(self, byte: int) -> str:
        """What a byte of the arena holds."""
        found = [name for name, (start, stop) in self.sites.items() if start <= byte < stop]
        return found[0] if found else "scratch"

    def flipped(self, call: int, moment: int, byte: int, bit: int) -> str:
        """The outcome of a run from ``call`` on with one bit flipped before instruction ``moment`` of it."""
        self.kept[:] = self.before[call]
        for place, instruction in enumerate(self.programs[self.order[call]]):
            if place == moment:
                self.memory[byte] ^= 1 << bit
            instruction()
        seen: dict[bytes, int] = {}
        for later in range(call + 1, len(self.order)):
            if np.array_equal(self.kept, self.before[later]):
                return OUTCOMES[0]
            if later % self.step == 0:
                state = self.kept.tobytes()
                if state in seen:  # the rest of the run goes round from there to here
                    ends = seen[state] + (len(self.order) - later) % (later - seen[state])
                    self.kept[:] = np.frombuffer(next(s for s, at in seen.items() if at == ends), np.uint8)
                    break
                seen[state] = later
            for instruction in self.programs[self.order[later]]:
                instruction()
        if np.array_equal(self.z_H, self.end):
            return OUTCOMES[0]
        return OUTCOMES[1] if np.array_equal(self.answered(), self.answer) else OUTCOMES[2]


def flips(run: PlannedRun, part: int, seed: str, count: int = AT_ONCE) -> Counter[Row]:
    """``count`` draws, every moment of the run as likely as any other, every byte of the arena too."""
    draws, found = Draws(f"{seed} {part}"), Counter[Row]()
    for _ in range(count):
        call = draws.integer(0, len(run.order) - 1)
        moment = draws.integer(0, len(run.programs[run.order[call]]) - 1)
        byte, bit = draws.integer(0, run.memory.size - 1), draws.integer(0, 7)
        if run.site(byte) not in READ:
            continue
        when = f"{TIMES * call // len(run.order) + 1} of {TIMES} parts of the run"
        found[run.site(byte), when, run.flipped(call, moment, byte, bit)] += 1
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--deployment", default=CAMPAIGN)
    parser.add_argument("--flips", type=number, default=2000)
    parser.add_argument("--seed", default="planned bits 1")
    parser.add_argument("--results", type=Path, default=Path("planned_bits.jsonl"))
    parser.add_argument("--out", type=Path, default=Path("planned_bits.md"))
    parser.add_argument("--seconds", type=float, default=float("inf"), help="end after so many")
    args = parser.parse_args()
    end, found = time.monotonic() + args.seconds, Counter[Row]()
    lines = args.results.read_text().splitlines() if args.results.exists() else []
    for line in lines:
        found.update({tuple(row): n for *row, n in json.loads(line)})
    run = PlannedRun(args.deployment)
    with args.results.open("a") as out:
        part = len(lines)
        while sum(found.values()) < args.flips and time.monotonic() < end:
            new = flips(run, part, args.seed)
            found.update(new)
            out.write(json.dumps([[*row, n] for row, n in sorted(new.items())]) + "\n")
            out.flush()
            part += 1
    about = (f"`{args.deployment}` under its plan ({run.memory.size:,} bytes of arena), "
             f"{sum(found.values()):,} single-bit flips of carry, x and scratch at any moment, "
             f"{len(run.order)} calls, seed `{args.seed}`.")  # fmt: skip
    write_file(args.out, table(found, about))
    print(about)


if __name__ == "__main__":
    main()
