"""Untrained weights from a seed: for models whose trained weights do not ship.

They exercise sizes, traffic and arithmetic of a full-size model; they solve nothing.  The distribution is
that of the official initialisation: normal cut at two deviations, with deviation 1/sqrt(inputs) of a
linear, 1/sqrt(hidden) of an embedding row, 1 of H_init and L_init; the halting head starts at weight 0
and bias -5.  Only the puzzle rows differ (officially 0, which would leave nothing to read): they are
drawn like token rows.

Every tensor has its own stream, so none depends on which others are drawn; rows of a table come in
blocks of ``ROW_BLOCK``, so row i is the same in a table of any size.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from refimpl.float_params import build_model
from refimpl.models.config import ModelConfig
from refimpl.models.skeleton import Spec, skeleton
from refimpl.models.tree import Model, leaves

Float32s = npt.NDArray[np.float32]

PUZZLE_KEY = "puzzle_emb.weights"
Q_BIAS = -5.0
CUT = 2.0
# Standard deviation that is left of a unit normal cut at +-2.
CUT_DEVIATION = 0.87962566
ROW_BLOCK = 1024


def truncated_normal(rng: np.random.Generator, shape: tuple[int, ...], deviation: float) -> Float32s:
    """Normal values cut at two deviations, with ``deviation`` after the cut."""
    values = rng.standard_normal(shape, np.float32)
    outside = np.abs(values) > CUT
    while outside.any():
        values[outside] = rng.standard_normal(int(outside.sum()), np.float32)
        outside = np.abs(values) > CUT
    return values * np.float32(deviation / CUT_DEVIATION)


def _stream(seed: int, key: str, block: int = 0) -> np.random.Generator:
    return np.random.default_rng([seed, zlib.crc32(key.encode()), block])


def row_blocks(rows: int, hidden: int, seed: int = 0, key: str = PUZZLE_KEY) -> Iterator[Float32s]:
    """Yield a table of ``rows`` x ``hidden`` in blocks of ROW_BLOCK rows, unscaled."""
    for block, start in enumerate(range(0, rows, ROW_BLOCK)):
        values = truncated_normal(_stream(seed, key, block), (ROW_BLOCK, hidden), hidden**-0.5)
        yield values[: rows - start]


def seeded_tensors(config: ModelConfig, seed: int = 0) -> dict[str, Float32s]:
    """Official tensor names -> untrained float32 values of ``config``.

    The puzzle table has ``config.num_puzzle_identifiers`` rows (104 MB for ARC): a caller that streams its
    rows replaces that number by 1 first.
    """
    tensors: dict[str, Float32s] = {}
    for spec in leaves(skeleton(config)):
        assert isinstance(spec, Spec)
        if not spec.key:
            continue
        if spec.kind == "table" and spec.key == PUZZLE_KEY:
            rows, hidden = spec.shape
            values = np.concatenate(list(row_blocks(rows, hidden, seed)))
        elif spec.bias_key:
            values = np.zeros(spec.shape, np.float32)
            tensors[f"inner.{spec.bias_key}"] = np.full(spec.shape[:1], Q_BIAS, np.float32)
        else:
            deviation = 1.0 if spec.kind == "vector" else spec.shape[1] ** -0.5
            values = truncated_normal(_stream(seed, spec.key), spec.shape, deviation)
        tensors[f"inner.{spec.key}"] = values
    return tensors


def seeded_model(config: ModelConfig, seed: int = 0) -> Model:
    """The float tree of :func:`seeded_tensors`."""
    return build_model(config, seeded_tensors(config, seed))
