"""A variant: one network under one choice of formats and depth, and the program that runs it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from typing import Any

from refimpl import fast, float_ops
from refimpl.errors import InputError, unknown_name
from refimpl.fixedpoint import ROUNDINGS, Rounding
from refimpl.quantize.activations import emulated_inputs, parse_activations
from refimpl.quantize.lower import CARRIES, lower
from refimpl.quantize.sites import SiteOps
from refimpl.quantize.weights import parse_format
from workbench.fidelity import Reading
from workbench.lab.emulate import EXACT, noise_level, weight_only
from workbench.networks import Network, find_network

FLOAT = "float"


@dataclass(frozen=True)
class Variant:
    """Formats and depth.

    ``carry`` decides the kind: ``int16`` and ``int8`` run integer-exact, ``float`` is an emulation
    (``activations`` may then be ``float`` too).  Depth 0 means the network's own.
    """

    network: str
    weights: str = EXACT
    activations: str = FLOAT
    carry: str = FLOAT
    rounding: Rounding = "double"
    H_cycles: int = 0
    steps: int = 0

    def __post_init__(self) -> None:
        if self.carry not in (FLOAT, *CARRIES):
            raise unknown_name("carry format", self.carry, (FLOAT, *CARRIES))
        if self.rounding not in ROUNDINGS:
            raise unknown_name("rounding rule", self.rounding, ROUNDINGS)
        float_weights = self.weights == EXACT or self.weights.startswith("noise")
        if not float_weights:
            parse_format(self.weights)
        elif self.weights != EXACT:
            noise_level(self.weights)
        if self.activations != FLOAT:
            parse_activations(self.activations)
        if self.integer and (self.activations == FLOAT or float_weights):
            raise InputError(
                f"{self.weights} with {self.activations} activations has no integer program; use carry float."
            )

    @property
    def integer(self) -> bool:
        """Whether the variant runs integer-exact."""
        return self.carry != FLOAT

    @property
    def key(self) -> str:
        """Formats and depth as one line of text; unique."""
        depth = f"H{self.H_cycles or '-'}n{self.steps or '-'}"
        return f"{self.network} {self.weights} {self.activations} {self.carry} {self.rounding} {depth}"

    def reference(self) -> Variant:
        """The float variant of the same network at the same depth."""
        return Variant(self.network, H_cycles=self.H_cycles, steps=self.steps)

    def resolved(self) -> Variant:
        """The same variant with its depth spelled out."""
        config = network(self.network).config
        H_cycles, steps = self.H_cycles or config.H_cycles, self.steps or config.halt_max_steps
        return replace(self, H_cycles=H_cycles, steps=steps)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@lru_cache(maxsize=8)
def network(name: str) -> Network:
    """A trained network; accuracy means nothing without training, so others are refused."""
    found = find_network(name)
    if not found.trained:
        raise InputError(f"{name} has seeded weights; the laboratory measures trained networks only.")
    return found


def reading(variant: Variant) -> Reading:
    """The program of ``variant``."""
    found = network(variant.network)
    depth = (variant.H_cycles or None, variant.steps or None)
    if variant.integer:
        model = lower(found.float_model, variant.weights, found.calibration, variant.rounding,
                      variant.activations, variant.carry)  # type: ignore[arg-type]  # fmt: skip
        return Reading(fast, model.with_depth(*depth))
    model = weight_only(found.float_model, variant.weights).with_depth(*depth)
    if variant.activations == FLOAT:
        return Reading(float_ops, model)
    visitor = emulated_inputs(parse_activations(variant.activations), found.calibration)
    return Reading(SiteOps(visitor), model)
