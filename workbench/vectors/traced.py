"""What the recursion traces run: flash images that are frozen once, and their inputs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from refimpl.errors import InputError
from refimpl.float_params import build_model
from refimpl.formats import parse_format
from refimpl.image import Image
from refimpl.model_image import ImageMeta, from_image, to_image
from refimpl.models.config import ModelConfig
from refimpl.models.halting import StopRule
from refimpl.models.tree import Model
from refimpl.quantize.lower import lower
from workbench.files.inputs import read_bytes
from workbench.networks import find_network
from workbench.seeded import seeded_tensors
from workbench.sites import calibrate
from workbench.stop_text import parse_stop
from workbench.tasks.sets import evaluation_set
from workbench.vectors.draws import Draws
from workbench.vectors.tensors import Array

FOLDER = "recursion"

# Shapes that meet every odd case: 11 positions, a prefix of 2, three heads of 10, RoPE, odd inner width.
SMALL_HRM = ModelConfig(
    family="hrm", seq_len=9, vocab_size=7, hidden_size=30, num_heads=3, L_layers=2, H_layers=1, H_cycles=2,
    L_cycles=2, halt_max_steps=4, mlp_t=False, pos_encodings="rope", puzzle_emb_len=2,
    channel_intermediate_size=45, num_puzzle_identifiers=3, task="none",
)  # fmt: skip

# More positions than kernels take rows at once (96, 128), and several coarse rows of angles (every 32).
SMALL_TRM = ModelConfig(
    family="trm", seq_len=140, vocab_size=6, hidden_size=12, num_heads=2, L_layers=1, H_layers=0, H_cycles=1,
    L_cycles=2, halt_max_steps=2, mlp_t=False, pos_encodings="rope", puzzle_emb_len=1,
    channel_intermediate_size=17, num_puzzle_identifiers=2, task="none",
)  # fmt: skip


@dataclass(frozen=True)
class Traced:
    """One traced run; ``build`` makes its image when it is frozen anew.

    ``rule`` takes the place of the image's stop rule; ``of`` names the trace whose image it runs from.
    """

    name: str
    puzzle_id: int
    tokens: Callable[[], Array]
    build: Callable[[], bytes]
    rule: StopRule | None = None
    of: str = ""

    @property
    def file(self) -> str:
        """Name of the image's file."""
        return f"{self.of or self.name}.rrim"

    def under(self, name: str, rule: str) -> Traced:
        """The same run under another stop rule, from the same image."""
        return replace(self, name=f"{self.name}-{name}", rule=parse_stop(rule), of=self.name)

    def image(self, golden: Path) -> bytes:
        """The frozen image."""
        return read_bytes(golden / FOLDER / self.file, "the flash image")


def _seeded(config: ModelConfig, network: str, format: str, name: str = "", stop: str = "fixed") -> Traced:
    """The last puzzle of a seeded network of shapes ``config``."""
    puzzle = config.num_puzzle_identifiers - 1

    def tokens() -> Array:
        drawn = Draws(" ".join(reversed(network.split("-"))))
        return drawn.integers(0, config.vocab_size - 1, config.seq_len).astype(np.int32)

    def build() -> bytes:
        tensors = seeded_tensors(config, seed=6)
        # Biases of the official initialisation (-5, -5) would leave half of the halting head untested.
        tensors["inner.q_head.weight"] = tensors["inner.lm_head.weight"][:2]
        model = build_model(config, tensors, np.float32)
        calibration = calibrate(model, tokens()[None], np.array([puzzle]), source="seeded tokens")
        meta = ImageMeta(network, str(parse_format(format)), calibration.source, "none", trained=False)
        lowered = lower(model, format, calibration)
        return to_image(lowered.with_stop(parse_stop(stop)), meta)

    return Traced(f"{network}-{name or format}", puzzle, tokens, build)


def _small_hrm(format: str, name: str = "", stop: str = "fixed") -> Traced:
    return _seeded(SMALL_HRM, "hrm-small", format, name, stop)


def _shipped(network: str, format: str) -> Traced:
    def first_puzzle() -> Array:
        config = find_network(network).config
        shipped = config.seq_len == 81  # only 9x9 puzzles ship; of other sizes the first one drawn
        return evaluation_set(config, None if shipped else 1).inputs[0].astype(np.int32)

    return Traced(f"{network}-{format}", 0, first_puzzle, lambda: find_network(network).image(format))


MLP = _shipped("sudoku9-mlp", "w4c")
SMALL = _small_hrm("w4c")

TRACED: dict[str, Traced] = {t.name: t for t in (
    MLP,
    MLP.under("head", "head"),
    MLP.under("settled", "settled,t=88"),
    MLP.under("both", "head+settled,t=88"),
    MLP.under("both-largest", "head+settled,t=1000,of=largest,over=step,least=3,more=3"),
    SMALL.under("head", "head,least=2,more=1"),
    _shipped("sudoku9-att", "w4c"),
    _shipped("sudoku6-mlp", "mxint4-amx"),
    SMALL,
    _small_hrm("w4c", "w4c-rule", "settled,t=350,more=1"),
    _small_hrm("w8c-single"),
    _small_hrm("w4an"),
    _small_hrm("w4g32-a8d"),
    _small_hrm("mxint4-amx"),
    _small_hrm("w8c-a16-c8"),
    _small_hrm("w4c-a4"),
    _small_hrm("w6c"),
    _small_hrm("w3c"),
    _small_hrm("ternary"),
    _small_hrm("w4g16s"),
    _seeded(SMALL_TRM, "trm-small", "w4c"),
    _seeded(SMALL_TRM, "trm-small", "w4g32-a8d"),
    _seeded(SMALL_TRM, "trm-small", "w2g16"),
)}  # fmt: skip


def find_traced(name: str) -> Traced:
    """The traced run called ``name``."""
    if name not in TRACED:
        raise InputError(f"there is no trace {name!r}; known: {', '.join(TRACED)}.")
    return TRACED[name]


def load_traced(traced: Traced, golden: Path) -> tuple[Model, bytes]:
    """The integer model in the frozen image, and the image."""
    data = traced.image(golden)
    model = from_image(Image(data, traced.file))
    return model if traced.rule is None else model.with_stop(traced.rule), data
