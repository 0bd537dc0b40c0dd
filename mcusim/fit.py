"""Does a deployment fit?  Both readings of every budget, and the part's own regions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from mcusim.checks import checked_part, with_checks
from mcusim.deployments import Deployment, Expectation
from mcusim.footprint import Footprint, deployed_config, footprint
from mcusim.parts import Part, load_part
from mcusim.planner.choices import Choices
from mcusim.planner.plan import Plan
from mcusim.planner.search import Search, search
from mcusim.planner.target import Target, target_of
from mcusim.program import Program, bare_program
from mcusim.written import checking, images_of
from refimpl.formats import FLOAT32, Format
from refimpl.models.config import ModelConfig
from workbench.networks import find_network


@dataclass(frozen=True)
class Fit:
    """The numbers behind the verdicts.

    ``found`` is None where planning could change nothing: float weights have no integer schedule, and an
    image that outgrows every budget by itself needs none.  ``target`` is the part with image and program laid
    into it, ``inside`` the fastest plan that its internal memories hold alone.  ``checking``: where the
    program checks what it fetches, ``target`` with the sums of each plan of the front, None for those that it
    does not hold with them.
    """

    deployment: Deployment
    target: Target
    footprint: Footprint
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
        """The target as it holds a plan of the front; None: it does not."""
        if self.checking:
            return self.checking[plan.choices]
        return self.target if plan.lay_out(self.target) is not None else None

    @property
    def arena(self) -> int | None:
        """The fewest bytes of arena that some plan needs."""
        return None if self.found is None else self.found.least.high_water

    @property
    def part(self) -> Part:
        return self.target.part

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


def fit(deployment: Deployment, data: Path | None = None, plan_anyway: bool = False,
        check_tiles: bool = False) -> Fit:  # fmt: skip
    """Size a deployment and plan it.

    Parameters
    ----------
    plan_anyway : plan even where the image alone outgrows every budget.
    check_tiles : charge the checks of what is fetched, as ``run`` does; this makes the image.
    """
    part = load_part(deployment.part, data)
    part = checked_part(part) if check_tiles else part
    size = footprint(deployment)
    config, format = deployed_config(deployment), deployment.format
    program = bare_program(part, config, format)
    program = with_checks(program, part) if check_tiles else program
    target = target_of(part, size.image, program, size.rows)
    hopeless = size.image + program.bytes > max(deployment.expect)
    if deployment.format == FLOAT32 or (hopeless and not plan_anyway):
        return Fit(deployment, target, size, None, None)
    found = search(config, format, target)
    inside = plan_inside(config, format, target, found.chosen, size.image, size.rows)
    one = Fit(deployment, target, size, found, inside)
    if not check_tiles:
        return one
    images = images_of(find_network(deployment.model), format, config.stop)
    summed = {plan.choices: checking(target, plan, images, size.image, size.rows) for plan in found.front}
    return replace(one, checking=summed)


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
