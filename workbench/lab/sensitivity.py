"""Which site costs what: one linear at low precision, or one kind of activation rounded, at a time."""

from __future__ import annotations

import numpy as np

from refimpl import fast, float_ops
from refimpl.errors import unknown_name
from refimpl.float_params import Floats
from refimpl.models.tree import Model
from refimpl.quantize.calibration import Calibration
from refimpl.quantize.lower import lower
from workbench.fidelity import Reading, flattened_cosines, position_cosines
from workbench.lab.cell import Choice, Track, puzzle_set, track
from workbench.lab.rewrite import linears
from workbench.lab.steps import over_batches
from workbench.lab.variant import network
from workbench.render.grid import Grid, percent
from workbench.sites import SiteOps, Visitor
from workbench.tasks.metrics import puzzle_exact, score
from workbench.tasks.sets import PuzzleSet
from workbench.tasks.significance import mcnemar_exact

QMAX = 127


def weight_sites(name: str, low: str, high: str, choice: Choice) -> Grid:
    """Integer-exact: one linear in ``low``, all others in ``high``; activations a8, carry int16."""
    found, chosen = network(name), puzzle_set(name, choice)
    programs = {f"all {high}": Reading(fast, lower(found.float_model, high, found.calibration))}
    for p in linears(found.float_model):
        model = lower(found.float_model, f"{high}+{p.name}={low}", found.calibration)
        programs[p.name] = Reading(fast, model)
    programs[f"all {low}"] = Reading(fast, lower(found.float_model, low, found.calibration))
    title = f"{name}: one linear in {low}, the others in {high} (integer-exact)"
    return compare_programs(title, found.float_model, programs, chosen, f"against all {high}")


def spared_site(name: str, low: str, spared: str, choice: Choice) -> Grid:
    """Integer-exact: every linear in ``low`` but one; ``spared``, as ``LINEAR=FORMAT``, names it."""
    found, chosen = network(name), puzzle_set(name, choice)
    site, _, fmt = spared.partition("=")
    names = [p.name for p in linears(found.float_model)]
    if site not in names:
        raise unknown_name("linear", site, names)
    programs = {
        f"all {low}": Reading(fast, lower(found.float_model, low, found.calibration)),
        f"all {low} but {site} {fmt}": Reading(
            fast, lower(found.float_model, f"{low}+{site}={fmt}", found.calibration)
        ),
    }
    return compare_programs(
        f"{name}: one linear spared", found.float_model, programs, chosen, f"against all {low}"
    )


def activation_sites(name: str, choice: Choice, clip: float = 1.0) -> Grid:
    """Emulated: static int8 at one kind of site, everything else float; then everywhere at once."""
    found, chosen = network(name), puzzle_set(name, choice)
    kinds = dict.fromkeys(kind_of(site) for site in found.calibration.absmax)
    programs = {"float32": Reading(float_ops, found.float_model)}
    for kind in (*kinds, ""):
        visitor = rounding_at(kind, found.calibration, clip)
        label = kind or "all sites but states"
        programs[label] = Reading(SiteOps(visitor), found.float_model)
    title = f"{name}: static int8 at one kind of site, the rest float (emulated)"
    return compare_programs(title, found.float_model, programs, chosen, "against float32")


def kind_of(site: str) -> str:
    """``L.0.mlp.down.input`` -> ``mlp.down.input``: the same site of all layers."""
    return site.split(".", 2)[-1] if site[:2] in ("L.", "H.") else site


def rounding_at(kind: str, calibration: Calibration, clip: float) -> Visitor:
    """Round sites of ``kind`` (empty: all but states) to int8 and back, absmax scaled by ``clip``."""

    def visit(site: str, value: Floats) -> Floats:
        chosen = kind_of(site) == kind if kind else not site.endswith(".norm")
        if not chosen:
            return value
        scale = value.dtype.type(calibration.scale(site) * clip)
        return np.asarray(np.clip(np.rint(value / scale), -QMAX - 1, QMAX) * scale)

    return visit


def compare_programs(
    title: str, model: Model, programs: dict[str, Reading], chosen: PuzzleSet, paired_with: str
) -> Grid:
    """Accuracy of every program, paired with the first one, and its fidelity to the float ``model``."""
    references = _tracks(Reading(float_ops, model), chosen)
    rows = []
    first = None
    for label, program in programs.items():
        own = _tracks(program, chosen)
        answers = np.concatenate([t.answers for t in own])
        solved = puzzle_exact(answers, chosen.labels)
        first = solved if first is None else first
        right, pair = score(answers, chosen.labels), mcnemar_exact(first, solved)
        pairs = list(zip(references, own, strict=True))
        one_step = np.concatenate([position_cosines(r.states[0], t.states[0]) for r, t in pairs]).mean()
        all_steps = np.concatenate([flattened_cosines(r.states[-1], t.states[-1]) for r, t in pairs]).mean()
        lost_won = f"{pair.only_first}/{pair.only_second}"
        rows.append((label, percent(right.exact), percent(right.cell), lost_won, f"{pair.p_value:.2g}",
                     f"{one_step:.4f}", f"{all_steps:.4f}"))  # fmt: skip
    return Grid(
        f"{title}, {chosen.origin}", ("site", "exact %", "cell %", "lost/won", "p", "fid (i)", "fid (ii)"),
        tuple(rows), f"lost/won and p {paired_with}; fidelity against float32.",
    )  # fmt: skip


def _tracks(program: Reading, chosen: PuzzleSet) -> list[Track]:
    return over_batches(chosen.inputs, lambda batch: track(program, batch))
