"""The commands ``calibrate``, ``quantize`` and ``evaluate``."""

from __future__ import annotations

import argparse
import json
from functools import partial
from pathlib import Path
from typing import Any

from rich.box import SIMPLE
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from refimpl.checkpoints import list_networks, read_json, write_card
from refimpl.errors import InputError
from refimpl.evaluate import FLOAT, measure, predict, program
from refimpl.fixedpoint import ROUNDINGS
from refimpl.image import write_atomically
from refimpl.networks import DEFAULT_NETWORK, Network, find_network
from refimpl.quantize.bounds import prove
from refimpl.quantize.calibrate import calibrate
from refimpl.sizes import parameters
from refimpl.tasks.metrics import copy_floor, score
from refimpl.tasks.sets import HeldOut, PuzzleSet, Stated, at_least_one, calibration_set, evaluation_set
from refimpl.tasks.significance import wilson_interval

TABLE_FORMATS = "float,w8c,w4c,w4t"


def add_calibrate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("network", help="shipped network or folder with config.json and weights.npz")
    parser.add_argument("--out", type=Path, help="file to write (default: beside the weights)")


def run_calibrate(args: argparse.Namespace) -> int:
    """Run the float model over the calibration set at full depth and store absmax of every site."""
    network = find_network(args.network)
    if not network.trained:
        raise InputError(f"{network.name} has seeded weights; only trained networks store a calibration.")
    puzzles = calibration_set(network.config)
    target = args.out or network.calibration_path
    calibration = calibrate(network.float_model, puzzles.inputs, source=puzzles.origin)
    assert isinstance(target, Path)
    calibration.save(target)
    print(f"{target}: {len(calibration.absmax)} sites from {calibration.source}.")
    return 0


