"""A request laid out on its part: image, plan, C, and whether it all fits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from mcusim.asked import Asked, chosen_deployment
from mcusim.checks import checked_part, with_checks, with_image_read
from mcusim.deployments import Deployment
from mcusim.elf import read_elf
from mcusim.fit import plan_inside
from mcusim.footprint import Footprint, footprint
from mcusim.images import together
from mcusim.linked import charged, check_arena
from mcusim.parts import Part, load_part
from mcusim.planner.plan import Plan
from mcusim.planner.search import Search, search
from mcusim.planner.target import Target, target_of
from mcusim.planner.wanted import wanted
from mcusim.program import bare_program, with_retries
from mcusim.units import parse_bytes
from mcusim.written import images_of, with_tables, written
from refimpl.errors import InputError, NotImplementedHere
from refimpl.image import Image
from refimpl.models.config import ModelConfig
from refimpl.models.halting import FIXED, StopRule
from workbench.datasets.read import read_data
from workbench.networks import Network, find_network
from workbench.retry import relabellings
from workbench.tasks.naming import puzzle_of
from workbench.tasks.relabel import Relabelling
from workbench.tasks.sets import PuzzleSet

SMALL_PART, LARGE_PART = "generic-4mb", "generic-8mb"
SMALL_BUDGET, LARGE_BUDGET = "4MB", "8MB"


def _deployment(args: Asked) -> tuple[Deployment, int]:
    """The named deployment with the flags in place of its own values, and the budget in bytes."""
    chosen = chosen_deployment(args)
    default = LARGE_BUDGET if chosen.part == LARGE_PART else SMALL_BUDGET
    limit = parse_bytes(default if args.budget is None else args.budget, "--budget")
    if args.deployment is None and args.part is None:
        chosen = replace(chosen, part=SMALL_PART if limit <= parse_bytes(SMALL_BUDGET) else LARGE_PART)
    return chosen, limit


def _rule(network: Network, deployment: Deployment, args: Asked) -> tuple[StopRule, str]:
    """The stop rule, and how the report names it.

    A rule of a deployment (one that was not asked for) gives way where no t is kept for the formats.
    """
    program = str(deployment.format)
    try:
        rule = network.stop_rule(deployment.stop, program)
    except InputError:
        if args.stop is not None:
            raise
        return FIXED, f"{FIXED} (no t is kept for {program})"
    return rule, str(rule)


@dataclass(frozen=True)
class Laid:
    """A request laid out on its part: ``network`` with the row of its puzzle, ``whole`` with every row;
    ``images`` of the program and, where the stop rule has one, of the second; ``held`` bytes of them and of a
    resident table; ``stop`` names its stop rule, ``again`` are the relabellings of its retries; ``fits`` says
    whether part and budget hold ``plan``; ``checked``: it checks what it fetches; ``program`` is that plan as
    C, file by file, or empty with the reason in ``refusal``."""

    deployment: Deployment
    limit: int
    part: Part
    network: Network
    whole: Network
    config: ModelConfig
    stop: str
    again: tuple[Relabelling, ...]
    puzzles: PuzzleSet | None
    images: tuple[Image, ...]
    size: Footprint
    target: Target
    held: int
    found: Search
    plan: Plan
    fits: bool
    checked: bool
    program: Mapping[str, str]
    refusal: str

    @property
    def image(self) -> Image:
        """That of the program that begins."""
        return self.images[0]

    @property
    def content(self) -> bytes:
        """Every bit that an answer depends on."""
        return b"".join(bytes(image.data) for image in self.images)

    @property
    def formats(self) -> str:
        """Of both programs."""
        by = self.config.stop.by
        return f"{self.deployment.format}, then {by}" if by else str(self.deployment.format)

    @property
    def name(self) -> str:
        """What an export is called."""
        return f"{self.network.name} {self.formats} for {self.part.name}"

    @property
    def inside(self) -> bool:
        """Whether the part's internal memories alone hold some plan."""
        inner = plan_inside(
            self.config, self.deployment.format, self.target, self.found.chosen, self.held, self.size.rows
        )
        return inner is not None


def lay(args: Asked) -> Laid:
    """Read what is asked for, plan it, and see whether it fits."""
    deployment, limit = _deployment(args)
    part = load_part(deployment.part, args.catalogue)
    part = checked_part(part) if args.check_tiles else part
    network = find_network(deployment.model)
    rule, named = _rule(network, deployment, args)
    config = replace(network.config, H_cycles=deployment.H_cycles, halt_max_steps=deployment.steps, stop=rule)
    whole = network
    puzzles = read_data(args.data, config) if args.data else None
    if puzzles is not None:
        network = network.with_puzzle_row(puzzle_of(puzzles, args.puzzle).puzzle_id)
    images = images_of(network, deployment.format, rule)
    size = footprint(replace(deployment, stop=str(rule)))
    linked = None if args.elf is None else read_elf(args.elf)
    if linked is None:
        bare = bare_program(part, config, deployment.format)
        program = with_retries(bare, part, config, deployment.retries)
        program = with_checks(program, part) if args.check_tiles else program
    else:
        program = charged(linked)
    held = len(together(images)) + size.resident
    target = target_of(part, held, program, size.rows)
    room = max(0, limit - held - program.bytes)
    found = search(config, deployment.format, target, room)
    plan = wanted(args.plan or deployment.plan, found, config, deployment.format, target, room)
    if linked is not None:
        check_arena(linked, plan)
    fits = plan.fits(target, room)
    again = relabellings(config, deployment.retries)
    plan = with_image_read(plan, len(together(images))) if args.check_tiles else plan
    laid = Laid(deployment, limit, part, network, whole, config, named, again, puzzles, images, size,
                target, held, found, plan, fits, args.check_tiles, {}, "")  # fmt: skip
    if not fits:
        return laid
    return with_program(laid, linked is not None)


def with_program(laid: Laid, linked: bool = False) -> Laid:
    """Write the plan as C; a plan that has none does not fit, whatever its bytes.

    ``linked``: the target's program is a link of the user's own, which holds the sums of tiles already.
    """
    try:
        made = written(laid.plan, laid.images, laid.target, laid.name, laid.checked)
    except NotImplementedHere as error:
        return replace(laid, fits=False, refusal=str(error))
    if linked or not laid.checked:
        return replace(laid, program=made.files)
    target = with_tables(laid.target, laid.plan, laid.held, laid.size.rows, made.sums)
    if target is None or laid.held + target.program.bytes + laid.plan.high_water > laid.limit:
        return replace(laid, fits=False, refusal=f"sums of its tiles take {made.sums:,} bytes too many.")
    return replace(laid, program=made.files, target=target)
