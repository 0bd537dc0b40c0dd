"""Activation formats of linear inputs, and carry formats.

``a8``, ``a16``, ``a4``  static: one symmetric scale a call site, absmax / qmax of a calibration run
``a8p16``                a8, but int16 at the gated product (the input of each ``down``)
``a8d``                  dynamic: int8, one scale a token (row of the input)
``amx``                  MXInt4: blocks of 32 inputs, power-of-two scale, chosen online
``af``                   float (emulation only): the published weight-only setting

In the integer reading the values between two linears (gate, up, silu, q, k, v, scores) stay static int8
in every format.  In emulation they stay float, as in the published code, which rounds linear inputs only.

``c16`` is the int16 carry, ``c8`` the int8 carry (every state stored as int8 with one calibrated scale a
norm), ``cf`` a float carry: the whole run is then an emulation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from refimpl.block_params import Online
from refimpl.errors import unknown_name

Carry = Literal["int16", "int8", "float"]


@dataclass(frozen=True)
class ActivationFormat:
    """``bits`` a code, ``product_bits`` at the gated product; ``online`` says when the scale is chosen."""

    name: str
    bits: int
    online: Online
    product_bits: int = 0

    @property
    def integer(self) -> bool:
        return self.name != FLOAT_ACTIVATIONS

    def bits_at(self, site: str) -> int:
        """Bits of the codes at a linear's input."""
        return self.product_bits if self.product_bits and site.endswith(".down.input") else self.bits

    def width_at(self, site: str) -> int:
        """Bits of one stored value at a linear's input: 8, 16, or 32 where the linear quantizes online."""
        if self.online != "static":
            return 32
        return 8 if self.bits_at(site) <= 8 else 16

    def qmax(self, site: str) -> int:
        return (1 << self.bits_at(site) - 1) - 1


FLOAT_ACTIVATIONS = "af"
_ALL: tuple[ActivationFormat, ...] = (
    ActivationFormat("a8", 8, "static"),
    ActivationFormat("a16", 16, "static"),
    ActivationFormat("a8p16", 8, "static", product_bits=16),
    ActivationFormat("a4", 4, "static"),
    ActivationFormat("a8d", 8, "token"),
    ActivationFormat("amx", 4, "mx"),
    ActivationFormat(FLOAT_ACTIVATIONS, 32, "static"),
)
ACTIVATIONS = {fmt.name: fmt for fmt in _ALL}
CARRIES: dict[str, Carry] = {"c16": "int16", "c8": "int8", "cf": "float"}
CARRY_NAMES = {carry: name for name, carry in CARRIES.items()}
_ALIASES = {"float": FLOAT_ACTIVATIONS}
_CARRY_ALIASES = {"int16": "c16", "int8": "c8", "float": "cf"}


def parse_activations(name: str) -> ActivationFormat:
    """Return the activation format called ``name`` (``float`` for ``af``)."""
    found = ACTIVATIONS.get(_ALIASES.get(name, name))
    if found is None:
        raise unknown_name("activation format", name, ACTIVATIONS)
    return found


def parse_carry(name: str) -> Carry:
    """Return the carry called ``name`` (``int16``, ``int8``, ``float`` for ``c16``, ``c8``, ``cf``)."""
    found = CARRIES.get(_CARRY_ALIASES.get(name, name))
    if found is None:
        raise unknown_name("carry format", name, CARRIES)
    return found
