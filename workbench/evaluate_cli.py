"""The command ``evaluate``: accuracy of networks, and what their cards state of it."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress

from refimpl.errors import InputError
from refimpl.formats import as_format
from refimpl.models.config import ModelConfig
from workbench import accuracies
from workbench.cards import Stated, entry, state, stated
from workbench.checkpoints import list_networks
from workbench.command_line import examples, number
from workbench.content import BFLOAT16, FLOAT, content_key
from workbench.datasets.read import add_data, read_data
from workbench.evaluate import Stopping, Tally, measure, program
from workbench.evaluation_log import Log, held
from workbench.executors import add_scheduler, asked_cluster
from workbench.networks import DEFAULT_NETWORK, Network, find_network
from workbench.render.grid import Grid, percent
from workbench.render.sheet import Sheet, add_format, show
from workbench.sizes import parameters
from workbench.tasks.metrics import copy_floor
from workbench.tasks.sets import HeldOut, PuzzleSet, at_least_one, evaluation_set, side_of
from workbench.tasks.significance import wilson_interval
from workbench.tasks.task import TOKENS, task_of

SCHEMA, LIST_SCHEMA = "refimpl.evaluate/1", "refimpl.networks/1"
TABLE_FORMATS = "float,w8c,w4c,w4t"
SHOWN_POSITIONS = 8
EVALUATED = 256  # puzzles where only a number of givens is asked for


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("networks", nargs="*", default=[DEFAULT_NETWORK], help=f"default {DEFAULT_NETWORK}")
    parser.add_argument("--list", action="store_true", help="list the shipped networks with their cards")
    parser.add_argument("--formats", help=f"number formats, comma separated, default {TABLE_FORMATS}")
    parser.add_argument("--puzzles", type=number, help="so many of the set that the network's card names "
                        "first, or newly generated ones where it names none (default: the 256 shipped "
                        "9x9 Sudokus, or as many generated puzzles)")  # fmt: skip
    parser.add_argument("--givens", type=number, help="generated Sudokus with so many givens")
    parser.add_argument("--card", action="store_true", help="measure the float network and write the figure "
                        "into its config.json; needs --givens and --puzzles")  # fmt: skip
    add_data(parser)
    parser.add_argument("--resume", type=Path, metavar="LOG", help="keep finished batches in this file, and "
                        "take those over that it holds")  # fmt: skip
    parser.add_argument("--H-cycles", type=number, help="H cycles an ACT step (default: the network's)")
    parser.add_argument("--steps", type=number, help="ACT steps (default: the network's)")
    parser.add_argument("--stop", default="fixed", help="stop rule, such as head+settled or settled,t=90 "
                        "(default fixed: all steps)")  # fmt: skip
    parser.add_argument("--threads", type=number, default=2)
    add_scheduler(parser)
    parser.add_argument("--keep", action="store_true", help="keep the figures beside the weights, where "
                        "'mcusim run' finds them")  # fmt: skip
    add_format(parser)
    examples(parser, "--list", "sudoku9-mlp sudoku9-att", "maze10-att --puzzles 1000 --formats float,w8c",
             "my-network --data puzzles.csv --formats float,w8c,w4c --resume log.jsonl")  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Puzzle-exact and cell accuracy, one row a network and format; 1 where a card does not hold."""
    if args.list:
        show(_cards_sheet(), args)
        return 0
    if args.card:
        return _state(args)
    if args.keep and (args.puzzles, args.givens, args.data) != (None, None, None):
        raise InputError("--keep is for the evaluation set that 'mcusim run' asks for: leave --puzzles, "
                         "--givens and --data away.")
    rows = _measured(args)
    show(_sheet(rows), args)
    return 0 if all(row.get("agrees_with_card", True) for row in rows) else 1


def _trained(name: str) -> Network:
    network = find_network(name)
    if not network.trained:
        raise InputError(f"{name}: accuracy n/a (untrained weights).")
    return network


def _cards(network: Network) -> Sequence[Stated]:
    """What the card states of sets that can be drawn again."""
    return () if network.folder is None else [one for one in stated(network.folder) if one.held_out]


