"""A plan written as C where a target holds it, and that target with the sums of its tiles."""

from __future__ import annotations

from collections.abc import Sequence

from mcusim.checks import with_sums
from mcusim.emit.program import Emitted, emit
from mcusim.export.layout import banks_of
from mcusim.planner.plan import Plan
from mcusim.planner.target import Target, target_of
from refimpl.errors import NotImplementedHere
from refimpl.formats import Format
from refimpl.image import Image
from refimpl.model_image import from_image
from refimpl.models.halting import StopRule
from workbench.networks import Network


def images_of(network: Network, format: Format, rule: StopRule) -> tuple[Image, ...]:
    """Of the program, and of the stop rule's second one."""
    images = [Image(network.image(format), "the image")]
    if network.finish(rule, format) is not None:
        images.append(Image(network.image(rule.by), "the second image"))
    return tuple(images)


def written(plan: Plan, images: Sequence[Image], target: Target, name: str, checked: bool) -> Emitted:
    """A plan that ``target`` holds, as C; ``name`` of the deployment stands in its head.

    Raises
    ------
    NotImplementedHere
        For a format or a tile that has no C, or no sum where it is ``checked``.
    """
    segments, config = plan.lay_out(target), plan.config
    assert segments is not None
    arrays = {bank.region: bank.symbol for bank in banks_of(segments, target)}
    model, *finish = map(from_image, images)
    model = model.with_depth(config.H_cycles, config.halt_max_steps).with_stop(config.stop)
    return emit(plan, (model, *finish), images, segments, arrays, name, checked)


def with_tables(target: Target, plan: Plan, held: int, outside: int, sums: int) -> Target | None:
    """``target`` whose program has ``sums`` bytes of tables besides; None where it then holds ``plan`` in
    other places or not at all.  ``held``: bytes of images, ``outside`` of rows beside them."""
    larger = target_of(target.part, held, with_sums(target.program, sums), outside)
    stays = larger.image_fits and plan.lay_out(larger) == plan.lay_out(target)
    return larger if stays else None


def checking(target: Target, plan: Plan, images: Sequence[Image], held: int, outside: int) -> Target | None:
    """``target`` with the sums of a plan's tiles; None where it holds no such program, or there is no C."""
    if not target.image_fits or plan.lay_out(target) is None:
        return None
    try:
        sums = written(plan, images, target, "", True).sums
    except NotImplementedHere:
        return None
    return with_tables(target, plan, held, outside, sums)
