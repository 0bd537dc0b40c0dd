"""The commands ``calibrate`` and ``quantize``."""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console

from refimpl import fast
from refimpl.errors import InputError
from refimpl.formats import as_format, parse_format
from refimpl.quantize.bounds import prove
from workbench import codes, stopping
from workbench.api import calibrate, calibration_puzzles, load, quantize, save_calibration
from workbench.command_line import examples, number
from workbench.datasets.read import add_data
from workbench.fidelity import Reading
from workbench.files.outputs import write_file
from workbench.format_flags import add_format_flags, stated_format
from workbench.lab.second_order import CLIP_PUZZLES, codes_of, input_moments
from workbench.limits import remarks
from workbench.networks import Network
from workbench.render.grid import Grid, drawn
from workbench.tasks.sets import CALIBRATION_PUZZLES, PuzzleSet


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
    parser.add_argument("--codes", metavar="FORMATS", help="instead of ranges: codes by error feedback for "
                        "these weight formats, comma separated, which every command then takes")  # fmt: skip
    examples(parser, "my-network", "my-network --stop w8c,w4c", "my-network --codes w4c",
             "my-network --data puzzles.npz --absmax --out calibration.json")


def run_calibrate(args: argparse.Namespace) -> int:
    """Run the float model over the calibration set at full depth and store the range of every site."""
    network = load(args.network)
    if args.stop is not None:
        puzzles = calibration_puzzles(network, args.data, args.puzzles)
        formats = [str(as_format(name)) for name in args.stop.split(",")]
        return _calibrate_stop(network, formats, puzzles, args.out)
    if args.codes is not None:
        puzzles = calibration_puzzles(network, args.data, args.puzzles)
        return _calibrate_codes(network, args.codes.split(","), puzzles, args.out)
    network = calibrate(network, args.data, args.puzzles, args.absmax)
    target = save_calibration(network, args.out)
    print(f"{target}: {len(network.calibration.absmax)} sites from {network.calibration.source}.")
    return 0


def _calibrate_stop(network: Network, formats: list[str], puzzles: PuzzleSet, out: Path | None) -> int:
    """Find t of each format and keep it beside those that are there."""
    target = out or network.thresholds_path
    if target is None:
        raise InputError(f"{network.name} lies in no folder; name the file with --out.")
    kept = stopping.read(target, network.digest)
    labelled = stopping.labelled_set(network.config, puzzles)
    for fmt in formats:
        found = kept[fmt] = stopping.find(Reading(fast, network.integer_model(fmt)), puzzles, labelled)
        print(f"{network.name} {fmt}: t = {found.labelled} with labels, {found.free} without.")
        stopping.write(target, network.digest, kept)
    return 0


def _calibrate_codes(network: Network, formats: list[str], puzzles: PuzzleSet, out: Path | None) -> int:
    """Find codes of each weight format by error feedback and keep them beside those that are there."""
    target = out or (None if network.folder is None else network.folder / codes.FILE)
    if target is None:
        raise InputError(f"{network.name} lies in no folder; name the file with --out.")
    kept = dict(network.codes)
    model = network.float_model
    moments = input_moments(model, puzzles.inputs[:CLIP_PUZZLES])
    for fmt in map(parse_format, formats):
        kept[codes.weights_of(fmt)] = codes_of(model, fmt, "feedback", moments)
    codes.write(target, network.digest, kept)
    print(f"{target}: codes of {', '.join(kept)}.")
    return 0


def add_quantize(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("network", help="shipped network, folder, or preset (seeded weights)")
    parser.add_argument("output", type=Path, help="flash image to write")
    add_format_flags(parser)
    parser.add_argument("--stop", default="fixed", help="stop rule that the image carries, such as "
                        "head+settled (default fixed: none)")  # fmt: skip
    parser.add_argument("--bounds", action="store_true", help="print the proved bound of every accumulator")
    examples(parser, "sudoku9-mlp out.img", "sudoku9-mlp out.img --weights w8c --bounds")


def run_quantize(args: argparse.Namespace) -> int:
    """Lower, prove the accumulator bounds, write the image."""
    network = load(args.network)
    fmt = stated_format(args, parse_format("w4c"))
    image = quantize(network, fmt, args.stop)
    write_file(args.output, image)
    print(f"{args.output}: {len(image):,} bytes, {fmt}.")
    for remark in remarks(network.config):
        print(remark)
    if args.bounds:
        rows = []
        for b in prove(network.integer_model(fmt)):
            share = f"{100 * b.largest / b.limit:.3g} %"
            rows.append((b.site, b.what, f"{b.largest:,}", f"{b.limit:,}", share))
        headings = ("site", "accumulator", "largest", "limit", "share")
        Console().print(drawn(Grid("proved bounds", headings, tuple(rows), left=2)))
    return 0
