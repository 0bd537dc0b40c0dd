"""``mcusim compare A.json B.json``: two JSON reports of one kind, number by number."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from refimpl.errors import InputError
from workbench.command_line import examples
from workbench.files.inputs import read_json
from workbench.render.grid import Grid
from workbench.render.sheet import Sheet, add_format, show

LONGEST_TEXT = 200
SCHEMA = "mcusim-compare/1"
Scalar = float | int | str | bool | None
# Lists with a row for each element of a run are too long to compare line by line.
SKIPPED = ("cycles", "question", "label", "prediction")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("first", type=Path, help="a report written with --format json")
    parser.add_argument("second", type=Path, help="another of the same command")
    add_format(parser)
    examples(parser, "before.json after.json")


def read_report(path: Path) -> dict[str, Any]:
    """A JSON report of ours."""
    report = read_json(path, "the report")
    if not re.fullmatch(r"mcusim-[a-z-]{1,30}/\d{1,3}", str(report.data.get("schema", "")), re.ASCII):
        raise InputError(
            f"{path} is no report of mcusim: it has no schema mcusim-*; write one with --format json."
        )
    return dict(report.data)


def _named(rows: list[Any]) -> Iterator[tuple[str, Any]]:
    """Elements by what names them, so that rows in another order still meet."""
    for number, row in enumerate(rows):
        names = [row[key] for key in ("name", "deployment", "site", "op", "region", "what", "choices")
                 if isinstance(row, dict) and isinstance(row.get(key), str)]  # fmt: skip
        yield (names[0] if names else str(number)), row


def flat(node: Any, path: str = "") -> Iterator[tuple[str, Scalar]]:
    """Every scalar below ``node`` with its path."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key not in SKIPPED:
                yield from flat(value, f"{path}/{key}" if path else key)
    elif isinstance(node, list):
        for name, value in _named(node):
            yield from flat(value, f"{path}/{name}")
    else:
        yield path, node


def _cell(value: Scalar) -> str:
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return _cut(str(value))
    return f"{value:,}" if isinstance(value, int) else f"{value:.6g}"


def _cut(text: str) -> str:
    """A text of a table, which has no room for more than a few lines."""
    return text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}..."


def _change(first: Scalar, second: Scalar) -> str:
    numbers = [v for v in (first, second) if isinstance(v, (int, float)) and not isinstance(v, bool)]
    if len(numbers) < 2 or not numbers[0]:
        return ""
    return f"{100 * (numbers[1] / numbers[0] - 1):+.2f} %"


def run(args: argparse.Namespace) -> int:
    first, second = read_report(args.first), read_report(args.second)
    if first["schema"] != second["schema"]:
        raise InputError(
            f"{args.first} is {first['schema']} and {args.second} is {second['schema']}; "
            "compare two reports of one command and version."
        )
    left, right = dict(flat(first)), dict(flat(second))
    keys = [key for key in {**left, **right} if left.get(key) != right.get(key)]
    rows = tuple(
        (_cut(k), _cell(left.get(k)), _cell(right.get(k)), _change(left.get(k), right.get(k))) for k in keys
    )
    grid = Grid("what differs", ("fact", args.first.stem, args.second.stem, "change"), rows, folded=(0, 1, 2))
    same = sum(left[key] == right.get(key) for key in left)
    data = {"schema": SCHEMA, "of": first["schema"], "same": same,
            "differs": [{"fact": k, "first": left.get(k), "second": right.get(k)} for k in keys]}  # fmt: skip
    sentences = (f"{same} facts are equal, {len(keys)} differ (rows of cycles and tokens are left out).",)
    show(Sheet(f"mcusim compare · {first['schema']}", (grid,), sentences, data), args)
    return 0
