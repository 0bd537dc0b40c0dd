"""Activation scales, one a call site for all calls, cycles and ACT steps of a run (the published ``+a8``).

So one image serves every depth.  A calibration names its sites and where their ranges came from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from refimpl.errors import InputError

_PARTS = {"gate_up": ("gate", "up"), "qkv": ("q", "k", "v")}


def parts(linear: str) -> tuple[str, ...]:
    """Names of the equal parts that the output of a linear has, each with a scale of its own; or none."""
    return _PARTS.get(linear.rsplit(".", 1)[-1], ())


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
