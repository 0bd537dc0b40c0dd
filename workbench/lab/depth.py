"""Depth x precision (question C7) and repair by schedule (question C4)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from refimpl.formats import parse_format
from workbench.evaluate import accuracy
from workbench.lab.cell import Choice, puzzle_set
from workbench.lab.costs import costs, traffic
from workbench.lab.steps import finish, run_steps
from workbench.lab.variant import Variant, network, reading
from workbench.render.grid import Grid, percent
from workbench.tasks.metrics import puzzle_exact
from workbench.tasks.significance import mcnemar_exact

DEPTHS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48)
MIB, GIGA = 1024**2, 10**9


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
    """``cheap`` weights for the first loops, ``full`` weights for the last ones, with and without halting."""
    chosen = puzzle_set(name, choice)
    variants = [Variant(name, parse_format(weights)) for weights in (cheap, full)]
    first, second = map(reading, variants)
    steps = network(name).config.halt_max_steps
    one_step = [traffic(network(name).config, v.format, 1) for v in variants]
    rows = []
    baseline = None
    plans = [(0, steps, False), (0, steps, True)]  # (steps of cheap at most, steps of full, halting)
    plans += [(steps - last, last, halting) for halting in (False, True) for last in lasts]
    for cheap_steps, last, halting in plans:
        if cheap_steps == 0:
            done = finish(second, second, chosen.inputs, steps, 0, halting)
            moved = done.first_steps.mean() * one_step[1]
            means = f"0 + {done.first_steps.mean():.2f}"
        else:
            done = finish(first, second, chosen.inputs, steps, last, halting)
            moved = done.first_steps.mean() * one_step[0] + last * one_step[1]
            means = f"{done.first_steps.mean():.2f} + {last}"
        found = accuracy(done.answers, chosen.labels)
        right, low_high = found.score, found.interval
        solved = puzzle_exact(done.answers, chosen.labels)
        if baseline is None:
            baseline = (solved, moved)
        paired = mcnemar_exact(baseline[0], solved)
        rows.append((
            means, "head" if halting else "fixed", percent(right.exact),
            f"{100 * low_high.low:.1f}-{100 * low_high.high:.1f}", percent(right.cell),
            f"{paired.only_first}/{paired.only_second}", f"{paired.p_value:.2g}", f"{moved / MIB:.1f}",
            f"{float(np.asarray(moved / baseline[1])):.3f}",
        ))  # fmt: skip
    return Grid(
        f"{name}: {variants[0].format} loops finished by {variants[1].format} loops, {chosen.origin}",
        ("mean steps", "stop", "exact %", "95 %", "cell %", "lost/won", "p", "traffic MiB", "share"),
        tuple(rows),
        f"mean steps: ACT steps of {cheap} + of {full}. stop: `head` leaves the {cheap} loops (in the 0 + n "
        "row the run) when q_halt > 0. lost/won, p and share: against the first row. traffic: weight bytes "
        "read a puzzle, mean.",
    )
