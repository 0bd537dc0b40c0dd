"""How much accuracy moves under changes that mean nothing: the ruler every other table is read with."""

from __future__ import annotations

import numpy as np

from refimpl import fast, float_ops
from refimpl.float_params import build_model
from refimpl.models.operators import Array, Operators
from refimpl.models.recursion import run
from refimpl.models.tree import Model
from refimpl.quantize.calibration import Calibration
from refimpl.quantize.lower import lower
from workbench.lab.cell import Choice, puzzle_set
from workbench.lab.steps import over_batches
from workbench.lab.variant import network
from workbench.render.grid import Grid, percent
from workbench.tasks.metrics import puzzle_exact, score
from workbench.tasks.significance import mcnemar_exact

FACTORS = (1.0, 1.0001, 0.9999)


def steadiness_table(name: str, weights: str, choice: Choice) -> Grid:
    """float32 beside float64; integer programs whose activation scales differ by 0.01 % only."""
    found, chosen = network(name), puzzle_set(name, choice)

    def answers_of(ops: Operators, model: Model) -> Array:
        parts = over_batches(chosen.inputs, lambda tokens: ops.argmax(run(ops, model, tokens)[1].logits))
        return np.concatenate(parts)

    wide = build_model(found.config, found.tensors, np.float64)
    answers = {"float32": answers_of(float_ops, found.float_model), "float64": answers_of(float_ops, wide)}
    for factor in FACTORS:
        scaled = {site: peak * factor for site, peak in found.calibration.absmax.items()}
        model = lower(found.float_model, weights, Calibration(scaled, found.calibration.source))
        answers[f"{weights} a8 int16, scales x {factor}"] = answers_of(fast, model)
    rows = []
    for label, own in answers.items():
        first = next(value for other, value in answers.items() if other[:5] == label[:5])
        right = score(own, chosen.labels)
        pair = mcnemar_exact(puzzle_exact(first, chosen.labels), puzzle_exact(own, chosen.labels))
        changed = int((own != first).any(axis=1).sum())
        lost_won = f"{pair.only_first}/{pair.only_second}"
        rows.append((label, percent(right.exact), percent(right.cell), lost_won, str(changed)))
    return Grid(
        f"{name}: programs that ought to be equal, {chosen.origin}",
        ("program", "exact %", "cell %", "lost/won", "answers that differ"),
        tuple(rows),
        "lost/won and differences against the first row of the same kind.",
    )
