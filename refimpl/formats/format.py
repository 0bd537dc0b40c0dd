"""A number format as one value with one spelling: weights x activations x carry x rounding.

    w4g32-a8-c16          the default activations and carry; ``w4g32`` reads the same
    w8c-a16-c8-single     single rounding; ``double``, the default, is not printed
    w4c-a8-c16+lm_head=w8c   single linears in a weight format of their own
    w4c-af-cf             weight-only emulation: activations and carry stay float
    fp32                  float32 throughout

Only this spelling is printed; parts left out of what is read mean the default.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from refimpl.errors import InputError, unknown_name
from refimpl.fixedpoint import ROUNDINGS, Rounding
from refimpl.formats import groups, mx, signed_groups, symmetric, zero_points
from refimpl.formats.activations import (
    ACTIVATIONS,
    CARRY_NAMES,
    FLOAT_ACTIVATIONS,
    ActivationFormat,
    Carry,
    parse_activations,
    parse_carry,
)
from refimpl.formats.weights import Exact, Noise, WeightFormat

FAMILIES: tuple[Callable[[str], WeightFormat | None], ...] = (
    symmetric.parse, zero_points.parse, groups.parse, signed_groups.parse, mx.parse)  # fmt: skip
# Weight formats that are suggested, swept and tested; every b and n of a family exists.
FORMATS = (
    "w8t", "w8c", "w6c", "w4t", "w4c", "w4a", "w4an", "w4g32", "w4g128", "w4g16s", "w3c", "w2c", "ternary",
    "mxint4")  # fmt: skip
EXACT = "fp32"


def parse_weights(name: str) -> WeightFormat:
    """Return the weight format called ``name``; the error of an unknown name suggests the nearest."""
    if name == EXACT:
        return Exact(name, 32)
    if match := re.fullmatch(r"noise(\d+(?:\.\d+)?)", name):
        return Noise(name, 32, level=float(match[1]))
    for family in FAMILIES:
        if (found := family(name)) is not None:
            return found
    raise unknown_name("weight format", name, FORMATS)


def parse_rounding(name: str) -> Rounding:
    """Return the rounding rule called ``name``."""
    for rule in ROUNDINGS:
        if rule == name:
            return rule
    raise unknown_name("rounding rule", name, ROUNDINGS)


@dataclass(frozen=True)
class Format:
    """``weights`` of every linear, heads included, but those in ``overrides`` (name, format);
    ``activations`` of every linear's input; ``carry``: the element type of z_H and z_L; ``rounding`` of
    every 32-bit rescale."""

    weights: WeightFormat
    activations: ActivationFormat
    carry: Carry
    rounding: Rounding = "double"
    overrides: tuple[tuple[str, WeightFormat], ...] = ()

    def __post_init__(self) -> None:
        weights_exist = all(w.integer for w in (self.weights, *(w for _, w in self.overrides)))
        if self.integer and not (weights_exist and self.activations.integer):
            raise InputError(f"{self.weights.name} with {self.activations.name} activations has no integer "
                             "program; use the float carry cf.")

    @property
    def integer(self) -> bool:
        """Whether a run is integer-exact; otherwise it is an emulation in float."""
        return self.carry != "float"

    def require_integer(self) -> None:
        """InputError for a format without an integer program: the one sentence of every command."""
        if not self.integer:
            raise InputError(f"{self} is an emulation in float; it has no integer program, as w4c has.")

    def weights_at(self, linear: str) -> WeightFormat:
        """The weight format of the linear called ``linear``."""
        return dict(self.overrides).get(linear, self.weights)

    def plain_at(self, linear: str) -> bool:
        """Whether the linear is OP-LINEAR (int8 activations, int32 sums); else it is OP-BLOCK-LINEAR."""
        return self.weights_at(linear).plain and self.activations.width_at(f"{linear}.input") == 8

    def __str__(self) -> str:
        """The one spelling."""
        if self == FLOAT32:
            return EXACT
        parts = [self.weights.name, self.activations.name, CARRY_NAMES[self.carry]]
        parts += [self.rounding] * (self.rounding != "double")
        return "+".join(["-".join(parts), *(f"{name}={fmt.name}" for name, fmt in self.overrides)])


FLOAT32 = Format(Exact(EXACT, 32), ACTIVATIONS[FLOAT_ACTIVATIONS], "float")


def parse_format(text: str) -> Format:
    """Return the format spelled ``text``; parts may be left out, the order after the weights is free.

    Raises InputError for a part that is unknown or stated twice.
    """
    head, *overridden = text.split("+")
    name, *parts = head.split("-")
    weights = parse_weights(name)
    stated: dict[str, str] = {}
    for part in parts:
        kind = "rounding" if part in ROUNDINGS else "carry" if part.startswith("c") else "activations"
        if kind in stated:
            raise InputError(f"the format {text!r} states its {kind} twice: {stated[kind]} and {part}.")
        stated[kind] = part
    chosen = default_of(weights)
    if "activations" in stated:
        activations = parse_activations(stated["activations"])
        carry: Carry = chosen.carry if activations.integer else "float"
        chosen = replace(chosen, activations=activations, carry=carry)
    if "carry" in stated:
        chosen = replace(chosen, carry=parse_carry(stated["carry"]))
    if "rounding" in stated:
        chosen = replace(chosen, rounding=parse_rounding(stated["rounding"]))
    return replace(chosen, overrides=tuple(_override(item, text) for item in overridden))


def default_of(weights: WeightFormat) -> Format:
    """The format of ``weights`` with nothing else stated: a8 and c16, or float throughout."""
    if not weights.integer:
        return replace(FLOAT32, weights=weights)
    return Format(weights, ACTIVATIONS["a8"], "int16")


def _override(item: str, text: str) -> tuple[str, WeightFormat]:
    name, equals, fmt = item.partition("=")
    if not (name and equals and fmt):
        raise InputError(f"the format {text!r}: {item!r} is not LINEAR=WEIGHTS, as in lm_head=w8c.")
    return name, parse_weights(fmt)


def as_format(format: Format | str) -> Format:
    """A format, or the one that a text spells."""
    return parse_format(format) if isinstance(format, str) else format
