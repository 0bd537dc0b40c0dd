"""Bytes of a deployment's flash image, from shapes alone: no weights are made.

The image's are those of :mod:`workbench.image_shapes`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from mcusim.deployments import Deployment
from mcusim.images import aligned
from refimpl.formats import FLOAT32, parse_format
from refimpl.models.config import ModelConfig
from refimpl.models.halting import FIXED
from workbench.networks import Network, image_bytes_of
from workbench.sizes import FLOAT_BYTES, backbone_bytes, float_bytes
from workbench.stop_text import parse_stop

ROW_SCALE = 5  # int32 multiplier and int8 shift


@dataclass(frozen=True)
class Footprint:
    """Bytes in the two readings of a budget, without the arena.

    ``weights_only``: all parameters x bits, as published, and the puzzle table where it is resident.
    ``image``: the flash image, with a puzzle table that is ``resident``.  ``rows``: puzzle rows outside
    the image, 0 where the table has the one row that every image holds.
    """

    weights_only: int
    image: int
    resident: int
    rows: int


def deployed_config(deployment: Deployment, network: Network) -> ModelConfig:
    """Shapes of the deployment's ``network`` at its depth, under its stop rule."""
    return replace(network.config, H_cycles=deployment.H_cycles, halt_max_steps=deployment.steps,
                   stop=parse_stop(deployment.stop))  # fmt: skip


def footprint(deployment: Deployment, network: Network) -> Footprint:
    """Size everything that does not depend on a plan; of a preset ``network`` needs no weights."""
    config = deployed_config(deployment, network)
    table = config.num_puzzle_identifiers * config.hidden_size if config.puzzle_emb_len else 0
    scales = config.num_puzzle_identifiers * ROW_SCALE if config.puzzle_emb_len else 0
    resident = 0
    if deployment.puzzle_rows == "resident-fp32":
        resident = table * FLOAT_BYTES
    elif deployment.puzzle_rows == "resident-int8":
        resident = table + scales
    formats = [deployment.format, *map(parse_format, [config.stop.by] * bool(config.stop.by))]
    weights_only = sum(backbone_bytes(config, one.weights.bits) for one in formats) + resident
    outside = 0 if resident or config.num_puzzle_identifiers == 1 else table + scales
    # The image always has room for the one row that a run reads.
    if deployment.format == FLOAT32:
        image = float_bytes(config)
    else:
        image, alone = 0, replace(config, stop=FIXED)
        for one in formats:
            image = aligned(image) + image_bytes_of(network, one, alone)
    return Footprint(weights_only, image + resident, resident, outside)
