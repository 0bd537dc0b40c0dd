"""``mcusim explain DEPLOYMENT``: where every figure of its estimate comes from."""

from __future__ import annotations

import argparse

from mcusim.asked import add_deployment, asked, words_of
from mcusim.charge import requested
from mcusim.commands.parts import figures_grid, value
from mcusim.figures import weakest
from mcusim.fit import fit
from mcusim.parts import Part
from mcusim.planner.ledger import Ledger, Work, operator_counts, row_source
from mcusim.planner.notation import describe
from mcusim.planner.plan import Plan
from mcusim.planner.target import Target
from mcusim.render.grids import count
from mcusim.render.plans import within
from mcusim.timing import OperatorCounts, energy, instructions
from mcusim.units import format_bytes, format_seconds, format_times
from refimpl.errors import DoesNotFit
from workbench.command_line import examples
from workbench.render.grid import Grid
from workbench.render.sheet import Sheet, add_format, show

SCHEMA = "mcusim-explain/1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_deployment(parser)
    parser.add_argument("--no-overlap", action="store_true", help="add up computation and transfers")
    add_format(parser)
    examples(parser, "", "sudoku-mlp-int4 --weights w8c")


def _counts(plan: Plan, site: str, work: Work) -> OperatorCounts:
    return operator_counts(work, plan.format.weights_at(site).bits, row_source(plan.config))


def sites_grid(plan: Plan, step: Ledger, target: Target, overlap: bool) -> Grid:
    """Work and time of each site in an ACT step, the slowest first."""
    times = plan.times(step, target, overlap)
    rows = []
    for site in sorted(times, key=lambda name: -times[name].total.high):
        work, time = step.sites[site], times[site]
        counts = _counts(plan, site, work)
        spent = count(round(instructions(counts, target.part)))
        flash = count(counts.weight_bytes + counts.row_bytes)
        rows.append((site, time.bound_by, count(counts.macs), spent, flash, format_seconds(time.total.high)))
    return Grid("one ACT step by site (slow end)",
                ("site", "bound by", "MACs", "instr.", "flash B", "time"), tuple(rows), left=2)  # fmt: skip


def _sentences(plan: Plan, part: Part, target: Target, overlap: bool) -> tuple[str, ...]:
    step, time = plan.step, plan.step_time(target, overlap)
    total = OperatorCounts()
    for site, work in step.sites.items():
        total = total + _counts(plan, site, work)
    regions = {"image": target.memories.image, "rows": target.memories.rows, "arena": target.memories.arena}
    spent = energy(total, part, regions)
    last = weakest(part.figures())
    rule = "the slowest of computation and each memory" if overlap else "the sum of computation and memories"
    return (
        f"Plan {describe(plan.choices)}: {format_bytes(plan.high_water)} of arena; an operator takes {rule}.",
        f"One ACT step: {format_times(time.low, time.high)}, "
        f"{spent.total.low:.3g} .. {spent.total.high:.3g} J = {spent.inputs}.",
        f"Everything here is an estimate; the weakest figure is {last.basis}: {last.source}.",
    )


def run(args: argparse.Namespace) -> int:
    request = asked(args)
    one = fit(requested(request), plan_anyway=True)
    deployment, plan = one.deployment, one.on_part
    target = None if plan is None else one.held_by(plan)
    if plan is None or target is None:
        least = "" if one.arena is None else f"; the smallest needs {format_bytes(one.arena)} of arena"
        raise DoesNotFit(
            f"{one.part.name} holds no plan of {deployment.name}{within(one)}{least} "
            f"(`python -m mcusim plan {words_of(request)}`)."
        )
    overlap = not args.no_overlap
    times = plan.times(plan.step, target, overlap)
    data = {
        "schema": SCHEMA,
        "deployment": deployment.name,
        "format": str(deployment.format),
        "part": one.part.name,
        "plan": describe(plan.choices),
        "sites": [
            {
                "site": site,
                "bound_by": time.bound_by,
                "seconds": vars(time.total),
                "compute": vars(time.compute),
                "memory": dict(time.memory),
                **vars(_counts(plan, site, plan.step.sites[site])),
            }
            for site, time in times.items()
        ],
        "figures": [
            {"name": name, "value": value(f), "basis": f.basis, "source": f.source}
            for name, f in one.part.named_figures()
        ],
    }  # fmt: skip
    grids = sites_grid(plan, plan.step, target, overlap), figures_grid(one.part)
    sentences = _sentences(plan, one.part, target, overlap)
    show(Sheet(f"mcusim explain · {deployment.name}", grids, sentences, data), args)
    return 0
