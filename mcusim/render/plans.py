"""The front of plans of a deployment as a sheet: table, plot, arena map, and what stands beside it."""

from __future__ import annotations

from typing import Any

from mcusim.fit import Fit
from mcusim.measured import carry_costs, compiled
from mcusim.parts import Part
from mcusim.planner.ledger import total_reads
from mcusim.planner.notation import describe
from mcusim.planner.plan import SCRATCH, Plan
from mcusim.planner.target import Target
from mcusim.render.memory import memory_map
from mcusim.units import KIB, format_bytes, format_seconds, format_times
from workbench.render.grid import Grid
from workbench.render.plot import Plot, Points
from workbench.render.sheet import Sheet

SCHEMA = "mcusim-plan/1"


def within(one: Fit) -> str:
    """The budget, behind the name of a part."""
    return "" if one.charged.limit is None else f" within {one.charged.limit:,} bytes"


def front_grid(one: Fit) -> Grid:
    """The front, the smallest first."""
    rows = []
    for plan in one.plans:
        target = one.held_by(plan)
        time = plan.step_time(target or one.target)
        held = "*" if plan is one.on_part else "fits" if target is not None else "no"
        sram, weights = f"{plan.high_water / KIB:,.1f}", f"{plan.step.code_bytes / 1e6:,.2f}"
        rows.append((describe(plan.choices), sram, weights, format_seconds(time.high), held))
    strong = tuple(i for i, plan in enumerate(one.plans) if plan is one.on_part)
    return Grid(f"front, per ACT step, on {one.part.name}{within(one)}",
                ("tiles", "SRAM KiB", "wts MB", "time", "part"), tuple(rows), strong=strong)  # fmt: skip


