"""Calibrations as files beside the weights of a network, bound to those weights by their digest."""

from __future__ import annotations

import json
from pathlib import Path

from refimpl.quantize.calibration import Calibration
from workbench.files.inputs import read_json
from workbench.files.outputs import write_file


def write_calibration(calibration: Calibration, path: Path, weights: str = "") -> None:
    """Write ``{"absmax": {site: range}, "source": text, "weights": digest}``.

    ``weights`` is the digest of the weights that the ranges were taken from; "" binds them to none.
    """
    content = {"source": calibration.source, "absmax": dict(calibration.absmax), "weights": weights}
    write_file(path, json.dumps(content, indent=1, sort_keys=True) + "\n")


def read_calibration(path: Path, weights: str | None = None, remedy: str = "") -> Calibration:
    """Read what :func:`write_calibration` writes; every range is a number of at least 0.

    Where ``weights`` is given, ranges of other weights are refused; ``remedy`` ends that sentence.
    """
    fields = read_json(path, "the calibration")
    ranges = fields.table("absmax")
    absmax = {site: ranges.number(site) for site in ranges.data}
    for site, value in absmax.items():
        if value < 0:
            raise ranges.error(f"{ranges.label(site)} is {value:g}; a range is at least 0.", site)
    bound = fields.get("weights", str, "the digest of its weights") if fields.has("weights") else ""
    if weights is not None and bound != weights:
        whose = f"those with digest {bound[:12]}" if bound else "unknown weights"
        raise fields.error(f"the ranges are of {whose}, the network beside it has {weights[:12]}{remedy}.")
    return Calibration(absmax, fields.text("source"))
