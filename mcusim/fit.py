"""Does a deployment fit?  Both readings of every budget, and the part's own regions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mcusim.charge import Charged
from mcusim.deployments import Deployment, Expectation
from mcusim.footprint import Footprint
from mcusim.parts import Part
from mcusim.planner.choices import Choices
from mcusim.planner.plan import Plan
from mcusim.planner.search import Search, search
from mcusim.planner.target import Target, target_of
from mcusim.program import Program
from mcusim.written import checking, images_of
from refimpl.formats import FLOAT32, Format
from refimpl.models.config import ModelConfig
from workbench.networks import find_network


@dataclass(frozen=True)
class Fit:
    """The numbers behind the verdicts.

    ``charged``: what every plan has; ``found`` is None where planning could change nothing: float weights
    have no integer schedule, and an image that outgrows every budget by itself needs none.  ``inside``: the
    fastest plan that the part's internal memories hold alone.  ``checking``: where the program checks what it
    fetches, the target with the sums of each plan of the front, None for those that it does not hold with
    them.
    """

    charged: Charged
    found: Search | None
    inside: Plan | None
    checking: Mapping[Choices, Target | None] = field(default_factory=dict)

    @property
    def plans(self) -> tuple[Plan, ...]:
        """The front, the smallest first."""
        return () if self.found is None else self.found.front

    @property
    def on_part(self) -> Plan | None:
        """The fastest plan, if the part's regions hold it."""
        chosen = None if self.found is None else self.found.chosen
        return None if chosen is None or self.held_by(chosen) is None else chosen

    def held_by(self, plan: Plan) -> Target | None:
        """The target as it holds a plan of the front, within the limit; None: it does not."""
        target = self.checking[plan.choices] if self.checking else self.target
        held = target is not None and plan.fits(target, self.charged.room(target.program))
        return target if held else None

    @property
    def arena(self) -> int | None:
        """The fewest bytes of arena that some plan needs."""
        return None if self.found is None else self.found.least.high_water

    @property
    def deployment(self) -> Deployment:
        return self.charged.deployment

    @property
    def footprint(self) -> Footprint:
        return self.charged.size

    @property
    def target(self) -> Target:
        return self.charged.target

    @property
    def part(self) -> Part:
        return self.charged.part

    @property
    def program(self) -> Program:
        return self.target.program

    @property
    def fixed(self) -> int:
        """Bytes of image and program."""
        return self.footprint.image + self.program.bytes

    @property
    def least(self) -> int:
        """The fewest bytes that hold everything (without plans: a lower bound)."""
        return self.fixed + (self.arena or 0)

    def verdict(self, budget: int) -> Expectation:
        """Does it fit ``budget``, in each reading."""
        everything = self.found is not None and self.least <= budget
        return Expectation(self.footprint.weights_only <= budget, everything)

    @property
    def verdicts(self) -> Mapping[int, Expectation]:
        return {budget: self.verdict(budget) for budget in self.deployment.expect}

    @property
    def as_expected(self) -> bool:
        return dict(self.verdicts) == dict(self.deployment.expect)


def fit(charged: Charged, plan_anyway: bool = False) -> Fit:
    """Plan what was charged; ``plan_anyway``: even where the image alone outgrows every budget.

    Where the program checks what it fetches, this makes the image.
    """
    config, format, target = charged.config, charged.deployment.format, charged.target
    size = charged.size
    hopeless = size.image + target.program.bytes > max(charged.deployment.expect)
    if format == FLOAT32 or (hopeless and not plan_anyway):
        return Fit(charged, None, None)
    found = search(config, format, target, charged.room(target.program))
    inside = plan_inside(config, format, target, found.chosen, size.image, size.rows)
    if not charged.checked:
        return Fit(charged, found, inside)
    network = find_network(charged.deployment.model).with_puzzle_row(0)
    images = images_of(network, format, config.stop)
    summed = {plan.choices: checking(target, plan, images, size.image, size.rows) for plan in found.front}
    return Fit(charged, found, inside, summed)


def plan_inside(
    config: ModelConfig, format: Format, target: Target, chosen: Plan | None, image: int, outside: int
) -> Plan | None:
    """The plan of a part's internal memories alone: ``chosen`` where that touches no other."""
    if chosen is not None and not any(region.external for region in target.in_use(chosen.sizes)):
        return chosen
    inner = target.part.internal()
    if inner is None or outside:
        return None
    alone = target_of(inner, image, target.program)
    return search(config, format, alone).chosen if alone.image_fits else None
