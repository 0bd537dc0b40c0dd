"""What a simulation is asked for: one value for the command line and for Python."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, fields
from pathlib import Path

from mcusim.planner.wanted import CHOSEN
from refimpl.errors import InputError


@dataclass(frozen=True)
class Asked:
    """A deployment by name with whatever stands in place of its own values (None: its own).

    ``budget`` is a size such as "4MB"; ``model`` a network's name or folder;
    ``weights`` a weight format or a whole format, of which ``activations``, ``carry`` and ``rounding``
    replace one part each; ``puzzle`` a number, a
    string of cells or FILE:ROW, ``data`` a file of the user's own; ``table`` and ``row`` a puzzle table
    file and its row; ``execute`` runs seeded weights as well, ``all`` adds the accuracy over the whole
    set, ``no_fidelity`` leaves the float path out; ``plan`` is a plan's name or notation, ``elf`` a linked
    program to charge, ``catalogue`` a folder of the user's own parts and deployments.
    """

    deployment: str | None = None
    model: str | None = None
    weights: str | None = None
    activations: str | None = None
    carry: str | None = None
    H_cycles: int | None = None
    steps: int | None = None
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
    plan: str = CHOSEN
    elf: Path | None = None
    catalogue: Path | None = None

    def __post_init__(self) -> None:
        for name, number in (("H_cycles", self.H_cycles), ("steps", self.steps), ("row", self.row)):
            if number is not None and type(number) is not int:
                raise InputError(f"{name} is {number!r}; it must be a whole number.")


def asked(args: argparse.Namespace) -> Asked:
    """Return the request in parsed arguments."""
    return Asked(**{field.name: getattr(args, field.name) for field in fields(Asked)})
