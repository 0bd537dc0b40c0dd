"""``python -m refimpl embeddings make | info | row``: tables on disk."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from refimpl.float_params import input_scale
from workbench.command_line import examples, number
from workbench.embeddings.formats import NAMES, parse_row_format
from workbench.embeddings.quality import cosines, table_source
from workbench.embeddings.table import open_table
from workbench.embeddings.write import from_network, seeded_source, write_table
from workbench.presets import preset
from workbench.render.grid import Grid
from workbench.render.sheet import Sheet, add_format, show

SCHEMA = "refimpl.embeddings/1"
DEFAULT_PRESET = "trm-att-arc"
DEFAULT_RANKS = (8, 16, 32, 64, 128)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the three actions of ``embeddings``."""
    actions = parser.add_subparsers(dest="action", required=True)
    make = actions.add_parser("make", help="write a table file, seeded or from a checkpoint")
    make.add_argument("output", metavar="OUT", type=Path)
    make.add_argument("--rows-format", default="fp32", help=f"one of {', '.join(NAMES)} (any rank)")
    make.add_argument("--preset", default=DEFAULT_PRESET, help="model the rows are for (%(default)s)")
    make.add_argument("--rows", type=number, help="number of seeded rows (default: the preset's)")
    make.add_argument("--seed", type=number, default=0)
    make.add_argument("--from", dest="network", help="take the rows of this network (folder or checkpoint)")
    info = actions.add_parser("info", help="what a table holds and, of fp32 rows, what formats would lose")
    info.add_argument("table", metavar="TABLE", type=Path)
    info.add_argument("--ranks", type=number, nargs="*", default=list(DEFAULT_RANKS), help="SVD ranks")
    row = actions.add_parser("row", help="read one row, as a run does, and log the read")
    row.add_argument("table", metavar="TABLE", type=Path)
    row.add_argument("index", metavar="ROW", type=number)
    for action in (info, row):
        add_format(action)
    examples(parser, "make arc.table --rows 1000 --rows-format int8", "info arc.table", "row arc.table 7")


def run(args: argparse.Namespace) -> int:
    """Do the chosen action; errors rise as :class:`refimpl.errors.InputError`."""
    if args.action == "make":
        return _make(args)
    facts = _info(args) if args.action == "info" else _row(args)
    show(_sheet(args.action, facts), args)
    return 0


def _make(args: argparse.Namespace) -> int:
    config = preset(args.preset)
    if args.network is not None:
        config, source = from_network(args.network)
    else:
        rows = config.num_puzzle_identifiers if args.rows is None else args.rows
        source = seeded_source(rows, config.hidden_size, args.seed)
    meta = write_table(args.output, source, parse_row_format(args.rows_format), input_scale(config))
    shape = f"{meta.rows:,} rows of {meta.hidden} as {meta.format}"
    print(f"{args.output}: {shape}, {args.output.stat().st_size:,} bytes ({meta.label}).")
    return 0


def _info(args: argparse.Namespace) -> dict[str, Any]:
    table = open_table(args.table)
    meta, fmt = table.meta, table.format
    facts: dict[str, Any] = {
        **asdict(meta),
        "bytes": fmt.file_bytes(meta.rows, meta.hidden),
        "row_bytes": fmt.row_bytes(meta.hidden),
        "shared_bytes": fmt.shared_bytes(meta.hidden),
    }
    if fmt.kind == "fp32":
        ranks = tuple(rank for rank in args.ranks if rank <= meta.hidden)
        facts["formats"] = [
            {**asdict(c), "bytes": parse_row_format(c.format).file_bytes(meta.rows, meta.hidden)}
            for c in cosines(table_source(table), ranks)
        ]
    return facts


def _row(args: argparse.Namespace) -> dict[str, Any]:
    table = open_table(args.table)
    values = table.values(args.index)
    return {
        "label": table.meta.label,
        "row": args.index,
        "length": float(np.linalg.norm(values.astype(np.float64))),
        "first_values": values[:4].tolist(),
        "reads": [asdict(read) for read in table.reads],
    }


def _sheet(action: str, facts: dict[str, Any]) -> Sheet:
    lists = [key for key in ("formats", "reads") if key in facts]
    single = [
        (key.replace("_", " "), ", ".join(map(_text, value)) if isinstance(value, list) else _text(value))
        for key, value in facts.items() if key not in lists
    ]  # fmt: skip
    grids = [Grid("table", ("fact", "value"), tuple(single), left=2, folded=(1,))]
    for key in lists:
        rows = tuple(tuple(map(_text, entry.values())) for entry in facts[key])
        grids.append(Grid(f"{key} ({facts['label']})", tuple(facts[key][0]), rows))
    return Sheet(f"refimpl embeddings {action}", tuple(grids), (), {"schema": SCHEMA, **facts})


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.5f}"
    if value is None:
        return "shared"
    return f"{value:,}" if isinstance(value, int) else str(value)
