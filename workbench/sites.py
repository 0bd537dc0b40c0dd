"""The float reading with a visitor at every site: a place where the integer reading changes format.

Calibration visits to record magnitudes, emulation visits to round values.  Sites:

``X.input``             activations of linear X (``L.0.mlp.down.input`` is the gated product)
``X.gate``, ``X.up``    the halves of a gate_up output
``X.q``, ``X.k``, ``X.v``  the parts of a qkv output; q and k once more after the rotation
``X.silu``, ``X.scores``   outputs of these operators
``X.norm``              a state
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from refimpl import float_ops
from refimpl.float_params import Floats, Linear, Norm, Site
from refimpl.models.operators import Array
from refimpl.models.recursion import run
from refimpl.models.tree import Model
from refimpl.quantize.calibration import Calibration, parts

Visitor = Callable[[str, Floats], Floats]


class SiteOps:
    """The operators of :mod:`refimpl.float_ops`, each result passed through ``visit(site, value)``."""

    def __init__(self, visit: Visitor) -> None:
        self.visit = visit

    def __getattr__(self, name: str) -> Any:
        return getattr(float_ops, name)

    def quantize(self, h: Floats, p: Site) -> Floats:
        return self.visit(p.name, h)

    def linear(self, a: Floats, p: Linear) -> Floats:
        y = float_ops.linear(a, p)
        names = parts(p.name)
        if not names:
            return y
        values = np.split(y, len(names), axis=-1)
        visited = [self.visit(f"{p.name}.{n}", part) for n, part in zip(names, values, strict=True)]
        if all(after is before for after, before in zip(visited, values, strict=True)):
            return y
        return np.concatenate(visited, axis=-1)

    def silu(self, a: Floats, p: Site) -> Floats:
        return self.visit(p.name, float_ops.silu(a, p))

    def multiply(self, a: Floats, b: Floats, p: Site) -> Floats:
        return self.visit(p.name, float_ops.multiply(a, b, p))

    def scores(self, q: Floats, k: Floats, p: Site) -> Floats:
        # q and k arrive here after the rotation, whose output shares their scale.
        stem = p.name.removesuffix("scores") + "qkv"
        q, k = self.visit(f"{stem}.q", q), self.visit(f"{stem}.k", k)
        return self.visit(p.name, float_ops.scores(q, k, p))

    def weighted_values(self, probabilities: Floats, v: Floats, p: Site) -> Floats:
        return self.visit(p.name, float_ops.weighted_values(probabilities, v, p))

    def rms_norm(self, h: Floats, p: Norm) -> Floats:
        return self.visit(p.name, float_ops.rms_norm(h, p))


class Recorder:
    """Visitor that notes ``absmax[site]``."""

    def __init__(self) -> None:
        self.absmax: dict[str, float] = {}

    def __call__(self, site: str, value: Floats) -> Floats:
        peak = float(max(value.max(), -value.min()))
        self.absmax[site] = max(self.absmax.get(site, 0.0), peak)
        return value


def calibrate(model: Model, tokens: Array, puzzle_ids: Array | None = None, source: str = "") -> Calibration:
    """Run the float ``model`` over ``tokens`` (B, seq) at its full depth and collect absmax per site."""
    recorder = Recorder()
    run(SiteOps(recorder), model, tokens, puzzle_ids, on_step=lambda step, carry, outputs: None)
    depth = f"H{model.config.H_cycles} n{model.config.halt_max_steps}"
    return Calibration(recorder.absmax, f"{source} ({len(tokens)} puzzles, {depth})")
