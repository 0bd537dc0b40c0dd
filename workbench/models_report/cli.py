"""``python -m refimpl models``."""

from __future__ import annotations

import argparse
from dataclasses import replace

from refimpl.errors import unknown_name
from refimpl.models.config import ModelConfig
from workbench.checkpoints import list_networks, load_network
from workbench.command_line import examples, number
from workbench.models_report.render import sheet
from workbench.models_report.summary import summarise
from workbench.presets import PRESETS, list_presets
from workbench.render.sheet import add_format, show


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``models``."""
    names = "published configurations or shipped networks (default: all published ones)"
    parser.add_argument("names", metavar="NAME", nargs="*", help=names)
    parser.add_argument("--H-cycles", type=number, help="count this many H cycles instead")
    parser.add_argument("--steps", type=number, help="count this many ACT steps instead")
    add_format(parser)
    examples(parser, "", "trm-att-arc --H-cycles 1 --steps 8", "--format json --out models.json")


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
        H_cycles = config.H_cycles if args.H_cycles is None else args.H_cycles
        steps = config.halt_max_steps if args.steps is None else args.steps
        summaries.append(summarise(name, replace(config, H_cycles=H_cycles, halt_max_steps=steps)))
    show(sheet(summaries), args)
    return 0