def _puzzles(
    network: Network, count: int | None, givens: int | None, data: str | None
) -> tuple[PuzzleSet, Stated | None]:
    """The puzzles to evaluate on, and what the network's card states of that set."""
    if data is not None:
        if givens is not None:
            raise InputError(f"--givens {givens} draws puzzles, and --data names a file of them: leave one "
                             "away.")
        found = read_data(data, network.config, count)
        if not found.labelled:
            raise InputError(f"{data}: accuracy n/a (no labels in it).")
        return found, None
    if givens is not None and network.config.task != "sudoku":
        raise InputError(f"--givens {givens}: {network.name} solves no Sudokus.")
    if givens is None and count is None:
        return evaluation_set(network.config), None
    cards = [card for card in _cards(network) if card.held_out and givens in (None, card.held_out.givens)]
    if givens is None and not cards:
        return evaluation_set(network.config, count), None
    held_out = (cards[0].held_out if cards else None) or HeldOut(givens=givens)
    drawn = held_out.draw(side_of(network.config), EVALUATED if count is None else at_least_one(count))
    return drawn, cards[0] if cards else None


def _measured(args: argparse.Namespace) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    aside = Console(stderr=True)
    with asked_cluster(args) as executor, held(args.resume), Progress(
        transient=True, console=aside, disable=not aside.is_terminal
    ) as progress:
        for name in args.networks:
            network = _trained(name)
            puzzles, card = _puzzles(network, args.puzzles, args.givens, args.data)
            floor = copy_floor(puzzles.inputs, puzzles.labels)
            for fmt in (args.formats or TABLE_FORMATS).split(","):
                runner = program(network, fmt, args.H_cycles, args.steps, args.stop)
                task = progress.add_task(f"{name} {fmt}", total=len(puzzles.inputs))
                log = Log(args.resume, content_key(network, fmt, runner.model.config, puzzles))
                parts = log.done()
                note = partial(_note, log, parts)
                found = measure(runner, puzzles, args.threads, partial(progress.advance, task), dict(parts),
                                note, executor)  # fmt: skip
                if args.keep:
                    _keep(network, fmt, runner.model.config, puzzles, parts)
                right = found.score
                if not aside.is_terminal:
                    aside.print(f"{name} {fmt}: {right.exact_right} of {right.puzzles} exact")
                rows.append({
                    "network": name, "task": task_of(network.config).name, "format": fmt,
                    "exact": right.exact, "low": found.interval.low, "high": found.interval.high,
                    "cell": right.cell, "copy_floor_cell": floor.cell,
                    "puzzles": right.puzzles, "origin": puzzles.origin, "positions": found.positions,
                    "H_cycles": runner.model.config.H_cycles, "steps": runner.model.config.halt_max_steps,
                })  # fmt: skip
                if found.stopping is not None:
                    rows[-1] |= {"stop": str(runner.model.config.stop), **_stopped(found.stopping)}
                if card is not None and fmt == FLOAT and runner.model.config == network.config:
                    rows[-1] |= {"card": _figure(card), "agrees_with_card": card.agrees(found)}
    return rows


def _note(log: Log, parts: dict[int, Tally], start: int, part: Tally) -> None:
    log.append(start, part)
    parts[start] = part


def _keep(
    network: Network, fmt: str, config: ModelConfig, puzzles: PuzzleSet, parts: dict[int, Tally]
) -> None:
    path = accuracies.path_of(network)
    assert path is not None  # trained networks lie in folders
    content = accuracies.content_of(network, fmt, config.stop.by)
    spelled = fmt if fmt in (FLOAT, BFLOAT16) else str(as_format(fmt))
    ordered = [parts[start] for start in sorted(parts)]
    accuracies.keep(path, accuracies.kept_of(content, spelled, config, puzzles, ordered))


def _stopped(found: Stopping) -> dict[str, Any]:
    return {"mean_steps": found.mean_steps, "steps_histogram": found.steps, "accepted": found.accepted,
            "accepted_wrong": found.accepted_wrong, "withheld_right": found.withheld_right}  # fmt: skip


def _figure(card: Stated) -> str:
    interval = f"[{100 * card.low:.1f}, {100 * card.high:.1f}]"
    return f"{100 * card.exact:.1f} {interval}, {card.puzzles:,} puzzles, {card.name}"


