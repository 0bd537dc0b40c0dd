"""An attention reasoner of ARC's size where every byte counts: late heads, codes read in place."""

from __future__ import annotations

from pathlib import Path

import pytest
from cross_tools import require
from emitted import build, emitted, expected, ran
from plans import integer_model, tokens_of

from mcusim.charge import charge
from mcusim.deployments import load_deployment
from mcusim.fit import fit
from mcusim.units import MIB


@pytest.mark.parametrize(("name", "budget"), [("arc-att-int8", 8 * MIB), ("arc-att-w3", 4 * MIB)])
def test_image_arena_and_program_fit_together(name: str, budget: int) -> None:
    found = fit(charge(load_deployment(name)))
    assert found.verdict(budget).everything
    assert found.least == found.footprint.image + found.plans[0].high_water + found.program.bytes
    assert {figure.basis for _, figure in found.program.named_figures()} == {"measured"}
    assert found.plans[0].choices.late is not None


@pytest.mark.slow
@pytest.mark.parametrize("name", ["arc-att-int8", "arc-att-w3"])
def test_at_916_tokens_the_least_plan_in_c_is_the_reference(name: str, tmp_path: Path) -> None:
    """Every call of one H cycle, on seeded weights."""
    require("gcc")
    deployment = load_deployment(name)
    found = fit(charge(deployment))
    weights = deployment.format.weights.name
    model = integer_model("trm-att-arc", weights, "int8", 1, 1)
    it = emitted(model, deployment.format, found.plans[0].choices)
    tokens = tokens_of(model.config)
    done = ran(build(it, tmp_path, sanitize=False), tokens)
    assert (done.calls, done.answer, done.q) == expected(it.model, tokens)
    assert done.used == it.sizes == {"sram": found.plans[0].high_water}
