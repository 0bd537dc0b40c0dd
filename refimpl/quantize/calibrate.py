"""Activation scales: run the float model over puzzles and record the largest magnitude at each site.

One scale a call site, collected over all calls, cycles and ACT steps of a whole run, so one image
serves every depth (the published ``+a8``: absmax / 127).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from refimpl.errors import InputError
from refimpl.float_params import Floats
from refimpl.models.operators import Array
from refimpl.models.recursion import run
from refimpl.models.tree import Model
from refimpl.quantize.sites import SiteOps


class Recorder:
    """Visitor that notes ``absmax[site]``."""

    def __init__(self) -> None:
        self.absmax: dict[str, float] = {}

    def __call__(self, site: str, value: Floats) -> Floats:
        peak = float(max(value.max(), -value.min()))
        self.absmax[site] = max(self.absmax.get(site, 0.0), peak)
        return value


@dataclass(frozen=True)
class Calibration:
    """absmax of each site and where it came from (``source``: puzzles, count, depth)."""

    absmax: Mapping[str, float]
    source: str

    def scale(self, site: str, qmax: int = 127) -> float:
        """Scale of a site: absmax / qmax; a site that never left 0 gets scale 1."""
        if site not in self.absmax:
            raise InputError(f"the calibration has no site {site!r}; calibrate this model anew.")
        return self.absmax[site] / qmax or 1.0


def calibrate(model: Model, tokens: Array, puzzle_ids: Array | None = None, source: str = "") -> Calibration:
    """Run the float ``model`` over ``tokens`` (B, seq) at its full depth and collect absmax per site."""
    recorder = Recorder()
    run(SiteOps(recorder), model, tokens, puzzle_ids, on_step=lambda step, carry, outputs: None)
    depth = f"H{model.config.H_cycles} n{model.config.halt_max_steps}"
    return Calibration(recorder.absmax, f"{source} ({len(tokens)} puzzles, {depth})")
