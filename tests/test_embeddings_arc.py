"""The full-size ARC model with its 104,265,728-byte table in a file: one row read, memory bounded."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import arc_run
import numpy as np
import pytest
from reasoners import crc

from refimpl import ops
from refimpl.float_params import input_scale
from refimpl.formats import parse_format
from refimpl.quantize.calibration import Calibration
from refimpl.quantize.lower import Lowering
from workbench.embeddings import parse_row_format, seeded_source, write_table
from workbench.embeddings.write import integer_rows
from workbench.presets import preset
from workbench.seeded import row_blocks, seeded_model

CONFIG = preset("trm-att-arc")
ROW = 40_000
PEAK_MIB = 400

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from /proc"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("arc")


def run_with(folder: Path, fmt: str) -> dict[str, Any]:
    """Make the table, run in a process of its own, return what it printed."""
    path = folder / fmt
    source = seeded_source(CONFIG.num_puzzle_identifiers, CONFIG.hidden_size)
    write_table(path, source, parse_row_format(fmt), input_scale(CONFIG))
    root = Path(__file__).resolve().parents[1]
    command = [sys.executable, arc_run.__file__, str(path), str(ROW)]
    environment = os.environ | {"PYTHONPATH": str(root)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize(("fmt", "row_bytes"), [("fp32", 2_048), ("int8-q31", 517)])
def test_a_run_reads_its_one_row_from_the_file_and_stays_under_400_mib(
    folder: Path, fmt: str, row_bytes: int
) -> None:
    found = run_with(folder, fmt)
    assert found["reads"] == [[ROW * row_bytes, row_bytes]]
    assert found["peak_mib"] < PEAK_MIB
    if fmt == "fp32":
        assert (folder / fmt).stat().st_size == 104_265_728
    assert found["x"] == crc(input_with_the_whole_table_resident())


def input_with_the_whole_table_resident() -> np.ndarray:
    """x of the same puzzle from a lowered table of all 50,911 rows held in memory."""
    model = seeded_model(replace(CONFIG, num_puzzle_identifiers=1))
    lowering = Lowering(parse_format("w4c"), Calibration({}, ""))
    rows = np.concatenate(list(row_blocks(CONFIG.num_puzzle_identifiers, CONFIG.hidden_size)))
    embedding = replace(
        model.embedding,
        tokens=lowering.table(model.embedding.tokens),
        puzzles=integer_rows("puzzle_emb", rows, input_scale(CONFIG)),
    )
    return ops.embed(arc_run.tokens(), np.array([ROW]), embedding)
