"""The plan that a user asks for by name or in the notation of ``mcusim plan``."""

from __future__ import annotations

from mcusim.planner.notation import FORM, parse_choices
from mcusim.planner.plan import Plan, make_plan
from mcusim.planner.search import Search
from mcusim.planner.target import Target
from refimpl.formats import Format
from refimpl.models.config import ModelConfig

CHOSEN, LEAST, TRAFFIC = "chosen", "least", "traffic"
HELP = (
    f"{CHOSEN}: the fastest that fits (default where the deployment names none); "
    f"{LEAST}: least SRAM; {TRAFFIC}: of what fits, the least read from the image; "
    f"or {FORM}"
)


def wanted(
    text: str, found: Search, config: ModelConfig, format: Format, target: Target, limit: int | None = None
) -> Plan:
    """The plan called ``text``, of those with an arena of at most ``limit`` bytes; where none fits, the
    smallest.

    Raises
    ------
    InputError
        When ``text`` is neither a name nor a plan of this model.
    """
    if text == CHOSEN:
        return found.chosen or found.least
    if text == LEAST:
        return found.least
    if text == TRAFFIC:
        fitting = [plan for plan in found.front if plan.fits(target, limit)] or [found.least]
        return min(fitting, key=lambda p: (p.step.code_bytes + p.step.constant_bytes, p.high_water))
    return make_plan(config, format, parse_choices(text, config, target.staged, target.mapped))