def _sheet(rows: Sequence[dict[str, Any]]) -> Sheet:
    cells = tuple(
        (row["network"], row["format"], percent(row["exact"]),
         f"[{100 * row['low']:.1f}, {100 * row['high']:.1f}]", percent(row["cell"]))
        for row in rows
    )  # fmt: skip
    grid = Grid("puzzle-exact and cell accuracy", ("network", "format", "exact %", "95 %", "cell %"), cells,
                "integer rows: weights x int8 activations, int16 carry, integer-exact; float: float32; "
                "[ ]: 95 % Wilson interval", left=2)  # fmt: skip
    sentences = []
    for origin, floor in dict.fromkeys((row["origin"], row["copy_floor_cell"]) for row in rows):
        on = ", ".join(dict.fromkeys(row["network"] for row in rows if row["origin"] == origin))
        sentences.append(f"{on}: {origin}; copying the input scores {100 * floor:.2f} % of cells.")
    for row in rows:
        if row["task"] == TOKENS.name:
            by_position = _by_position(row["positions"])
            sentences.append(f"{row['network']} {row['format']}, by position: {by_position}.")
    for row in rows:
        if "stop" in row:
            wrong = wilson_interval(row["accepted_wrong"], row["accepted"]) if row["accepted"] else None
            share = "n/a" if wrong is None else f"95 % interval to {100 * wrong.high:.2f} %"
            sentences.append(
                f"{row['network']} {row['format']}, stop {row['stop']}: {row['mean_steps']:.2f} steps on "
                f"average, {row['accepted']} of {row['puzzles']} answers accepted, {row['accepted_wrong']} "
                f"of them wrong ({share}), {row['withheld_right']} right ones withheld."
            )
        if "card" in row:
            verdict = "this run agrees" if row["agrees_with_card"] else "this run DIFFERS by more than chance"
            sentences.append(f"{row['network']}: its card states {row['card']}; {verdict}.")
    return Sheet("refimpl evaluate", (grid,), tuple(sentences), {"schema": SCHEMA, "rows": list(rows)})


def _by_position(counts: Sequence[tuple[int, int]]) -> str:
    """Share right of each counted position, or of the worst where there are many."""
    shares = {at: 100 * right / total for at, (right, total) in enumerate(counts) if total}
    if len(shares) > SHOWN_POSITIONS:
        worst = sorted(shares, key=lambda at: shares[at])[:SHOWN_POSITIONS]
        return f"worst of {len(shares)}: " + ", ".join(f"{at}: {shares[at]:.1f} %" for at in worst)
    return ", ".join(f"{at}: {share:.1f} %" for at, share in shares.items())


def _state(args: argparse.Namespace) -> int:
    """Measure Sudoku networks that came without a figure, and write it into their cards."""
    if args.givens is None or args.puzzles is None:
        raise InputError("--card needs --givens and --puzzles: they name the set that the card states.")
    if (args.H_cycles, args.steps, args.formats, args.format) != (None, None, None, "text"):
        raise InputError("--card states the float network at its own depth: leave --H-cycles, --steps, "
                         "--formats and --format away.")
    held_out = HeldOut(givens=args.givens)
    for network in map(_trained, args.networks):
        if network.config.task != "sudoku" or network.folder is None:
            raise InputError(f"--card: {network.name} solves no Sudokus; 'training export' writes its card.")
        puzzles = held_out.draw(side_of(network.config), at_least_one(args.puzzles))
        entries = {puzzles.name: entry(puzzles, measure(program(network, FLOAT), puzzles, args.threads))}
        state(network.folder, entries)
        print(f"{network.name}: {json.dumps(entries)}")
    return 0


def _cards_sheet() -> Sheet:
    """Every shipped network with what its card states."""
    cells, data = [], []
    for network in map(find_network, list_networks()):
        assert network.folder is not None  # those that ship lie in folders
        config, figures = network.config, [_figure(card) for card in stated(network.folder)]
        mixer = "MLP" if config.mlp_t else f"Att {config.pos_encodings}"
        count = parameters(config).total
        kind, first = f"{config.family.upper()}-{mixer}", figures[0] if figures else "n/a"
        cells.append((network.name, kind, f"{count:,}", first))
        data.append({"network": network.name, "parameters": count, "cards": figures})
    headings = ("network", "model", "parameters", "exact %, as its card states")
    note = "float32, 95 % Wilson interval; --format json has every set of a card"
    grid = Grid("shipped networks", headings, tuple(cells), note, left=2, folded=(3,))
    return Sheet("refimpl evaluate --list", (grid,), (), {"schema": LIST_SCHEMA, "networks": data})
