"""One H cycle of the full-size TRM-Att ARC model, its puzzle row read from a table file; facts as JSON.

``python tests/arc_run.py TABLE ROW``, a process of its own so that its peak memory is its own.  Everything
a run needs happens in it: seeded weights, calibration, lowering, image, run.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from reasoners import crc

from refimpl import fast
from refimpl.image import Image
from refimpl.model_image import ImageMeta, from_image, to_image
from refimpl.models.recursion import run
from refimpl.models.tree import Model
from refimpl.quantize.lower import lower
from workbench.embeddings import StoredTable, open_table, with_table
from workbench.presets import preset
from workbench.seeded import seeded_model
from workbench.sites import calibrate

CONFIG = preset("trm-att-arc")


def tokens() -> np.ndarray:
    """One seeded grid, (1, 900)."""
    return np.random.default_rng(95).integers(0, CONFIG.vocab_size, (1, CONFIG.seq_len))


def deployed(table: StoredTable, ids: np.ndarray) -> Model:
    """The integer model as an image brings it, its puzzle rows in ``table``."""
    resident = seeded_model(replace(CONFIG, num_puzzle_identifiers=1))
    streamed = with_table(resident, table).with_depth(1, 1)
    lowered = lower(resident, "w4c", calibrate(streamed, tokens(), ids, source="seeded tokens"))
    image = to_image(lowered, ImageMeta("trm-att-arc", "w4c-a8-c16", "", "arc", trained=False))
    return with_table(from_image(Image(image)), table).with_depth(1, 1)


def peak_mib() -> float:
    """Peak resident memory of this process in MiB (Linux)."""
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) / 1024


def main(path: str, row: str) -> None:
    table, ids = open_table(Path(path)), np.array([int(row)])
    model = deployed(table, ids)
    table.reads.clear()  # calibration has read the row as well
    x = fast.embed(tokens(), ids, model.embedding)
    embedded = [(read.offset, read.bytes) for read in table.reads]
    table.reads.clear()
    carry, _ = run(fast, model, tokens(), ids)
    reads = [(read.offset, read.bytes) for read in table.reads]
    assert embedded == reads
    print(json.dumps({"x": crc(x), "z_H": crc(carry.z_H), "reads": reads, "peak_mib": peak_mib()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
