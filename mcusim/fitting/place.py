"""A program on a part: the plan that it gets there, its bytes, and the time and energy of a puzzle."""

from __future__ import annotations

from dataclasses import dataclass

from mcusim.build import Costs
from mcusim.charge import program_for
from mcusim.checks import with_image_read
from mcusim.parts import Part
from mcusim.planner.notation import describe
from mcusim.planner.search import search
from mcusim.planner.target import target_of
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
    """Plan one program, with each number of retries, and cost its cases under the plan that it gets; an
    executor's job."""
    counts = dict.fromkeys(taken.retries for taken in asked.cases)
    planned = {retries: _planned(asked, retries) for retries in counts}
    return tuple(_placed(asked, taken, *planned[taken.retries]) for taken in asked.cases)


def _planned(asked: Asked, retries: int) -> tuple[Costs, bool, int]:
    """The costs of the plan that a program gets, whether the part (and the limit) hold it, and the bytes of
    the smallest arena."""
    program = program_for(asked.part, asked.config, asked.format, retries, bool(asked.content))
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
    return Costs(plan, target), held, found.least.high_water


def _placed(asked: Asked, taken: Taken, costs: Costs, fits: bool, least: int) -> Placed:
    """A case under the plan of its program."""
    plan, program = costs.plan, costs.target.program
    seconds, joules = [0.0, 0.0], [0.0, 0.0]
    for n, count in enumerate(taken.runs):
        if count:
            ledger = plan.puzzle(n)
            time, spent = costs.seconds(ledger), energy(costs.counts(ledger), asked.part).total
            share = count / taken.puzzles
            seconds = [seconds[0] + share * time.low, seconds[1] + share * time.high]
            joules = [joules[0] + share * spent.low, joules[1] + share * spent.high]
    bare = program_for(asked.part, asked.config, asked.format, taken.retries, checked=False)
    return Placed(asked.image + program.code.count, plan.high_water + program.in_sram, Span(*seconds),
                  Span(*joules), fits, describe(plan.choices), asked.image + bare.bytes + least)  # fmt: skip
