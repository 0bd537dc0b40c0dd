"""The arena over time: which buffer lies where during each sublayer."""

from __future__ import annotations

from mcusim.planner.plan import SCRATCH, Plan
from mcusim.planner.target import Target
from workbench.render.plot import Held


def memory_map(plan: Plan, target: Target) -> Held | None:
    """One application of every sublayer, as wide as its estimated time; None where no memory holds it."""
    segments = plan.lay_out(target)
    if segments is None:
        return None
    starts, top = {}, 0
    for segment in segments:  # regions one above the other
        starts[segment.name] = top
        top += segment.bytes
    widths = {name: _seconds(plan, target, name) for name in plan.scopes}
    blocks, moments, now = [], [], 0.0
    least = 0.02 * sum(widths.values())  # so that a short one can be seen
    for scope, placement in plan.scopes.items():
        width = max(widths[scope], least)
        moments.append((now + width / 2, scope.replace(".norm", "")))
        blocks += [
            (name, now, now + width, starts[SCRATCH] + offset, placement.buffers[name].bytes)
            for name, offset in placement.offsets.items()
        ]
        now += width
    whole = [(s.name, 0.0, now, starts[s.name], s.bytes) for s in segments if s.name != SCRATCH]
    regions = ", ".join(dict.fromkeys(segment.region for segment in segments))
    return Held(f"arena in {regions} over the sublayers (width: time)", "KiB", [*whole, *blocks], moments)


def _seconds(plan: Plan, target: Target, scope: str) -> float:
    """Time of the sites that work in a scope; heads and halting share theirs."""
    sublayer = scope.partition(" ")[0].removesuffix("norm")
    ledgers = (plan.call_L, plan.call_H) if sublayer.endswith(".") else (plan.heads,)
    found: dict[str, float] = {}
    for ledger in ledgers:
        found.update({site: time.total.high for site, time in plan.times(ledger, target).items()})
    return sum(time for site, time in found.items() if site.startswith(sublayer) or ledgers == (plan.heads,))
