"""The key of a measurement: a digest of everything that its result depends on, and of no name or path.

Weights, activation scales, format and depth, puzzles, and the sources that turn them into a result: another
bit in any of them is another key, so that a stored result is never taken for that of another program.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from typing import Any

import numpy as np

from refimpl.fast.cache import digest_of
from refimpl.formats import parse_format
from refimpl.models.config import ModelConfig
from workbench.codes import digest_of as digest_of_codes
from workbench.codes import weights_of
from workbench.networks import Network
from workbench.tasks.sets import PuzzleSet

FLOAT, BFLOAT16 = "float", "bf16"
SOURCES = (
    "refimpl", "refimpl.fast", "refimpl.formats", "refimpl.models", "refimpl.ops", "refimpl.quantize",
    "workbench", "workbench.lab", "workbench.tasks",
)  # fmt: skip


@cache
def code() -> str:
    """A digest of the sources that a result comes from: kernels, model text, lowering, scoring."""
    return digest_of(SOURCES)


def data_digest(network: Network, *formats: str) -> str:
    """16 hex digits of what was found by looking at data and goes into programs of these number formats:
    activation scales, and codes."""
    found = hashlib.sha256(json.dumps([_of_data(network, fmt) for fmt in formats], sort_keys=True).encode())
    return found.hexdigest()[:16]


def _of_data(network: Network, fmt: str) -> list[Any]:
    stated = None if fmt in (FLOAT, BFLOAT16) else parse_format(fmt)
    scales = dict(network.calibration.absmax) if stated is not None and stated.activations.integer else {}
    codes = network.codes.get(weights_of(stated)) if stated is not None and stated.integer else None
    return [scales, None if codes is None else digest_of_codes(codes)]


def content_key(network: Network, fmt: str, config: ModelConfig, puzzles: PuzzleSet, *more: str) -> str:
    """Return the key (32 hex digits) of a program on puzzles.

    Parameters
    ----------
    fmt : ``float``, ``bf16`` or the spelling of a number format; static activation scales and codes that
        were found by looking at data are part of the key where the format has any.
    config : the network's, at the depth and with the stop rule that the program runs.
    more : whatever else tells this program from others of these weights and this format.
    """
    data = [_of_data(network, one) for one in (fmt, *[config.stop.by] * bool(config.stop.by))]
    said = [network.digest, fmt, data, config.to_dict(), code(), *more]
    found = hashlib.sha256(json.dumps(said, sort_keys=True).encode())
    for array in (puzzles.inputs, puzzles.labels, puzzles.puzzle_ids):
        if array is not None:
            found.update(f"{array.dtype} {array.shape} ".encode() + np.ascontiguousarray(array).tobytes())
    return found.hexdigest()[:32]
