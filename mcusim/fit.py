"""Does a deployment fit?  Both readings of every budget, and the part's own regions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mcusim.deployments import FLOAT32, Deployment, Expectation
from mcusim.footprint import Footprint, deployed_config, footprint
from mcusim.parts import Part, load_part
from mcusim.planner.plan import Formats, Plan
from mcusim.planner.search import search
from mcusim.planner.target import target_of


@dataclass(frozen=True)
class Fit:
    """The numbers behind the verdicts.

    ``plans`` is the front, the smallest first, and empty where planning could change nothing: float weights
    have no integer schedule, and an image that outgrows every budget by itself needs none.
    ``on_part`` is the fastest plan the part's regions hold.
    """

    deployment: Deployment
    part: Part
    footprint: Footprint
    plans: tuple[Plan, ...]
    on_part: Plan | None

    @property
    def fixed(self) -> int:
        """Bytes of image and code."""
        return self.footprint.image + self.part.code_bytes

    @property
    def least(self) -> int:
        """The fewest bytes that hold everything (without plans: a lower bound)."""
        return self.fixed + (self.plans[0].high_water if self.plans else 0)

    def verdict(self, budget: int) -> Expectation:
        """Does it fit ``budget``, in each reading."""
        everything = bool(self.plans) and self.least <= budget
        return Expectation(self.footprint.weights_only <= budget, everything)

    @property
    def verdicts(self) -> Mapping[int, Expectation]:
        return {budget: self.verdict(budget) for budget in self.deployment.expect}

    @property
    def as_expected(self) -> bool:
        return dict(self.verdicts) == dict(self.deployment.expect)


def fit(deployment: Deployment, data: Path | None = None, plan_anyway: bool = False) -> Fit:
    """Size a deployment and plan it.

    Parameters
    ----------
    plan_anyway : plan even where the image alone outgrows every budget.
    """
    part = load_part(deployment.part, data)
    size = footprint(deployment)
    hopeless = size.image + part.code_bytes > max(deployment.expect)
    if deployment.weights == FLOAT32 or (hopeless and not plan_anyway):
        return Fit(deployment, part, size, (), None)
    target = target_of(part, size.image)
    formats = Formats(deployment.weight_bits, deployment.carry)
    found = search(deployed_config(deployment), formats, target)
    return Fit(deployment, part, size, found.front, found.chosen)
