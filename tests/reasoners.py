"""Whole models for the tests: the trained networks that ship, and the small ones of the parity cases.

Run as a script, it prints the per-call checksums of a short Numba run, one a line, so that a test can
compare processes that differ in their environment::

    python tests/reasoners.py sudoku9-mlp w4c calibration.json

The scales come from a file because calibration is a float run, whose last bits do depend on BLAS threads.
"""

from __future__ import annotations

import json
import sys
import zlib
from functools import cache
from pathlib import Path

import numpy as np

from refimpl import fast
from refimpl.fixedpoint import Rounding
from refimpl.float_params import build_model
from refimpl.models.config import ModelConfig
from refimpl.models.operators import Operators
from refimpl.models.order import Call
from refimpl.models.recursion import run
from refimpl.models.tree import Model
from refimpl.quantize.calibration import Calibration
from refimpl.quantize.lower import lower
from workbench.calibrations import read_calibration
from workbench.checkpoints import load_network
from workbench.model_config import model_config
from workbench.sites import calibrate
from workbench.tasks.puzzles import load_calibration, load_shipped
from workbench.tasks.sudoku import to_tokens

PARITY = Path(__file__).parent / "data" / "parity"
PARITY_CASES = ("trm_mlp", "trm_att", "trm_att_learned", "hrm")


def puzzles(config: ModelConfig, count: int) -> np.ndarray:
    """Shipped 9x9 Sudokus where they fit the model, else seeded tokens; (count, seq_len)."""
    if config.seq_len == 81:
        return to_tokens(load_shipped().questions[:count])
    return np.random.default_rng(70).integers(0, config.vocab_size, (count, config.seq_len))


@cache
def float_model(name: str, dtype: type = np.float32) -> Model:
    """A shipped network, or a parity case (whose tensors are random)."""
    if name in PARITY_CASES:
        with np.load(PARITY / f"{name}.npz") as stored:
            config = model_config(json.loads(bytes(stored["config_json"])))
            tensors = {
                k.removeprefix("weights/"): stored[k] for k in stored.files if k.startswith("weights/")
            }
        return build_model(config, tensors, dtype)
    return build_model(*load_network(name), dtype)


@cache
def calibration(name: str) -> Calibration:
    """Scales from two puzzles and two ACT steps: enough for bits, not for accuracy."""
    model = float_model(name)
    tokens = puzzles(model.config, 2)
    if model.config.seq_len == 81:
        tokens = to_tokens(load_calibration().questions[:2])
    return calibrate(model.with_depth(steps=2), tokens, source="test")


@cache
def integer_model(name: str, weights: str, rounding: Rounding = "double") -> Model:
    """Lowered with :func:`calibration`."""
    return lower(float_model(name), f"{weights}-{rounding}", calibration(name))


def crc(state: np.ndarray) -> int:
    """CRC32 over little-endian C-order bytes."""
    return zlib.crc32(np.ascontiguousarray(state, state.dtype.newbyteorder("<")).tobytes())


def checksums(ops: Operators, model: Model, tokens: np.ndarray) -> list[int]:
    """CRC of the state after every call, then of the logits and of q."""
    found: list[int] = []

    def note(call: Call, state: np.ndarray) -> None:
        assert call.index == len(found)
        found.append(crc(state))

    _, outputs = run(ops, model, tokens, on_call=note)
    return [*found, crc(outputs.logits), crc(outputs.q)]


if __name__ == "__main__":
    network, weights, scales = sys.argv[1:]
    lowered = lower(float_model(network), weights, read_calibration(Path(scales))).with_depth(steps=2)
    print(*checksums(fast, lowered, puzzles(lowered.config, 4)), sep="\n")
