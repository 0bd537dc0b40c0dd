"""A variant: one network in one format and depth, and the program that runs it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from refimpl import fast, float_ops
from refimpl.errors import InputError
from refimpl.formats import FLOAT32, Format
from workbench.fidelity import Reading
from workbench.lab.emulate import weight_only
from workbench.lab.emulated_inputs import emulated_inputs
from workbench.networks import Network, find_network
from workbench.sites import SiteOps


@dataclass(frozen=True)
class Variant:
    """Format, depth and stop rule; depth 0 means the network's own."""

    network: str
    format: Format = FLOAT32
    H_cycles: int = 0
    steps: int = 0
    stop: str = "fixed"

    @property
    def key(self) -> str:
        """Format, depth and rule as one line of text; unique."""
        rule = "" if self.stop == "fixed" else f" {self.stop}"
        return f"{self.network} {self.format} H{self.H_cycles or '-'}n{self.steps or '-'}{rule}"

    def reference(self) -> Variant:
        """The float variant of the same network at the same depth, run to its end."""
        return Variant(self.network, H_cycles=self.H_cycles, steps=self.steps)

    def resolved(self) -> Variant:
        """The same variant with its depth spelled out, and the t of its stop rule.

        Raises InputError for a rule that is none, or whose t is not known.
        """
        found = network(self.network)
        config, stop = found.config, str(found.stop_rule(self.stop, str(self.format)))
        H_cycles, steps = self.H_cycles or config.H_cycles, self.steps or config.halt_max_steps
        return replace(self, H_cycles=H_cycles, steps=steps, stop=stop)

    def to_dict(self) -> dict[str, Any]:
        return {**vars(self), "format": str(self.format)}


@lru_cache(maxsize=8)
def network(name: str) -> Network:
    """A trained network; accuracy means nothing without training, so others are refused."""
    found = find_network(name)
    if not found.trained:
        raise InputError(f"{name} has seeded weights; the laboratory measures trained networks only.")
    return found


def reading(variant: Variant) -> Reading:
    """The program of ``variant``."""
    found, fmt = network(variant.network), variant.format
    depth = (variant.H_cycles or None, variant.steps or None)
    if fmt.integer:
        return Reading(fast, found.integer_model(fmt).with_depth(*depth))
    model = weight_only(found.float_model, fmt.weights).with_depth(*depth)
    if not fmt.activations.integer:
        return Reading(float_ops, model)
    return Reading(SiteOps(emulated_inputs(fmt.activations, found.calibration)), model)