def add_quantize(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("network", help="shipped network, folder, or preset (seeded weights)")
    parser.add_argument("output", type=Path, help="flash image to write")
    parser.add_argument("--weights", default="w4c", help="weight format (default w4c)")
    parser.add_argument("--rounding", choices=ROUNDINGS, default="double", help="requantization rule")
    parser.add_argument("--bounds", action="store_true", help="print the proved bound of every accumulator")


def run_quantize(args: argparse.Namespace) -> int:
    """Lower, prove the accumulator bounds, write the image."""
    network = find_network(args.network)
    image = network.image(args.weights, args.rounding)
    write_atomically(args.output, image)
    print(f"{args.output}: {len(image):,} bytes, {args.weights}, {args.rounding} rounding.")
    if args.bounds:
        table = Table("site", "accumulator", "largest", "limit", "share")
        for b in prove(network.integer_model(args.weights, args.rounding)):
            share = f"{100 * b.largest / b.limit:.3g} %"
            table.add_row(b.site, b.what, f"{b.largest:,}", f"{b.limit:,}", share)
        Console().print(table)
    return 0


def add_evaluate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("networks", nargs="*", default=[DEFAULT_NETWORK], help=f"default {DEFAULT_NETWORK}")
    parser.add_argument("--list", action="store_true", help="list the shipped networks")
    parser.add_argument("--format", default=TABLE_FORMATS, help=f"comma separated, default {TABLE_FORMATS}")
    parser.add_argument("--puzzles", type=int, help="so many of the held-out set that the network's "
                        "card names first (default: the 256 shipped Sudokus, if they suit it)")  # fmt: skip
    parser.add_argument("--givens", type=int, help="generated Sudokus with so many givens instead")
    parser.add_argument("--card", action="store_true", help="write the float figure into the network's "
                        "config.json; needs --givens and --puzzles")  # fmt: skip
    parser.add_argument("--H-cycles", type=int, help="H cycles an ACT step (default: the network's)")
    parser.add_argument("--steps", type=int, help="ACT steps (default: the network's)")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", action="store_true", help="the same facts as JSON")


def _puzzles(network: Network, count: int | None, givens: int | None) -> tuple[PuzzleSet, Stated | None]:
    """The puzzles to evaluate on, and what the network's card states of that set."""
    side = round(network.config.seq_len**0.5)
    for card in network.stated:
        if count is not None and card.held_out is not None and givens in (None, card.held_out.givens):
            return card.held_out.draw(side, at_least_one(count)), card
    return evaluation_set(network.config, count, givens), None


def _state(args: argparse.Namespace) -> int:
    """Measure networks that came without a card's figure, and write it into their cards."""
    if not (args.givens and args.puzzles):
        raise InputError("--card needs --givens and --puzzles: they name the set that the card states.")
    for name in args.networks:
        network = find_network(name)
        if network.folder is None:
            raise InputError(f"{name}: accuracy n/a (untrained weights).")
        held_out = HeldOut(givens=args.givens)
        puzzles = held_out.draw(round(network.config.seq_len**0.5), args.puzzles)
        found = measure(network, puzzles, args.threads)
        card = read_json(network.folder / "config.json")
        card["held_out"] = {**card.get("held_out", {}), held_out.name: found.to_dict()}
        write_card(network.folder, card)
        print(f"{network.folder / 'config.json'}: {held_out.name} {json.dumps(found.to_dict())}")
    return 0


def _list(as_json: bool) -> int:
    """Every shipped network with what its card states."""
    networks = [find_network(name) for name in list_networks()]
    if as_json:
        cards = [{"network": n.name, "parameters": parameters(n.config).total,
                  "stated": [s.to_dict() for s in n.stated]} for n in networks]  # fmt: skip
        print(json.dumps(cards, indent=1))
        return 0
    table = Table(box=SIMPLE, caption="float32, 95 % Wilson interval; --json has every set")
    table.add_column("network", no_wrap=True)
    table.add_column("model", no_wrap=True)
    table.add_column("parameters", justify="right")
    table.add_column("exact %, as its card states")
    for network in networks:
        config = network.config
        mixer = "MLP" if config.mlp_t else f"Att {config.pos_encodings}"
        card = "n/a"
        for s in network.stated[:1]:
            assert s.held_out is not None
            card = rf"{100 * s.exact:.1f} \[{100 * s.low:.1f}, {100 * s.high:.1f}], {s.held_out.name}"
        table.add_row(network.name, f"{config.family.upper()}-{mixer}", f"{parameters(config).total:,}", card)
    Console().print(table)
    return 0


def run_evaluate(args: argparse.Namespace) -> int:
    """Puzzle-exact and cell accuracy, one row a network and format."""
    if args.list:
        return _list(args.json)
    if args.card:
        return _state(args)
    formats = args.format.split(",")
    rows: list[dict[str, Any]] = []
    aside = Console(stderr=True)
    with Progress(transient=True, console=aside, disable=not aside.is_terminal) as progress:
        for name in args.networks:
            network = find_network(name)
            if not network.trained:
                raise InputError(f"{name}: accuracy n/a (untrained weights).")
            puzzles, card = _puzzles(network, args.puzzles, args.givens)
            floor = copy_floor(puzzles.inputs, puzzles.labels)
            for fmt in formats:
                runner = program(network, fmt, args.H_cycles, args.steps)
                task = progress.add_task(f"{name} {fmt}", total=len(puzzles.inputs))
                answers = predict(runner, puzzles.inputs, args.threads, partial(progress.advance, task))
                right = score(answers, puzzles.labels)
                interval = wilson_interval(right.exact_right, right.puzzles)
                if not aside.is_terminal:
                    aside.print(f"{name} {fmt}: {right.exact_right} of {right.puzzles} exact")
                rows.append({
                    "network": name, "format": fmt, "exact": right.exact, "low": interval.low,
                    "high": interval.high, "cell": right.cell, "copy_floor_cell": floor.cell,
                    "puzzles": right.puzzles, "origin": puzzles.origin,
                    "H_cycles": runner.model.config.H_cycles, "steps": runner.model.config.halt_max_steps,
                })  # fmt: skip
                if card is not None and fmt == FLOAT and runner.model.config == network.config:
                    agrees = interval.low <= card.high and card.low <= interval.high
                    rows[-1] |= {"card": card.to_dict(), "agrees_with_card": agrees}
    if args.json:
        print(json.dumps(rows, indent=1))
        return 0
    table = Table(title="puzzle-exact and cell accuracy", caption="integer rows: weights x int8 activations, "
                  "int16 carry, integer-exact; float: float32; [ ]: 95 % Wilson interval")  # fmt: skip
    for heading in ("network", "format", "exact %", "95 %", "cell %"):
        table.add_column(heading, justify="left" if heading in ("network", "format") else "right")
    for row in rows:
        interval_text = f"[{100 * row['low']:.1f}, {100 * row['high']:.1f}]"
        table.add_row(row["network"], row["format"], f"{100 * row['exact']:.2f}",
                      interval_text.replace("[", r"\["), f"{100 * row['cell']:.2f}")  # fmt: skip
    console = Console()
    console.print(table)
    for origin, share in dict.fromkeys((row["origin"], row["copy_floor_cell"]) for row in rows):
        console.print(f"{origin}; copying the input scores {100 * share:.2f} % of cells.")
    for row in rows:
        if "card" in row:
            card = Stated.from_dict(row["card"])
            console.print(f"{row['network']}: its card states {100 * card.exact:.1f} % exact "
                          f"\\[{100 * card.low:.1f}, {100 * card.high:.1f}] on {card.puzzles} puzzles; this "
                          f"run {'agrees' if row['agrees_with_card'] else 'DIFFERS by more than chance'}.")
    return 0
