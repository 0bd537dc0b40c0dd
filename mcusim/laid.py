"""A request laid out on its part: image, plan, C, and whether it all fits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from mcusim.asked import Asked, limit_of
from mcusim.build import Costs
from mcusim.charge import requested
from mcusim.checks import with_image_read
from mcusim.deployments import Deployment
from mcusim.elf import read_elf
from mcusim.fit import plan_inside
from mcusim.footprint import Footprint
from mcusim.images import together
from mcusim.linked import charged, check_arena
from mcusim.parts import Part
from mcusim.planner.plan import Plan
from mcusim.planner.search import Search, search
from mcusim.planner.target import Target
from mcusim.planner.wanted import wanted
from mcusim.written import images_of, with_tables, written
from refimpl.errors import NotImplementedHere
from refimpl.image import Image
from refimpl.models.config import ModelConfig
from workbench import accuracies
from workbench.accuracies import Kept
from workbench.datasets.read import read_data
from workbench.networks import Network, find_network
from workbench.tasks.naming import puzzle_of
from workbench.tasks.relabel import Relabelling
from workbench.tasks.sets import PuzzleSet


@dataclass(frozen=True)
class Laid:
    """A request laid out on its part: ``network`` with the row of its puzzle, ``whole`` with every row;
    ``images`` of the program and, where the stop rule has one, of the second; ``stop`` names its stop rule,
    ``again`` are the relabellings of its retries; ``fits`` says whether part and budget hold ``plan``;
    ``checked``: it checks what it fetches; ``program`` is that plan as C, file by file, or empty with the
    reason in ``refusal``."""

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

    @cached_property
    def costs(self) -> Costs:
        """Of its puzzles, tries included."""
        return Costs(self.plan, self.target, 1 + len(self.again))

    @cached_property
    def known(self) -> Mapping[str, Kept]:
        """Every accuracy that is kept beside the weights, by program."""
        return accuracies.read(accuracies.path_of(self.whole))

    @property
    def held(self) -> int:
        """Bytes of the images and of a resident table."""
        return self.size.image

    @cached_property
    def whole_images(self) -> tuple[Image, ...]:
        """The images with every row."""
        if self.whole is self.network:
            return self.images
        return images_of(self.whole, self.deployment.format, self.config.stop)

    @property
    def content(self) -> bytes:
        """Every bit that an answer depends on."""
        return b"".join(bytes(image.data) for image in self.whole_images)

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
    linked = None if args.elf is None else read_elf(args.elf)
    account = requested(args, None if linked is None else charged(linked))
    deployment, target, size = account.deployment, account.target, account.size
    format, limit, room = deployment.format, limit_of(args, deployment), account.room(target.program)
    whole = account.network if account.network.trained else find_network(deployment.model)
    config = replace(whole.config, H_cycles=deployment.H_cycles, halt_max_steps=deployment.steps,
                     stop=account.config.stop)  # fmt: skip
    puzzles = read_data(args.data, config) if args.data else None
    # The image holds the one row that a run reads.
    network = whole.with_puzzle_row(0 if puzzles is None else puzzle_of(puzzles, args.puzzle).puzzle_id)
    images = images_of(network, format, config.stop)
    in_image = len(together(images))
    assert in_image + size.resident == size.image, "the images are not what their shapes say"
    found = search(config, format, target, room)
    plan = wanted(args.plan or deployment.plan, found, config, format, target, room)
    if linked is not None:
        check_arena(linked, plan)
    fits = plan.fits(target, room)
    plan = with_image_read(plan, in_image) if args.check_tiles else plan
    laid = Laid(deployment, limit, account.part, network, whole, config, account.stop, account.again, puzzles,
                images, size, target, found, plan, fits, args.check_tiles, {}, "")  # fmt: skip
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
