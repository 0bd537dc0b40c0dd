"""``python -m training run CONFIG.toml``, ``export RUN_FOLDER TARGET``, ``baseline KIND NETWORK``."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path

from refimpl.errors import RefimplError
from training.baselines import PLANS, baseline
from training.config import read_recipe
from training.export import export
from training.run import train


def main(arguments: list[str] | None = None) -> int:
    """Return the exit code: 0 done, 2 bad input."""
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="train a recipe, or go on with it")
    run.add_argument("config", type=Path)
    run.add_argument("--folder", type=Path, help="where state and curve go (default: runs/NAME)")
    run.add_argument("--seed", type=int, help="train another network by the same recipe")
    run.add_argument("--stop-at", type=int, help="pause after this optimizer step")
    out = commands.add_parser("export", help="write a finished run as config.json and weights.npz")
    out.add_argument("folder", type=Path)
    out.add_argument("target", type=Path)
    out.add_argument("--puzzles", type=int, default=1000, help="held-out puzzles per set")
    out.add_argument("--unfinished", action="store_true", help="export a run that has not reached its end")
    out.add_argument("--dtype", choices=("float16", "bfloat16"), default="float16",
                     help="bfloat16 is deflated: a quarter smaller")
    retrain = commands.add_parser("baseline", help="run a retraining baseline of the paper")
    retrain.add_argument("kind", choices=PLANS)
    retrain.add_argument("network", help="a shipped network, or a folder")
    retrain.add_argument("--weights", default="w4t", help="QAT format: w<bits>t or w<bits>c")
    retrain.add_argument("--steps", type=int, help="optimizer steps instead of the plan's")
    retrain.add_argument("--lr", type=float, help="learning rate instead of the plan's")
    retrain.add_argument("--fidelity", type=float, help="weight of one minus the cosine of both carries")
    retrain.add_argument("--puzzles", type=int, default=300)
    retrain.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args(arguments)
    try:
        if chosen.command == "export":
            card = export(chosen.folder, chosen.target, chosen.puzzles, chosen.unfinished, chosen.dtype)
            print(json.dumps(card["held_out"]))
        elif chosen.command == "baseline":
            given = {"steps": chosen.steps, "lr": chosen.lr, "fidelity": chosen.fidelity}
            plan = replace(PLANS[chosen.kind], **{k: v for k, v in given.items() if v is not None})
            print(json.dumps(baseline(chosen.kind, chosen.network, plan, chosen.weights, chosen.puzzles,
                                      chosen.seed)))
        else:
            recipe = read_recipe(chosen.config)
            if chosen.seed is not None:
                recipe = replace(recipe, name=f"{recipe.name}-seed{chosen.seed}", seed=chosen.seed)
            train(recipe, chosen.folder or Path("runs") / recipe.name, chosen.stop_at)
    except RefimplError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
