"""``python -m refimpl models``."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace

from rich.console import Console

from refimpl.errors import unknown_name
from refimpl.models.config import ModelConfig
from refimpl.models.presets import PRESETS, list_presets
from workbench.checkpoints import list_networks, load_network
from workbench.models_report.render import render
from workbench.models_report.summary import SCHEMA, summarise, to_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``models``."""
    names = "published configurations or shipped networks (default: all published ones)"
    parser.add_argument("names", metavar="NAME", nargs="*", help=names)
    parser.add_argument("--h-cycles", type=int, metavar="H", help="count this many H cycles instead")
    parser.add_argument("--steps", type=int, metavar="N", help="count this many ACT steps instead")
    parser.add_argument("--format", choices=("text", "json"), default="text")


def configuration(name: str) -> ModelConfig:
    """The configuration of a preset or of a shipped network."""
    if name in PRESETS:
        return PRESETS[name]
    if name in list_networks():
        return load_network(name)[0]
    raise unknown_name("model", name, [*PRESETS, *list_networks()])


def run(args: argparse.Namespace) -> int:
    """Count the models and print them; errors rise as :class:`refimpl.errors.InputError`."""
    summaries = []
    for name in args.names or list_presets():
        config = configuration(name)
        H_cycles = config.H_cycles if args.h_cycles is None else args.h_cycles
        steps = config.halt_max_steps if args.steps is None else args.steps
        summaries.append(summarise(name, replace(config, H_cycles=H_cycles, halt_max_steps=steps)))
    if args.format == "json":
        print(json.dumps({"schema": SCHEMA, "models": [to_json(s) for s in summaries]}, indent=2))
    else:
        Console().print(render(summaries))
    return 0
