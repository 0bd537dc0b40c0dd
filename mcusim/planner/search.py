"""The Pareto front of SRAM, weight traffic and time, and the plan a part gets.

Sublayers share nothing but the arena: under each limit on scratch, every kind takes its best option.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import product

from mcusim.planner.choices import Choices, SwiGLUTiles
from mcusim.planner.kept import Estimate, keep, place, recall
from mcusim.planner.options import Kind, Option, OptionCounter, combined, late_heads
from mcusim.planner.plan import Plan, make_plan, persistent_buffers
from mcusim.planner.target import Target
from refimpl.errors import NotImplementedHere
from refimpl.formats import Format
from refimpl.models.config import ModelConfig

RESIDENT = (frozenset[str](), frozenset({"token"}), frozenset({"token", "channel"}))
# A plan joins the front if it saves this share of traffic or of time over each smaller one.
WORTH = 0.05


@dataclass(frozen=True)
class Search:
    """What a search found: ``choices`` of the front, the least SRAM first, and ``chosen``, the fastest plan
    that fits, or None."""

    config: ModelConfig
    format: Format
    choices: tuple[Choices, ...]
    chosen: Plan | None

    @cached_property
    def least(self) -> Plan:
        """The plan of the front that takes least SRAM."""
        return make_plan(self.config, self.format, self.choices[0])

    @cached_property
    def front(self) -> tuple[Plan, ...]:
        """The plans of the front, ``chosen`` among them, in order of SRAM."""
        made = {self.choices[0]: self.least}
        if self.chosen is not None:
            made[self.chosen.choices] = self.chosen
        plans = [made.get(one) or make_plan(self.config, self.format, one) for one in self.choices]
        return tuple(sorted(plans, key=lambda plan: plan.high_water))


def search(config: ModelConfig, format: Format, target: Target, limit: int | None = None) -> Search:
    """Search the whole space for one model, format and target.

    ``limit``: bytes that the arena of the chosen plan may have beside what the part's regions allow.
    """
    path = place(config, format, target)
    estimates = recall(path, config)
    if not estimates:
        estimates = _estimates(config, format, target)
        keep(path, estimates)
    thinned = _thinned(estimates)
    chosen = _chosen(config, format, target, estimates, limit)
    if chosen is not None and chosen.choices not in thinned:
        thinned.append(chosen.choices)
    return Search(config, format, tuple(thinned), chosen)


def _estimates(config: ModelConfig, format: Format, target: Target) -> list[Estimate]:
    counter = OptionCounter(config, format, target)
    found: dict[Choices, Estimate] = {}
    for base in _bases(config, format, target):
        heads = counter.heads_scratch(base.staged)
        fixed = sum(buffer.reserved for buffer in persistent_buffers(config, format, base))
        options = {kind: counter.options(kind, base) for kind in counter.kinds}
        least = max(heads, *(min(o.scratch for o in some) for some in options.values()))
        limits = sorted({least, *(o.scratch for some in options.values() for o in some if o.scratch > least)})
        for limit, rank in product(limits, (_by_time, _by_traffic)):
            best: dict[Kind, Option] = {
                kind: min((o for o in some if o.scratch <= limit), key=rank) for kind, some in options.items()
            }
            choices = combined(base, best)
            found[choices] = Estimate(
                choices,
                fixed + max(heads, *(o.scratch for o in best.values())),
                sum(o.weight_bytes for o in best.values()),
                sum(o.seconds for o in best.values()),
            )
    return sorted(found.values(), key=lambda e: (e.high_water, e.weight_bytes, e.seconds))


def _bases(config: ModelConfig, format: Format, target: Target) -> Iterator[Choices]:
    """What is chosen for all sublayers together: x stored, weights resident, and, for the least memory of an
    attention, late heads, with weights read where they stand if they can be."""
    nothing = SwiGLUTiles(1, 2, 1)
    for x_stored, resident in product((False, True), RESIDENT):
        yield Choices(nothing, nothing, x_stored, resident, target.staged)
    if (late := late_heads(config, format)) is not None:
        for staged in {target.staged, not target.mapped}:
            yield Choices(nothing, nothing, staged=staged, late=late)


def _by_time(option: Option) -> tuple[float, int]:
    return option.seconds, option.weight_bytes


def _by_traffic(option: Option) -> tuple[int, float]:
    return option.weight_bytes, option.seconds


def _thinned(estimates: list[Estimate]) -> list[Choices]:
    """Choices in order of SRAM, each WORTH less traffic or time than every smaller one kept."""
    kept: list[Estimate] = []
    for one in estimates:
        if all(
            one.weight_bytes < k.weight_bytes * (1 - WORTH) or one.seconds < k.seconds * (1 - WORTH)
            for k in kept
        ):
            kept.append(one)
    return [one.choices for one in kept]


def _chosen(
    config: ModelConfig, format: Format, target: Target, estimates: list[Estimate], limit: int | None
) -> Plan | None:
    """The fastest plan that the part holds; of equals the one that reads least, then the smallest."""
    if not target.image_fits:
        return None
    room = sum(room.bytes for room in target.rooms)
    room = room if limit is None else min(room, limit)
    for one in sorted(estimates, key=lambda e: (e.seconds, e.weight_bytes, e.high_water)):
        if one.high_water <= room:
            try:
                plan = make_plan(config, format, one.choices)
            except NotImplementedHere:  # the options are the first program's; the second may not have them
                continue
            if plan.fits(target, limit):
                return plan
    return None
