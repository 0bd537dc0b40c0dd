"""Depth x precision (question C7) and repair by schedule (question C4)."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

from refimpl.formats import parse_format
from workbench.evaluate import accuracy, program
from workbench.lab.cell import Choice, puzzle_set
from workbench.lab.costs import costs, traffic
from workbench.lab.steps import ended, run_steps
from workbench.lab.variant import Variant, network, reading
from workbench.render.grid import Grid, percent
from workbench.tasks.metrics import puzzle_exact
from workbench.tasks.significance import mcnemar_exact

DEPTHS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48)
MIB, GIGA = 1024**2, 10**9
BOTH = "head+settled"


def depth_table(variants: list[Variant], choice: Choice, depths: tuple[int, ...] = DEPTHS) -> Grid:
    """Accuracy after every depth in ``depths`` (H cycles x ACT steps), from one run of each variant.

    With one H cycle a step, step k is depth k: the final carry depends on the product alone.
    """
    rows = []
    for variant in variants:
        chosen = puzzle_set(variant.network, choice)
        record = run_steps(reading(replace(variant, H_cycles=1)), chosen.inputs, max(depths))
        full = puzzle_exact(record.answers[max(depths) - 1], chosen.labels)
        for depth in depths:
            answers = record.answers[depth - 1]
            found = accuracy(answers, chosen.labels)
            right, low_high = found.score, found.interval
            paired = mcnemar_exact(full, puzzle_exact(answers, chosen.labels))
            spent = costs(replace(variant, H_cycles=1, steps=depth))
            rows.append((
                str(variant.format), str(depth), percent(right.exact),
                f"{100 * low_high.low:.1f}-{100 * low_high.high:.1f}", percent(right.cell),
                f"{paired.only_first}/{paired.only_second}", f"{paired.p_value:.2g}",
                f"{2 * spent.macs / GIGA:.2f}", f"{spent.traffic_bytes / MIB:.1f}",
            ))  # fmt: skip
    name = variants[0].network
    return Grid(
        f"{name}: accuracy against depth, {puzzle_set(name, choice).origin}",
        ("formats", "H*n", "exact %", "95 %", "cell %", "lost/won", "p", "GFLOP", "traffic MiB"),
        tuple(rows),
        f"H*n: H cycles over all ACT steps. lost/won, p: against depth {max(depths)} of the same formats on "
        "the same puzzles. GFLOP: 2 x MACs a puzzle. traffic: weight bytes read a puzzle.",
    )


def schedule_table(name: str, cheap: str, full: str, choice: Choice, lasts: tuple[int, ...]) -> Grid:
    """``cheap`` loops finished by ``full`` ones, as a stop rule with a second program has it, beside each
    alone: at fixed depth, stopped by the head, and by head and settled where t is kept for both."""
    chosen, found = puzzle_set(name, choice), network(name)
    config, (cheap, full) = found.config, (str(parse_format(one)) for one in (cheap, full))
    moved = {fmt: traffic(config, parse_format(fmt), 1) for fmt in (cheap, full)}
    rows, baseline = [], None
    stops = ["fixed", "head", *[BOTH] * ({cheap, full} <= found.thresholds().keys())]
    for stop, (fmt, last) in product(stops, [(full, 0), (cheap, 0), *((cheap, n) for n in lasts)]):
        tail = f",more={last * config.H_cycles},by={full}" if last else ""
        runner = program(found, fmt, steps=config.halt_max_steps - last, stop=stop + tail)
        answers, steps = ended(runner, chosen.inputs)
        spent = steps.mean() * moved[fmt] + last * moved[full]
        right, low_high = (got := accuracy(answers, chosen.labels)).score, got.interval
        solved = puzzle_exact(answers, chosen.labels)
        baseline = baseline or (solved, spent)
        paired = mcnemar_exact(baseline[0], solved)
        taken = f"{steps.mean():.2f}" + (f" + {last}" if last else "")
        rows.append((
            f"{fmt}, then {full}" if last else fmt, str(runner.model.config.stop).partition(",more")[0],
            taken, percent(right.exact), f"{100 * low_high.low:.1f}-{100 * low_high.high:.1f}",
            percent(right.cell), f"{paired.only_first}/{paired.only_second}", f"{paired.p_value:.2g}",
            f"{spent / MIB:.1f}", f"{float(spent / baseline[1]):.3f}",
        ))  # fmt: skip
    return Grid(
        f"{name}: {cheap} loops finished by {full} loops, {chosen.origin}",
        ("program", "stop", "mean steps", "exact %", "95 %", "cell %", "lost/won", "p", "traffic MiB",
         "share"),
        tuple(rows),
        f"mean steps: ACT steps of the first program + of the second, {config.halt_max_steps} at most. "
        "lost/won, p and share: against the first row. traffic: weight bytes read a puzzle, mean.",
        left=2,
    )  # fmt: skip
