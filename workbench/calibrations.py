"""Calibrations as files beside the weights of a network."""

from __future__ import annotations

import json
from pathlib import Path

from refimpl.quantize.calibrate import Calibration
from workbench.files.inputs import read_json
from workbench.files.outputs import write_file


def write_calibration(calibration: Calibration, path: Path) -> None:
    """Write ``{"absmax": {site: range}, "source": text}``."""
    content = {"source": calibration.source, "absmax": dict(calibration.absmax)}
    write_file(path, json.dumps(content, indent=1, sort_keys=True) + "\n")


def read_calibration(path: Path) -> Calibration:
    """Read what :func:`write_calibration` writes; every range is a number of at least 0."""
    fields = read_json(path, "the calibration")
    ranges = fields.table("absmax")
    absmax = {site: ranges.number(site) for site in ranges.data}
    for site, value in absmax.items():
        if value < 0:
            raise ranges.error(f"{ranges.label(site)} is {value:g}; a range is at least 0.", site)
    return Calibration(absmax, fields.text("source"))
