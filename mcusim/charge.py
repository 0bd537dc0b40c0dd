"""What a request is charged whatever its plan: one account of bytes for every command.

The image of each program, the program with its retries and checks, and what they leave of the part's
memories and of the budget.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from mcusim.asked import Asked, chosen_deployment, limit_of
from mcusim.checks import checked_part, with_checks
from mcusim.deployments import Deployment
from mcusim.footprint import Footprint, deployed_config, footprint
from mcusim.parts import Part, load_part
from mcusim.planner.plan import Plan
from mcusim.planner.target import Target, target_of
from mcusim.program import Program, bare_program, with_retries
from refimpl.errors import InputError
from refimpl.formats import Format
from refimpl.models.config import ModelConfig
from refimpl.models.halting import FIXED
from workbench.networks import Network, second_format, shapes_of
from workbench.retry import relabellings
from workbench.tasks.relabel import Relabelling


@dataclass(frozen=True)
class Charged:
    """A deployment whose stop rule is the one that runs, as reports name it in ``stop``; ``limit``: bytes
    that everything may take, None for what the part has; ``network``: its own, of a preset the shapes alone;
    ``config``: its shapes under that rule, ``again`` the relabellings of its retries; ``target``: the part
    with image and program laid into it; ``checked``: the program checks what it fetches, but has no sums yet,
    which are those of a plan."""

    deployment: Deployment
    limit: int | None
    part: Part
    network: Network
    config: ModelConfig
    stop: str
    again: tuple[Relabelling, ...]
    size: Footprint
    target: Target
    checked: bool

    def room(self, program: Program) -> int | None:
        """Bytes of arena beside image and ``program`` within the limit."""
        return None if self.limit is None else max(0, self.limit - self.size.image - program.bytes)

    def everything(self, plan: Plan, program: Program) -> int:
        """Bytes that the limit is held against: image, arena and ``program``."""
        return self.size.image + plan.high_water + program.bytes


def requested(args: Asked, linked: Program | None = None) -> Charged:
    """What is asked for; ``linked``: a program of the user's own in place of the measured builds."""
    deployment = chosen_deployment(args)
    return charge(deployment, limit_of(args, deployment), args.catalogue, args.check_tiles, linked)


def charge(
    deployment: Deployment,
    limit: int | None = None,
    catalogue: Path | None = None,
    check_tiles: bool = False,
    linked: Program | None = None,
) -> Charged:
    """Charge a deployment, from shapes alone: no weights are made.

    Its stop rule gives way to runs of fixed length where no t is kept for its format.

    Raises
    ------
    InputError
        For a second program that cannot take over, or retries that nothing is there for.
    """
    part = load_part(deployment.part, catalogue)
    part = checked_part(part) if check_tiles else part
    format, network = str(deployment.format), shapes_of(deployment.model)
    try:
        rule = network.stop_rule(deployment.stop, format)
        named = str(rule)
    except InputError:
        rule, named = FIXED, f"{FIXED} (no t is kept for {format})"
    second_format(rule, deployment.format)
    deployment = replace(deployment, stop=str(rule))
    config, size = deployed_config(deployment, network), footprint(deployment, network)
    again = relabellings(config, deployment.retries)
    program = linked or program_for(part, config, deployment.format, len(again), check_tiles)
    target = target_of(part, size.image, program, size.rows)
    return Charged(deployment, limit, part, network, config, named, again, size, target, check_tiles)


def program_for(part: Part, config: ModelConfig, format: Format, retries: int, checked: bool) -> Program:
    """The program of a deployment with what its stop rule and its retries link; ``checked``: without the sums
    of its tiles."""
    program = with_retries(bare_program(part, config, format), part, config, retries)
    return with_checks(program, part) if checked else program
