"""What is tried: weight formats, how their codes are found, activations and their ranges, carry, mixtures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from refimpl.formats import Format, parse_format, parse_weights
from refimpl.quantize.calibration import Calibration
from workbench.codes import Codes, weights_of
from workbench.lab.rewrite import linears
from workbench.lab.second_order import (
    CLIP_PUZZLES,
    clipped_activations,
    codes_of,
    input_moments,
    output_errors,
)
from workbench.networks import Network
from workbench.sites import calibrate
from workbench.tasks.sets import PuzzleSet

Rounding = Literal["nearest", "clip", "feedback"]
Ranges = Literal["clipped", "absmax"]
BASELINE, NAIVE = "w8c-a8-c16", "w4t-a8-c16"
# Format, how codes are found, ranges.  The first is the baseline, the second the bad example.
Tried = tuple[tuple[str, Rounding, Ranges], ...]
TRIED: Tried = (
    (BASELINE, "nearest", "clipped"), (NAIVE, "nearest", "clipped"),
    ("w8c-a8-c16", "nearest", "absmax"), ("w8c-a8-c8", "nearest", "clipped"),
    ("w8c-a8p16-c16", "nearest", "clipped"), ("w8c-a8d-c16", "nearest", "clipped"),
    ("w8t-a8-c16", "nearest", "clipped"),
    ("w6c-a8-c16", "nearest", "clipped"), ("w6c-a8-c16", "feedback", "clipped"),
    ("w4c-a8-c16", "nearest", "absmax"), ("w4c-a8-c16", "nearest", "clipped"),
    ("w4c-a8-c16", "clip", "clipped"), ("w4c-a8-c16", "feedback", "clipped"),
    ("w4c-a8-c8", "feedback", "clipped"), ("w4c-a8p16-c16", "feedback", "clipped"),
    ("w4c-a8d-c16", "feedback", "clipped"), ("w4c-a16-c16", "nearest", "clipped"),
    ("w4t-a8-c16", "feedback", "clipped"),
    ("w4a-a8-c16", "nearest", "clipped"), ("w4g32-a8-c16", "nearest", "clipped"),
    ("w4g32-a8p16-c16", "nearest", "clipped"),
    ("w4g16s-a8-c16", "nearest", "clipped"), ("mxint4-a8-c16", "nearest", "clipped"),
    ("w3c-a8-c16", "feedback", "clipped"), ("w2c-a8-c16", "feedback", "clipped"),
)  # fmt: skip
# Tried with half the H cycles as well.
SHALLOW: Tried = (
    ("w8c-a8-c16", "nearest", "clipped"), ("w8c-a8p16-c16", "nearest", "clipped"),
    ("w4c-a8-c16", "feedback", "clipped"), ("w4c-a8p16-c16", "feedback", "clipped"),
)  # fmt: skip
# (most linears, their format, spared linears, theirs): the spared ones are those that the format hurts most.
MIXED = (("w4c", 1, "w8c"), ("w4c", 2, "w8c"), ("w3c", 2, "w4c"), ("w3c", 4, "w4c"))


@dataclass(frozen=True)
class Recipe:
    """A program of a network: its format, how the codes of its linears are found, activation ranges, and
    H cycles (0: the network's)."""

    format: Format
    rounding: Rounding
    ranges: Ranges
    H_cycles: int = 0

    @property
    def name(self) -> str:
        """Unique among those of a fit, and short: what is usual is left out, and of a mixture which linears
        are spared: it says how many."""
        spared = Counter(weights.name for _, weights in self.format.overrides)
        marks = [str(replace(self.format, overrides=())), *(f"+{n} {name}" for name, n in spared.items())]
        marks += [self.rounding] * (self.rounding != "nearest") + [self.ranges] * (self.ranges != "clipped")
        marks += [f"{self.H_cycles} H"] * bool(self.H_cycles)
        return " ".join(marks)


@dataclass(frozen=True, eq=False)
class Candidate:
    """A recipe and the network that it makes: with its ranges and codes."""

    recipe: Recipe
    network: Network


def candidates(network: Network, puzzles: PuzzleSet, only: Tried = ()) -> tuple[Candidate, ...]:
    """All candidates of a network, or ``only`` these; what is found by looking at data comes from calibration
    ``puzzles``."""
    few = puzzles.rows(0, CLIP_PUZZLES, puzzles.origin)
    model = network.float_model
    whole = calibrate(model, puzzles.inputs, puzzles.puzzle_ids, puzzles.origin)
    ranges: dict[Ranges, Calibration] = {
        "absmax": whole, "clipped": clipped_activations(model, few.inputs, whole, few.puzzle_ids)
    }  # fmt: skip
    moments = input_moments(model, few.inputs)
    named = [Recipe(parse_format(fmt), how, at) for fmt, how, at in only or TRIED]
    mixed = () if only else MIXED
    made = [Recipe(mixture(network, moments, *mix), "feedback", "clipped") for mix in mixed]
    half = 0 if only else network.config.H_cycles // 2
    made += [Recipe(parse_format(fmt), how, at, half) for fmt, how, at in SHALLOW if half]
    known: dict[tuple[str, Rounding], Codes] = {}

    def candidate(recipe: Recipe) -> Candidate:
        name = weights_of(recipe.format)
        config = replace(network.config, H_cycles=recipe.H_cycles or network.config.H_cycles)
        with_ranges = replace(network, config=config, ranges=ranges[recipe.ranges])
        if recipe.rounding == "nearest":
            return Candidate(recipe, with_ranges.with_codes({}))
        if (name, recipe.rounding) not in known:
            known[name, recipe.rounding] = codes_of(model, recipe.format, recipe.rounding, moments)
        return Candidate(recipe, with_ranges.with_codes({name: known[name, recipe.rounding]}))

    return tuple(map(candidate, dict.fromkeys([*named, *made])))


def mixture(
    network: Network, moments: Mapping[str, np.ndarray], low: str, spared: int, high: str
) -> Format:
    """``low`` everywhere but at the ``spared`` linears whose output it turns most, where ``high`` stands.

    A linear's error is ``e H e^T`` of its rounding over ``w H w^T``, both sums over rows.
    """
    fmt = parse_weights(low)
    shares = {}
    for p in linears(network.float_model):
        weight = np.asarray(p.weight, np.float64)
        moment = moments[p.name]
        error = output_errors(weight, fmt.quantize(p.weight).dequantize(), moment).sum()
        shares[p.name] = float(error / max(output_errors(weight, 0 * weight, moment).sum(), 1e-30))
    worst = sorted(shares, key=lambda name: -shares[name])[:spared]
    order = [p.name for p in linears(network.float_model) if p.name in worst]
    overrides = tuple((name, parse_weights(high)) for name in order)
    return replace(parse_format(low), overrides=overrides)
