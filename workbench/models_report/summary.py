"""Everything exact about one configuration, as a frozen record.

Each number is counted: parameters and bytes off the tree that is run, calls, operations and lifetimes off
the events of one ACT step of the same model text.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from refimpl.formats import parse_format
from refimpl.models.config import ModelConfig
from workbench.counting import CountedStep, count_step
from workbench.embeddings.formats import parse_row_format
from workbench.flops import Flops, step_flops
from workbench.models_report.liveness import Scratch, scratch
from workbench.networks import image_bytes_of, shapes_of
from workbench.sizes import FORMATS, Linears, Parameters, backbone_bytes, linears, parameters

SCHEMA = "refimpl.models/1"
SVD_RANKS = (8, 16, 32, 64, 128)
IMAGES = ("w8c", "w4c", "w4g32")
# The shallow schedule the paper compares full depth with.
SHALLOW = (1, 8)
KIB = 1024


@dataclass(frozen=True)
class PerBlock:
    """Parameters of one layer."""

    token_mixer: int
    channel_mixer: int


@dataclass(frozen=True)
class Calls:
    """Stack applications of one ACT step, by level (a TRM's H calls use its one stack)."""

    L: int
    H: int

    @property
    def total(self) -> int:
        return self.L + self.H


@dataclass(frozen=True)
class PuzzleTable:
    """Bytes of a table of more than one puzzle row, and of one row read from it."""

    rows: int
    fp32: int
    int8_codes: int
    int8_scales: int
    svd: dict[int, int]
    share_of_fp32: float
    row_fp32: int
    row_int8: int


@dataclass(frozen=True)
class Summary:
    """One configuration; ``macs`` and ``flops`` are of one ACT step, heads included."""

    name: str
    config: ModelConfig
    parameters: Parameters
    per_block: PerBlock
    linears: Linears
    backbone: dict[str, int]
    images: dict[str, int]
    calls: Calls
    macs: int
    attention_macs: int
    flops: Flops
    scratch: Scratch
    shallow_macs: int
    puzzle_table: PuzzleTable | None

    @property
    def depth_ratio(self) -> float:
        """H cycles of a puzzle over those of the shallow schedule: the paper's pure depth ratio."""
        H_cycles, steps = SHALLOW
        return self.config.H_cycles * self.config.halt_max_steps / (H_cycles * steps)


def _calls(step: CountedStep) -> Calls:
    levels = [counted.call.level for counted in step.calls]
    return Calls(levels.count("L"), levels.count("H"))


def _macs(step: CountedStep) -> int:
    return step.counts.macs + step.counts.attention_macs


def _puzzle_table(config: ModelConfig) -> PuzzleTable | None:
    rows, hidden = config.num_puzzle_identifiers, config.hidden_size
    if not config.puzzle_emb_len or rows == 1:
        return None
    fp32, int8 = parse_row_format("fp32"), parse_row_format("int8")
    size = fp32.file_bytes(rows, hidden)
    codes = rows * int8.record(hidden)["codes"].itemsize
    return PuzzleTable(
        rows=rows,
        fp32=size,
        int8_codes=codes,
        int8_scales=int8.file_bytes(rows, hidden) - codes,
        svd={r: parse_row_format(f"svd{r}").file_bytes(rows, hidden) for r in SVD_RANKS if r <= hidden},
        share_of_fp32=size / (size + backbone_bytes(config, FORMATS["fp32"])),
        row_fp32=fp32.row_bytes(hidden),
        row_int8=int8.row_bytes(hidden),
    )


def summarise(name: str, config: ModelConfig) -> Summary:
    """Count one configuration (no weights are needed)."""
    step = count_step(config)
    counted, network = parameters(config), shapes_of(name)
    blocks = config.L_layers + config.H_layers
    H_cycles, steps = SHALLOW
    return Summary(
        name=name,
        config=config,
        parameters=counted,
        per_block=PerBlock(counted.token_mixers // blocks, counted.channel_mixers // blocks),
        linears=linears(config),
        backbone={fmt: backbone_bytes(config, bits) for fmt, bits in FORMATS.items()},
        images={text: image_bytes_of(network, parse_format(text), config) for text in IMAGES},
        calls=_calls(step),
        macs=_macs(step),
        attention_macs=step.counts.attention_macs,
        flops=step_flops(step),
        scratch=scratch(step),
        shallow_macs=steps * _macs(count_step(replace(config, H_cycles=H_cycles))),
        puzzle_table=_puzzle_table(config),
    )


def to_json(summary: Summary) -> dict[str, Any]:
    """Plain data; bytes, operations and parameters are exact integers."""
    s, config = summary, summary.config
    steps = config.halt_max_steps
    H_cycles, shallow_steps = SHALLOW
    return {
        "name": s.name,
        "family": config.family,
        "task": config.task,
        "positions": {"task": config.seq_len, "prefix": config.puzzle_emb_len, "total": config.positions},
        "vocabulary": config.vocab_size,
        "hidden": config.hidden_size,
        "position_code": config.pos_encodings,
        "depth": {"H_cycles": config.H_cycles, "L_cycles": config.L_cycles, "act_steps": steps},
        "layers": {"L": config.L_layers, "H": config.H_layers},
        "parameters": {**asdict(s.parameters), "total": s.parameters.total},
        "parameters_per_block": asdict(s.per_block),
        "linears": asdict(s.linears),
        "bytes": {
            "backbone": s.backbone,
            "image": s.images,
            "puzzle_table": None if s.puzzle_table is None else asdict(s.puzzle_table),
        },
        "calls": {
            "act_step": {**asdict(s.calls), "total": s.calls.total},
            "puzzle": {"L": s.calls.L * steps, "H": s.calls.H * steps, "total": s.calls.total * steps},
        },
        "macs": {"act_step": s.macs, "act_step_attention": s.attention_macs, "puzzle": s.macs * steps},
        "flops": {
            "act_step": asdict(s.flops),
            "puzzle": {key: value * steps for key, value in asdict(s.flops).items()},
        },
        "scratch_bytes": asdict(s.scratch),
        "shallow": {"H_cycles": H_cycles, "act_steps": shallow_steps, "macs": s.shallow_macs,
                    "depth_ratio": s.depth_ratio},
    }  # fmt: skip
