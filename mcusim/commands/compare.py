"""``mcusim compare A.json B.json``: two JSON reports of one kind, number by number."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from refimpl.errors import InputError
from workbench.command_line import examples
from workbench.files.inputs import read_json
from workbench.render.grid import Grid
from workbench.render.sheet import Sheet, add_format, show

LONGEST_TEXT = 200
SCHEMA = "mcusim-compare/2"
Value = float | int | str | bool | tuple[float, float] | None
FIRST = ("subject", "fits", "inside", "missing", "refusal", "puzzle", "all_puzzles", "total", "budget",
         "regions")  # fmt: skip
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


@dataclass(frozen=True)
class Moved:
    """A fact that differs.  ``first`` and ``second`` are values or, of estimates, (low, high); what only one
    report has stands in one row, whatever it holds."""

    fact: str
    first: Value
    second: Value

    @property
    def change(self) -> float | None:
        """Relative change of a number, of the high end of an estimate; None where there is none."""
        ends = [value[1] if isinstance(value, tuple) else value for value in (self.first, self.second)]
        numbers = [end for end in ends if isinstance(end, (int, float)) and not isinstance(end, bool)]
        return numbers[1] / numbers[0] - 1 if len(numbers) == 2 and numbers[0] else None


def moved(first: Any, second: Any, path: str = "") -> Iterator[Moved]:
    """Every fact below ``path`` that differs, in the order of the reports."""
    if first == second:
        return
    sides = [_children(side) for side in (first, second)]
    if None in sides or not all(sides):
        yield Moved(path, _value(first), _value(second))
        return
    left, right = (side or {} for side in sides)
    for key in {**left, **right}:
        if key not in SKIPPED:
            below = f"{path}/{key}" if path else key
            yield from moved(left.get(key), right.get(key), below)


def _children(node: Any) -> dict[str, Any] | None:
    """What is below an object or a list; None for a value, an estimate included."""
    if isinstance(node, dict) and set(node) != {"low", "high"}:
        return node
    if isinstance(node, list) and all(isinstance(item, (dict, list)) for item in node):
        return dict(_named(node))
    return None


def _value(node: Any) -> Value:
    if isinstance(node, dict):
        return (node["low"], node["high"]) if set(node) == {"low", "high"} else f"{len(node)} facts"
    return f"{len(node)} values" if isinstance(node, list) else node


def _facts(node: Any) -> int:
    """How many values a report has that are compared."""
    below = _children(node)
    return 1 if below is None else sum(_facts(value) for key, value in below.items() if key not in SKIPPED)


def parted(first: dict[str, Any], second: dict[str, Any]) -> tuple[str, ...]:
    """Where the states of two runs part: the first H cycle with another checksum."""
    states = [[row.get("crc32_H") for row in report.get("cycles", ()) if isinstance(row, dict)]
              for report in (first, second)]  # fmt: skip
    if not all(states) or None in (*states[0], *states[1]):
        return ()
    for cycle, (a, b) in enumerate(zip(*states, strict=False), 1):
        if a != b:
            return (f"z_H is the same up to H cycle {cycle - 1} and differs from H cycle {cycle} on.",)
    return (f"z_H is the same in all {min(map(len, states))} H cycles that both ran.",)


def _cell(value: Value) -> str:
    if value is None:
        return "-"
    if isinstance(value, tuple):
        return f"{value[0]:.4g} - {value[1]:.4g}"
    if isinstance(value, (bool, str)):
        return _cut(str(value))
    return f"{value:,}" if isinstance(value, int) else f"{value:.6g}"


def _cut(text: str) -> str:
    """A text of a table, which has no room for more than a few lines."""
    return text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}..."


def run(args: argparse.Namespace) -> int:
    first, second = read_report(args.first), read_report(args.second)
    if first["schema"] != second["schema"]:
        raise InputError(
            f"{args.first} is {first['schema']} and {args.second} is {second['schema']}; "
            "compare two reports of one command and version."
        )
    found = sorted(moved(first, second), key=_weight)
    rows = tuple(
        (_cut(one.fact.replace("/", " ")), _cell(one.first), _cell(one.second),
         "" if one.change is None else f"{100 * one.change:+.2f} %")
        for one in found
    )  # fmt: skip
    # Equal names would make two columns look alike.
    names = [args.first.stem, args.second.stem]
    if names[0] == names[1]:
        names = [str(args.first), str(args.second)]
    grid = Grid("what moved", ("fact", *names, "change"), rows, folded=(0, 1, 2))
    same = max(0, _facts(first) - len(found))
    data = {"schema": SCHEMA, "of": first["schema"], "same": same,
            "moved": [{"fact": m.fact, "first": m.first, "second": m.second, "change": m.change}
                      for m in found]}  # fmt: skip
    told = f"{len(found)} facts moved; rows of cycles and tokens are left out."
    sentences = (*parted(first, second), told)
    show(Sheet(f"mcusim compare · {first['schema']}", (grid,), sentences, data), args)
    return 0


def _weight(one: Moved) -> tuple[int, float]:
    """What a report is asked for first; then by how far it moved."""
    rank = next((i for i, name in enumerate(FIRST) if one.fact.startswith(name)), len(FIRST))
    return rank, -abs(one.change or 0.0)
