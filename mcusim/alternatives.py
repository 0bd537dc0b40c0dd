"""What else this chip could run of the same network: other widths of weights, fewer steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from mcusim.accuracy import all_puzzles
from mcusim.asked import Asked
from mcusim.build import Costs
from mcusim.laid import Laid, lay
from mcusim.report import Span
from refimpl.errors import InputError, NotImplementedHere
from refimpl.formats import parse_weights
from refimpl.models.halting import FIXED
from workbench.accuracies import Kept, program_of

WIDTHS = ("w8c", "w4c")
FEWER = 4  # of so many steps, one


@dataclass(frozen=True)
class Alternative:
    """A program of the network on the part: ``flash`` bytes of image and code, ``sram`` of arena, statics
    and stack; ``time`` of a puzzle, on average where a stop rule ends runs and its steps are known.

    ``exact``: share of puzzles and its 95 % interval, None where it was never measured; ``chosen``: what the
    report is about.
    """

    format: str
    H_cycles: int
    steps: int
    stop: str
    flash: int
    sram: int
    time: Span
    fits: bool
    exact: tuple[float, float, float] | None
    chosen: bool


def alternatives(asked: Asked, laid: Laid) -> tuple[Alternative, ...]:
    """The program of a report and its neighbours, the largest image first."""
    found = [one for other in _laid(asked, laid) for one in _depths(other, other is laid, laid.known)]
    return tuple(sorted(found, key=lambda one: (-one.flash, -one.steps)))


def _laid(asked: Asked, laid: Laid) -> Iterator[Laid]:
    """The request itself, then with each other width of weights that can be planned."""
    yield laid
    own = laid.deployment.format
    for name in WIDTHS:
        fmt = replace(own, weights=parse_weights(name), overrides=())
        if fmt != own and laid.network.trained:
            try:
                yield lay(replace(asked, weights=str(fmt), activations=None, carry=None, rounding=None,
                                  stop=None, plan="chosen", elf=None))  # fmt: skip
            except (InputError, NotImplementedHere):
                continue


def _depths(laid: Laid, chosen: bool, known: Mapping[str, Kept]) -> Iterator[Alternative]:
    """At its own depth, and at a quarter of the steps, which takes no fewer bytes."""
    yield _one(laid, laid.config.halt_max_steps, chosen, known)
    if laid.fits and laid.config.halt_max_steps >= 2 * FEWER:
        yield _one(laid, laid.config.halt_max_steps // FEWER, False, known)


def _one(laid: Laid, steps: int, chosen: bool, known: Mapping[str, Kept]) -> Alternative:
    whole = steps == laid.config.halt_max_steps
    config = laid.config if whole else replace(laid.config, halt_max_steps=steps, stop=FIXED)
    plan = replace(laid.plan, config=config, finish=laid.plan.finish if whole else None)
    retries = len(laid.again) if whole else 0
    costs = laid.costs if whole else Costs(plan, laid.target)
    program, time = laid.target.program, costs.of_steps(steps).time
    exact = None
    if laid.network.trained and laid.puzzles is None:
        content = laid.content if whole else bytes(laid.whole_images[0].data)
        one = known.get(program_of(content, config, retries))
        if one is not None:
            said = all_puzzles(one, known, laid.whole, costs, "kept")
            exact = (said.exact_right / said.puzzles, said.exact_low, said.exact_high)
            time = time if said.stopping is None else said.stopping.costs.mean.time
    return Alternative(
        str(laid.deployment.format), config.H_cycles, steps, str(config.stop),
        laid.held + program.code.count, laid.plan.high_water + program.in_sram, time, laid.fits, exact,
        chosen,
    )  # fmt: skip
