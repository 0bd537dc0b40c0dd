"""The model report: narrow tables, so that 80 columns are enough."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from workbench.models_report.summary import IMAGES, KIB, SCHEMA, SHALLOW, PuzzleTable, Summary, to_json
from workbench.render.grid import Grid
from workbench.render.sheet import Sheet

GIGA, MEGA = 1e9, 1e6
Column = tuple[str, Callable[[Summary], str]]


def _depth(s: Summary) -> str:
    return f"{s.config.H_cycles}/{s.config.L_cycles}/{s.config.halt_max_steps}"


def _layers(s: Summary) -> str:
    return f"{s.config.L_layers}+{s.config.H_layers}" if s.config.H_layers else f"{s.config.L_layers}"


def _calls(s: Summary, times: int) -> str:
    if s.config.family == "trm":
        return f"{s.calls.total * times}"
    return f"{s.calls.L * times}L+{s.calls.H * times}H"


def _kib(count: int) -> str:
    return f"{count / KIB:,.1f}"


SHAPES: tuple[Column, ...] = (
    ("T", lambda s: f"{s.config.positions}"),
    ("vocab", lambda s: f"{s.config.vocab_size}"),
    ("positions", lambda s: s.config.pos_encodings),
    ("H/L/n", _depth),
    ("layers", _layers),
    ("linears", lambda s: f"{s.linears.count}"),
    ("calls\nstep", lambda s: _calls(s, 1)),
    ("calls\npuzzle", lambda s: _calls(s, s.config.halt_max_steps)),
)
PARAMETERS: tuple[Column, ...] = (
    ("token\nmixers", lambda s: f"{s.parameters.token_mixers:,}"),
    ("channel\nmixers", lambda s: f"{s.parameters.channel_mixers:,}"),
    ("input\nrows", lambda s: f"{s.parameters.token_rows + s.parameters.position_rows:,}"),
    ("heads", lambda s: f"{s.parameters.lm_head + s.parameters.q_head:,}"),
    ("all", lambda s: f"{s.parameters.total:,}"),
)
BYTES: tuple[Column, ...] = (
    ("fp32\nbackbone", lambda s: _kib(s.backbone["fp32"])),
    ("INT8\nbackbone", lambda s: _kib(s.backbone["int8"])),
    ("INT4\nbackbone", lambda s: _kib(s.backbone["int4"])),
    *((f"{text}\nimage", lambda s, text=text: _kib(s.images[text])) for text in IMAGES),
)
WORK: tuple[Column, ...] = (
    ("GMAC\nstep", lambda s: f"{s.macs / GIGA:,.2f}"),
    ("GMAC\npuzzle", lambda s: f"{s.macs * s.config.halt_max_steps / GIGA:,.1f}"),
    ("GMAC\nH{} n{}".format(*SHALLOW), lambda s: f"{s.shallow_macs / GIGA:,.1f}"),
    ("MFLOP/step\npublished", lambda s: f"{s.flops.published / MEGA:,.3f}"),
    ("MFLOP/step\n+ attention", lambda s: f"{s.flops.with_attention / MEGA:,.3f}"),
)
SCRATCH: tuple[Column, ...] = (
    ("carry\nKiB", lambda s: _kib(s.scratch.carry)),
    ("whole operators\nKiB", lambda s: _kib(s.scratch.whole_operators)),
    ("peak at", lambda s: f"{s.scratch.peak_op}, {s.scratch.peak_site}"),
)


def _grid(title: str, note: str, columns: Sequence[Column], summaries: Sequence[Summary]) -> Grid:
    rows = tuple((s.name, *(cell(s) for _, cell in columns)) for s in summaries)
    return Grid(f"{title}: {note}", ("", *(heading for heading, _ in columns)), rows)


def _puzzle_table(name: str, p: PuzzleTable) -> str:
    svd = ", ".join(f"r{rank} {_kib(size)}" for rank, size in p.svd.items())
    return (
        f"Puzzle table of {name}, {p.rows:,} rows, outside the counts above: fp32 {p.fp32:,} B "
        f"({p.fp32 / KIB**2:.2f} MiB, {p.share_of_fp32:.0%} of the fp32 model; one row {p.row_fp32:,} B); "
        f"INT8 {_kib(p.int8_codes)} KiB + {_kib(p.int8_scales)} KiB of scales (one row {p.row_int8:,} B); "
        f"SVD {svd} KiB."
    )


def sheet(summaries: Sequence[Summary]) -> Sheet:
    """The whole report."""
    grids = (
        _grid("Shapes", "H cycles / L cycles / ACT steps", SHAPES, summaries),
        _grid("Parameters", "published count: no puzzle rows, no H/L init", PARAMETERS, summaries),
        _grid("KiB", "backbone: parameters x bits / 8; image: the file", BYTES, summaries),
        _grid("Work", "attention products in GMAC and in the last column only", WORK, summaries),
        _grid("Scratch, at least", "between calls; and without tiling or fusion", SCRATCH, summaries),
    )
    tables = tuple(_puzzle_table(s.name, s.puzzle_table) for s in summaries if s.puzzle_table is not None)
    data = {"schema": SCHEMA, "models": [to_json(s) for s in summaries]}
    return Sheet("refimpl models", grids, tables, data)
