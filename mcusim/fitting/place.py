"""A program on a part: the plan that it gets there, its bytes, and the time and energy of a puzzle."""

from __future__ import annotations

from dataclasses import dataclass

from mcusim.build import Costs
from mcusim.checks import with_checks, with_image_read
from mcusim.kernels import rooms_of
from mcusim.parts import Part
from mcusim.planner.notation import describe
from mcusim.planner.plan import Plan
from mcusim.planner.search import search
from mcusim.planner.target import target_of
from mcusim.program import Program, kernels_of, program_of, with_retries
from mcusim.report import Span
from mcusim.timing import energy
from mcusim.written import checking
from refimpl.formats import Format
from refimpl.image import Image
from refimpl.models.config import ModelConfig


@dataclass(frozen=True)
class Taken:
    """``runs[n]`` runs of n ACT steps, of ``puzzles`` in all, each tried again up to ``retries`` times."""

    runs: tuple[int, ...]
    puzzles: int
    retries: int = 0


@dataclass(frozen=True, eq=False)
class Asked:
    """A program of ``image`` bytes with the stop rule of ``config``, and cases of what puzzles take of it.
    ``limit``: most bytes of SRAM in all, None for what the part has.  ``content``: the image itself where the
    program checks what it fetches, whose core the part then has; else empty."""

    config: ModelConfig
    format: Format
    image: int
    part: Part
    cases: tuple[Taken, ...]
    limit: int | None
    content: bytes = b""


@dataclass(frozen=True)
class Placed:
    """``flash``: image and code; ``sram``: arena, statics and stack; time and energy of a puzzle on average
    over the steps that puzzles took.  ``fits``: the part (and the limit) hold the plan; else it is the
    smallest.  ``plan`` in the notation of ``--plan``; ``everything``: bytes of image,
    program and the smallest arena, without checks, as deployments are judged."""

    flash: int
    sram: int
    seconds: Span
    joules: Span
    fits: bool
    plan: str
    everything: int


def place(asked: Asked) -> tuple[Placed, ...]:
    """Plan one program, and cost each case under that plan; an executor's job."""
    kernels = kernels_of(asked.config, asked.format)
    bare = program_of(asked.part, kernels, rooms_of(asked.config, asked.format))
    program = with_checks(bare, asked.part) if asked.content else bare
    target = target_of(asked.part, asked.image, program)
    room = None if asked.limit is None else max(0, asked.limit - program.in_sram)
    found = search(asked.config, asked.format, target, room)
    plan = found.chosen or found.least
    held = found.chosen is not None
    if asked.content:
        images = [Image(asked.content, "the image")]
        summed = checking(target, plan, images, asked.image, 0)
        held, target = held and summed is not None, summed or target
        plan = with_image_read(plan, asked.image)
    costs = Costs(plan, target)

    def case(taken: Taken) -> Placed:
        again = with_retries(target.program, asked.part, asked.config, taken.retries)
        more = again.in_sram - program.in_sram
        fits = held and _holds(asked, plan, again, None if room is None else room - more)
        seconds, joules = [0.0, 0.0], [0.0, 0.0]
        for n, count in enumerate(taken.runs):
            if count:
                ledger = plan.puzzle(n)
                time, spent = costs.seconds(ledger), energy(costs.counts(ledger), asked.part).total
                share = count / taken.puzzles
                seconds = [seconds[0] + share * time.low, seconds[1] + share * time.high]
                joules = [joules[0] + share * spent.low, joules[1] + share * spent.high]
        return Placed(
            asked.image + again.code.count, plan.high_water + again.in_sram,
            Span(*seconds), Span(*joules), fits, describe(plan.choices),
            asked.image + with_retries(bare, asked.part, asked.config, taken.retries).bytes
            + found.least.high_water,
        )  # fmt: skip

    return tuple(map(case, asked.cases))


def _holds(asked: Asked, plan: Plan, program: Program, room: int | None) -> bool:
    """Whether the part holds a plan beside image and ``program``, in ``room`` bytes of arena."""
    return plan.fits(target_of(asked.part, asked.image, program), room)