def _traffic_rows(plan: Plan, target: Target) -> list[tuple[str, str, int, int]]:
    """(of what, kind, bytes, bursts) of a call, a cycle and an ACT step; an internal memory has no bursts."""
    image, rows = target.memories.image, target.memories.rows
    parts = (
        ("L call", plan.call_L),
        ("H call", plan.call_H),
        ("H cycle", plan.cycle),
        ("ACT step", plan.step),
    )
    found = []
    for name, ledger in parts:
        reads, row_bytes = plan.row_reads(ledger)
        each = rows.bursts(max(1, row_bytes // max(1, reads)))
        found += [
            (name, "weights", ledger.code_bytes, ledger.code_bursts(image)),
            (name, "scales and tables", ledger.constant_bytes, ledger.constant_bursts(image)),
            (name, "embedding rows", row_bytes, reads * each),
        ]
    return found


def traffic_grid(plan: Plan, target: Target) -> Grid:
    """Bytes and bursts of the chosen plan, weights and embedding rows apart."""
    image, rows = target.memories.image.name, target.memories.rows.name
    cells = tuple(
        (of, kind, f"{size:,}", f"{bursts:,}") for of, kind, size, bursts in _traffic_rows(plan, target)
    )
    return Grid(f"reads of the chosen plan: image from {image}, rows from {rows}",
                ("in one", "of", "bytes", "bursts"), cells, left=2)  # fmt: skip


def buffers_grid(plan: Plan, target: Target) -> Grid:
    """Persistent buffers and those of the neediest scope, with addresses."""
    segments = plan.lay_out(target) or ()
    rows = [(s.name, s.region, f"{s.offset:#08x}", f"{s.bytes:,}") for s in segments if s.name != SCRATCH]
    base = {s.name: s for s in segments}[SCRATCH]
    scope = max(plan.scopes, key=lambda name: plan.scopes[name].size)
    placement = plan.scopes[scope]
    for name, offset in sorted(placement.offsets.items(), key=lambda item: item[1]):
        at = base.offset + offset
        rows.append((f"  {name}", base.region, f"{at:#08x}", f"{placement.buffers[name].bytes:,}"))
    return Grid(f"arena of the chosen plan; indented: its neediest sublayer, {scope}",
                ("buffer", "region", "address", "bytes"), tuple(rows), left=2)  # fmt: skip


def _cycles_a_mac(plan: Plan, part: Part, seconds: float) -> float:
    counted = plan.step.sum(lambda work: work.counts["macs"] + work.counts["attention_macs"])
    return seconds * part.clock_hz / counted


def _of_the_chosen(plan: Plan, part: Part, target: Target) -> list[str]:
    """What the chosen plan takes, and measurements on the same silicon beside it."""
    time = plan.step_time(target)
    low, high = (_cycles_a_mac(plan, part, end) for end in (time.low, time.high))
    sentences = [
        f"Chosen (*): the fastest that fits, {format_bytes(plan.high_water)} of arena, "
        f"{format_times(time.low, time.high)} an ACT step (estimated), "
        f"{low:.2f} .. {high:.2f} cycles a MAC."
    ]
    if part.silicon:
        chips = [(chip.name, chip.cycles_per_mac.value) for chip in part.silicon]
        ratios = [
            f"{name} {value:g} (ours is {low / value:.2f} .. {high / value:.2f} of it)"
            for name, value in chips
        ]
        source = part.silicon[0].cycles_per_mac.source
        sentences.append(f"Cycles a MAC on this silicon: {', '.join(ratios)}; {source}.")
    return sentences


def _beside(one: Fit) -> list[str]:
    """Other tools on the same network; what an int8 carry costs."""
    sentences = []
    for other in compiled(one.deployment.model):
        share = 100 * one.plans[0].high_water / other.sram_bytes
        sentences.append(
            f"{other.tool}: {format_bytes(other.sram_bytes)} of SRAM, {other.seconds:g} s for the same "
            f"step in INT8; the smallest plan here needs {share:.1f} % of that SRAM."
        )
    if one.deployment.format.carry == "int8":
        sentences += [
            f"int8 carry on {c.network} {c.weights}: {c.int8_exact} of {c.puzzles} puzzles exact, "
            f"{c.int16_exact} with int16; cells {100 * c.int8_cells / c.cells:.2f} % against "
            f"{100 * c.int16_cells / c.cells:.2f} % (measured: {c.source})."
            for c in carry_costs()
        ]
    return sentences


def _everything(what: str, plan: Plan, target: Target, one: Fit) -> str:
    """What decides: all bytes, as ``run`` sums them, and what they are charged for."""
    code, statics, stack = (figure.count for _, figure in target.program.named_figures())
    image, retries = one.footprint.image, one.deployment.retries
    again = f", {retries} retries" if retries else ""
    everything = one.charged.everything(plan, target.program)
    return (
        f"{what}: {everything:,} bytes = image {image:,}, arena {plan.high_water:,}, code {code:,}, "
        f"statics {statics:,}, stack {stack:,}; stop rule {one.charged.stop}{again}."
    )


def _checks(plan: Plan, target: Target, one: Fit) -> str:
    """What checking of what is fetched takes in the chosen plan."""
    tables = target.program.code.count - one.program.code.count
    checks = plan.step.sum(lambda work: total_reads(work.arrived))
    return (
        f"Checked: {tables:,} bytes of the code are sums; {checks:,} checks an ACT step, in its time; the "
        f"image of {format_bytes(one.footprint.image)} is read twice a puzzle besides."
    )


def _sentences(one: Fit, target: Target) -> list[str]:
    legend = (
        "Tiles: rows x inner / chunk of the token mixer, then of the channel mixer; attention: heads, "
        "queries, k activations kept, s q k v fetched separately. x: input stored. +: weights resident."
    )
    if one.on_part is not None:
        checks = [_checks(one.on_part, target, one)] if one.checking else []
        chosen = _of_the_chosen(one.on_part, one.part, target)
        return [legend, *chosen, _everything("Everything", one.on_part, target, one), *checks, *_beside(one)]
    if one.found is not None and one.found.chosen is not None:
        plan = describe(one.found.chosen.choices)
        return [legend, f"{one.part.name} does not hold {plan} with the sums of its tiles.", *_beside(one)]
    room = ", ".join(f"{r.region} {format_bytes(r.bytes)}" for r in target.rooms)
    least = one.plans[0]
    return [legend, f"{one.part.name} holds no plan{within(one)}: the smallest needs "
            f"{format_bytes(least.high_water)} of arena; free are {room}.",
            _everything("Everything of the smallest", least, target, one), *_beside(one)]  # fmt: skip


def _data(one: Fit) -> dict[str, Any]:
    plans = []
    for plan in one.plans:
        held = one.held_by(plan)
        target = held or one.target
        time = plan.step_time(target)
        plans.append({
            "choices": describe(plan.choices),
            "everything": one.charged.everything(plan, target.program),
            "high_water": plan.high_water,
            "weight_bytes": plan.step.code_bytes,
            "constant_bytes": plan.step.constant_bytes,
            "row_bytes": plan.row_bytes(plan.step),
            "seconds": {"low": time.low, "high": time.high},
            "program": {name: figure.count for name, figure in target.program.named_figures()},
            "fits_part": held is not None,
            "chosen": plan is one.on_part,
            "reads": [
                {"in_one": of, "of": kind, "bytes": size, "bursts": bursts}
                for of, kind, size, bursts in _traffic_rows(plan, target)
            ],
        })  # fmt: skip
    return {"schema": SCHEMA, "deployment": one.deployment.name, "part": one.part.name,
            "format": str(one.deployment.format), "stop": one.charged.stop,
            "retries": one.deployment.retries, "check_tiles": one.charged.checked,
            "budget": one.charged.limit, "image": one.footprint.image, "plans": plans}  # fmt: skip


def sheet(one: Fit) -> Sheet:
    """Front, plots, arena map and comparisons."""
    target = one.target if one.on_part is None else one.held_by(one.on_part) or one.target
    parts = [front_grid(one)]
    if one.on_part is not None:
        parts += [traffic_grid(one.on_part, target), buffers_grid(one.on_part, target)]
    points = [
        (p.high_water / KIB, (p.step.code_bytes + p.step.constant_bytes) / 1e6, describe(p.choices))
        for p in one.plans
    ]
    chosen = tuple(i for i, plan in enumerate(one.plans) if plan is one.on_part)
    plots: list[Plot] = [Points("SRAM against traffic (marked: the part's plan)", "SRAM KiB",
                                "MB read from the image a step", points, chosen, log_x=True, log_y=True)]
    held = None if one.on_part is None else memory_map(one.on_part, target)
    plots += [] if held is None else [held]
    title = f"mcusim plan · {one.deployment.model} · {one.deployment.format}"
    return Sheet(title, tuple(parts), tuple(_sentences(one, target)), _data(one), tuple(plots))
