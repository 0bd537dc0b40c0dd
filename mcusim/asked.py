"""What a simulation is asked for: one value for the command line and for Python."""

from __future__ import annotations

import argparse
import shlex
from dataclasses import dataclass, fields, replace
from pathlib import Path

from mcusim.deployments import DEFAULT_DEPLOYMENT, Deployment, load_deployment
from mcusim.parts import load_part
from mcusim.planner.wanted import CHOSEN
from mcusim.units import parse_bytes
from refimpl.errors import InputError
from refimpl.formats import parse_format
from workbench.command_line import number
from workbench.format_flags import add_format_flags, stated_format
from workbench.networks import shapes_of

# What chooses a program and its plan, beside the deployment's name.
CHOICES = ("model", "weights", "activations", "carry", "rounding", "H_cycles", "steps", "stop", "part",
           "retries", "budget", "plan", "data", "catalogue")  # fmt: skip
SMALL_PART, LARGE_PART = "generic-4mb", "generic-8mb"
SMALL_BUDGET, LARGE_BUDGET = "4MB", "8MB"
# Of a model without a deployment: the default's format was chosen together with its network.
PLAIN = "w4c"


@dataclass(frozen=True)
class Asked:
    """A deployment by name with whatever stands in place of its own values (None: its own).

    ``budget`` is a size such as "4MB"; ``model`` a network's name or folder;
    ``weights`` a weight format or a whole format, of which ``activations``, ``carry`` and ``rounding``
    replace one part each; ``puzzle`` a number, a string of cells or FILE:ROW, ``data`` a file of the user's
    own; ``stop`` a stop rule, ``retries`` how often a refused puzzle is tried again; ``check_tiles``: what
    is fetched from flash is checked; ``table`` and ``row`` a puzzle table file and its row; ``execute`` runs
    seeded weights as well, ``all`` adds the accuracy over the whole set, ``no_fidelity`` leaves the float
    path out; ``plan`` is a plan's name or notation, ``elf`` a linked program to charge, ``catalogue`` a
    folder of the user's own parts and deployments.
    """

    deployment: str | None = None
    model: str | None = None
    weights: str | None = None
    activations: str | None = None
    carry: str | None = None
    H_cycles: int | None = None
    steps: int | None = None
    stop: str | None = None
    retries: int | None = None
    check_tiles: bool = False
    part: str | None = None
    budget: str | None = None
    puzzle: str = "0"
    data: str | None = None
    table: Path | None = None
    row: int | None = None
    execute: bool = False
    all: bool = False
    rounding: str | None = None
    no_fidelity: bool = False
    plan: str | None = None
    elf: Path | None = None
    catalogue: Path | None = None

    def __post_init__(self) -> None:
        for name in ("H_cycles", "steps", "retries", "row"):
            value = getattr(self, name)
            if value is not None and type(value) is not int:
                raise InputError(f"{name} is {value!r}; it must be a whole number.")


def add_deployment(parser: argparse.ArgumentParser) -> None:
    """The deployment, and the flags that stand in place of its own values: the same for every command."""
    named = f"a named deployment (default {DEFAULT_DEPLOYMENT}; `python -m mcusim deployments` lists them)"
    parser.add_argument("deployment", nargs="?", help=named)
    parser.add_argument("--model", help="network, folder, or preset with seeded weights; "
                        f"in {PLAIN} where neither a deployment nor a format is named")  # fmt: skip
    add_format_flags(parser, "the deployment's")
    parser.add_argument("--H-cycles", type=number, help="H cycles an ACT step")
    parser.add_argument("--steps", type=number, help="ACT steps")
    parser.add_argument("--stop", help="stop rule: fixed, head, halt, settled or both, as in "
                        "head+settled,t=90; more=2,by=w8c: then two H cycles in another format")  # fmt: skip
    parser.add_argument("--retries", type=number, metavar="N", help="try a refused puzzle again under up to "
                        "N relabellings, as rr_solve_accepted does")  # fmt: skip
    add_check_tiles(parser)
    parser.add_argument("--part", help="the device (default: the deployment's)")
    parser.add_argument("--budget", help="memory for everything (default: 4MB, 8MB on generic-8mb)")
    parser.add_argument("--catalogue", type=Path, metavar="FOLDER",
                        help="folder with more parts and deployments")  # fmt: skip


def add_check_tiles(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--check-tiles", action="store_true", help="compare a sum of words of each "
                        "transfer from flash, and of the image before and after; damaged tiles are fetched "
                        "again")  # fmt: skip


def words_of(request: Asked) -> str:
    """The arguments, deployment and flags, that choose the same program and plan again."""
    words = [] if request.deployment is None else [request.deployment]
    for name in CHOICES:
        value = getattr(request, name)
        if value is not None:
            words += [f"--{name.replace('_', '-')}", str(value)]
    return shlex.join([*words, *(["--check-tiles"] if request.check_tiles else [])])


def asked(args: argparse.Namespace) -> Asked:
    """Return the request in parsed arguments; what a command has no flag for stays as it is."""
    return Asked(**{f.name: getattr(args, f.name) for f in fields(Asked) if hasattr(args, f.name)})


def chosen_deployment(request: Asked) -> Deployment:
    """The named deployment, or the default one, with the request's own values in place of its; a budget
    alone chooses the generic part of its size.

    Raises
    ------
    InputError
        For an unknown name or format, a format without an integer program, a depth below 1, or a stop rule
        that was asked for and has no t.
    """
    chosen = load_deployment(request.deployment or DEFAULT_DEPLOYMENT, request.catalogue)
    if request.model:
        config = shapes_of(request.model).config
        if request.deployment is None:
            chosen = replace(chosen, format=parse_format(PLAIN))
        chosen = replace(chosen, name="(command line)", model=request.model, H_cycles=config.H_cycles,
                         steps=config.halt_max_steps, retries=0, plan=CHOSEN)  # fmt: skip
    chosen = replace(
        chosen,
        format=stated_format(request, chosen.format),
        H_cycles=chosen.H_cycles if request.H_cycles is None else request.H_cycles,
        steps=chosen.steps if request.steps is None else request.steps,
        stop=chosen.stop if request.stop is None else request.stop,
        retries=chosen.retries if request.retries is None else request.retries,
        part=chosen.part if request.part is None else load_part(request.part, request.catalogue).name,
    )
    for what, value in (("--H-cycles", chosen.H_cycles), ("--steps", chosen.steps)):
        if value < 1:
            raise InputError(f"{what} {value}: the recursion needs at least 1.")
    chosen.format.require_integer()
    if request.stop is not None:
        shapes_of(chosen.model).stop_rule(request.stop, str(chosen.format))
    if request.deployment is None and request.part is None and request.budget is not None:
        small = limit_of(request, chosen) <= parse_bytes(SMALL_BUDGET)
        chosen = replace(chosen, part=SMALL_PART if small else LARGE_PART)
    return chosen


def limit_of(request: Asked, chosen: Deployment) -> int:
    """The budget of a request in bytes."""
    default = LARGE_BUDGET if chosen.part == LARGE_PART else SMALL_BUDGET
    return parse_bytes(default if request.budget is None else request.budget, "--budget")
