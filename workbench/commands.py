"""The commands ``calibrate`` and ``quantize``."""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console

from refimpl import fast
from refimpl.errors import InputError
from refimpl.fixedpoint import ROUNDINGS
from refimpl.models.limits import beyond, remarks
from refimpl.quantize.bounds import prove
from refimpl.quantize.calibrate import calibrate
from workbench import stopping
from workbench.calibrations import write_calibration
from workbench.command_line import examples, number
from workbench.datasets.read import add_data, read_data
from workbench.fidelity import Reading
from workbench.files.outputs import write_file
from workbench.lab.second_order import CLIP_PUZZLES, clipped_activations
from workbench.networks import Network, find_network
from workbench.render.grid import Grid, drawn
from workbench.tasks.sets import CALIBRATION_PUZZLES, PuzzleSet, calibration_set


def add_calibrate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("network", help="shipped network or folder with config.json and weights.npz")
    parser.add_argument("--out", type=Path, help="file to write (default: beside the weights)")
    add_data(parser)
    parser.add_argument("--puzzles", type=number, metavar="N", help=f"the first N puzzles of --data (default "
                        f"{CALIBRATION_PUZZLES}, or all there are)")  # fmt: skip
    parser.add_argument("--absmax", action="store_true", help="whole ranges, as the published +a8, instead "
                        "of ranges cut to the least squared rounding error at 8 bits")  # fmt: skip
    parser.add_argument("--stop", metavar="FORMATS", help="instead of ranges: the t of stop rules for these "
                        "weight formats, comma separated")  # fmt: skip
    examples(parser, "my-network", "my-network --stop w8c,w4c",
             "my-network --data puzzles.npz --absmax --out calibration.json")


def run_calibrate(args: argparse.Namespace) -> int:
    """Run the float model over the calibration set at full depth and store the range of every site."""
    network = find_network(args.network)
    if not network.trained:
        raise InputError(f"{network.name} has seeded weights; only trained networks store a calibration.")
    puzzles = _calibration_puzzles(network, args.data, args.puzzles)
    if args.stop is not None:
        return _calibrate_stop(network, args.stop.split(","), puzzles, args.out)
    target = args.out or network.calibration_path
    ids = puzzles.puzzle_ids
    calibration = calibrate(network.float_model, puzzles.inputs, ids, puzzles.origin)
    if not args.absmax:
        few = puzzles.rows(0, CLIP_PUZZLES, puzzles.origin)
        calibration = clipped_activations(network.float_model, few.inputs, calibration, few.puzzle_ids)
    assert isinstance(target, Path)
    write_calibration(calibration, target, network.digest)
    print(f"{target}: {len(calibration.absmax)} sites from {calibration.source}.")
    return 0


def _calibrate_stop(network: Network, formats: list[str], puzzles: PuzzleSet, out: Path | None) -> int:
    """Find t of each format and keep it beside those that are there."""
    target = out or network.thresholds_path
    assert target is not None
    kept = stopping.read(target, network.digest)
    labelled = stopping.labelled_set(network.config, puzzles)
    for fmt in formats:
        found = kept[fmt] = stopping.find(Reading(fast, network.integer_model(fmt)), puzzles, labelled)
        print(f"{network.name} {fmt}: t = {found.labelled} with labels, {found.free} without.")
        stopping.write(target, network.digest, kept)
    return 0


def _calibration_puzzles(network: Network, data: str | None, count: int | None) -> PuzzleSet:
    if data is None:
        if count is not None:
            raise InputError("--puzzles counts those of --data FILE; the project's own calibration set is "
                             "one.")
        return calibration_set(network.config)
    if count is not None:
        return read_data(data, network.config, count, "train")
    found = read_data(data, network.config, None, "train")
    taken = min(len(found.inputs), CALIBRATION_PUZZLES)
    return found.rows(0, taken, f"{data}, first {taken} puzzles")


def add_quantize(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("network", help="shipped network, folder, or preset (seeded weights)")
    parser.add_argument("output", type=Path, help="flash image to write")
    parser.add_argument("--weights", default="w4c", help="weight format (default w4c)")
    parser.add_argument("--rounding", choices=ROUNDINGS, default="double", help="requantization rule")
    parser.add_argument("--bounds", action="store_true", help="print the proved bound of every accumulator")
    examples(parser, "sudoku9-mlp out.img", "sudoku9-mlp out.img --weights w8c --bounds")


def run_quantize(args: argparse.Namespace) -> int:
    """Lower, prove the accumulator bounds, write the image."""
    network = find_network(args.network)
    too_large = beyond(network.config, "integer")
    if too_large:
        raise InputError(f"{args.network}: {'; '.join(too_large)}.")
    image = network.image(args.weights, args.rounding)
    write_file(args.output, image)
    print(f"{args.output}: {len(image):,} bytes, {args.weights}, {args.rounding} rounding.")
    for remark in remarks(network.config):
        print(remark)
    if args.bounds:
        rows = []
        for b in prove(network.integer_model(args.weights, args.rounding)):
            share = f"{100 * b.largest / b.limit:.3g} %"
            rows.append((b.site, b.what, f"{b.largest:,}", f"{b.limit:,}", share))
        headings = ("site", "accumulator", "largest", "limit", "share")
        Console().print(drawn(Grid("proved bounds", headings, tuple(rows), left=2)))
    return 0
