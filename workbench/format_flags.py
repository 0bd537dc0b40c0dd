"""The flags with which commands take a number format."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import Any, Protocol

from refimpl.fixedpoint import ROUNDINGS
from refimpl.formats.activations import ACTIVATIONS, CARRIES, parse_activations, parse_carry
from refimpl.formats.format import Format, parse_format, parse_rounding


class Stated(Protocol):
    """What the flags leave behind, None where they were not given."""

    @property
    def weights(self) -> str | None: ...
    @property
    def activations(self) -> str | None: ...
    @property
    def carry(self) -> str | None: ...
    @property
    def rounding(self) -> str | None: ...


def add_format_flags(parser: argparse.ArgumentParser, default: str | None = None) -> None:
    """``--weights`` takes a whole format; the others replace one part each of ``default``, or of a8-c16."""
    whole = "weights, as in w4c, or a whole format, as in w4g32-a8d-c8"
    parser.add_argument("--weights", metavar="FORMAT", help=whole)
    for flag, known, own in (("activations", ACTIVATIONS, "a8"), ("carry", CARRIES, "c16")):
        says = f"{', '.join(known)} (default: {default or own})"
        parser.add_argument(f"--{flag}", metavar=flag[0].upper(), help=says)
    parser.add_argument("--rounding", choices=ROUNDINGS,
                        help=f"requantization rule (default: {default or 'double'})")  # fmt: skip


def stated_format(args: Stated, default: Format) -> Format:
    """The format that the flags state; parts they leave out are those of ``default``.

    A weight format without other parts replaces the weights alone.
    """
    chosen = default
    if args.weights is not None:
        stated = parse_format(args.weights)
        whole = args.weights != stated.weights.name or not (stated.integer and default.integer)
        chosen = stated if whole else replace(default, weights=stated.weights)
    changes: dict[str, Any] = {
        "activations": None if args.activations is None else parse_activations(args.activations),
        "carry": None if args.carry is None else parse_carry(args.carry),
        "rounding": None if args.rounding is None else parse_rounding(args.rounding),
    }
    return replace(chosen, **{name: value for name, value in changes.items() if value is not None})
