"""What metering and the arena cost on the host: a planned run beside the bare oracle, same bits.

    python benchmarks/planned.py [DEPLOYMENT[:STEPS] ...] [--smallest] [--format json] [--rounds 5]

Each deployment runs its chosen plan (with ``--smallest`` the plan with the least SRAM) in turns with the
untiled integer reading.  Without arguments: a whole puzzle of ``sudoku9-mlp-int4`` and one ACT step of the
paper-size Sudoku-MLP; the bar for those is 1.15.
"""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import replace

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from rich.console import Console
from rich.table import Table
from timing import best_seconds

from mcusim.charge import charge
from mcusim.deployments import load_deployment
from mcusim.fit import fit
from mcusim.planner.execute import execute_plan
from refimpl import fast
from refimpl.models.halting import FIXED
from refimpl.models.recursion import run
from workbench.networks import find_network

BAR = 1.15
DEFAULTS = ("sudoku9-mlp-int4", "sudoku-mlp-int4:1")


def measure(name: str, smallest: bool, rounds: int) -> dict[str, object]:
    """Best seconds of both, and their ratio."""
    name, _, steps = name.partition(":")
    deployment = load_deployment(name)
    one = fit(charge(replace(deployment, stop=str(FIXED))), plan_anyway=True)
    plan = one.plans[0] if smallest else one.on_part
    assert plan is not None, f"{one.part.name} holds no plan of {name}"
    network = find_network(deployment.model)
    lowered = network.integer_model(deployment.format)
    model = lowered.with_depth(deployment.H_cycles, int(steps or deployment.steps))
    tokens = np.random.default_rng(0).integers(1, model.config.vocab_size, model.config.seq_len)
    memory = one.part.region("rows")
    bare, planned = best_seconds(
        (lambda: run(fast, model, tokens[None]), lambda: execute_plan(plan, model, tokens, memory)), rounds
    )
    return {"deployment": name, "steps": model.config.halt_max_steps, "arena": plan.high_water,
            "bare_s": bare, "planned_s": planned, "ratio": planned / bare}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("deployments", nargs="*", default=DEFAULTS)
    parser.add_argument("--smallest", action="store_true")
    parser.add_argument("--format", choices=("text", "json"), default="text")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    rows = [measure(name, args.smallest, args.rounds) for name in args.deployments]
    if args.format == "json":
        print(json.dumps({"bar": BAR, "rows": rows}, indent=1))
        return
    table = Table(title=f"planned run beside the bare oracle (bar for the fastest plan {BAR})")
    for heading in ("deployment", "steps", "arena B", "bare s", "planned s", "ratio"):
        table.add_column(heading, justify="left" if heading == "deployment" else "right")
    for row in rows:
        table.add_row(*(f"{v:.3f}" if isinstance(v, float) else f"{v:,}" if isinstance(v, int) else str(v)
                        for v in row.values()))  # fmt: skip
    Console().print(table)


if __name__ == "__main__":
    main()
