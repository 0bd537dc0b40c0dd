"""``mcusim fit``: which configuration of a network to flash on a part."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from mcusim.asked import add_check_tiles
from mcusim.fitting.front import Limits
from mcusim.fitting.report import sheet
from mcusim.fitting.run import Wanted, fit
from mcusim.units import parse_bytes
from refimpl.errors import InputError
from workbench.command_line import examples, number
from workbench.datasets.read import add_data
from workbench.executors import add_executor, asked_executor
from workbench.networks import DEFAULT_NETWORK
from workbench.render.sheet import add_format, show

_SECONDS = re.compile(r"(\d{1,6}(?:\.\d{1,6})?)\s*(ms|s)")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", default=DEFAULT_NETWORK,
                        help=f"network or folder (default {DEFAULT_NETWORK})")  # fmt: skip
    parser.add_argument("--part", default="stm32h743", help="the device (default stm32h743)")
    parser.add_argument("--catalogue", type=Path, metavar="FOLDER", help="folder with more parts")
    parser.add_argument("--keep", default="99%", help="share of the float network's solved puzzles to keep "
                        "(default 99%%)")  # fmt: skip
    parser.add_argument("--max-time", help="most time a puzzle, such as 800ms or 2s")
    parser.add_argument("--max-flash", help="most bytes of image and code, such as 256KB")
    parser.add_argument("--max-sram", help="most bytes of arena, statics and stack, such as 128KB")
    parser.add_argument("--puzzles", type=number, default=256, help="held-out puzzles (default 256)")
    parser.add_argument("--givens", help="of generated Sudokus, such as 26-32 (9x9) (default: those of the "
                        "evaluation set)")  # fmt: skip
    parser.add_argument("--folder", type=Path, default=Path("fit"), help="where measurements and deployments "
                        "go (default fit); an interrupted run goes on from there")  # fmt: skip
    add_check_tiles(parser)
    add_executor(parser)
    add_data(parser)
    add_format(parser)
    examples(parser, "--model sudoku9-pair-mlp --part stm32h743",
             "--model my-network --data puzzles.npz --max-sram 128KB --keep 97%")  # fmt: skip


def _share(text: str) -> float:
    digits = text.removesuffix("%")
    try:
        value = float(digits) / (100 if text.endswith("%") else 1)
    except ValueError:
        value = -1.0
    if not 0 < value <= 1:
        raise InputError(f"--keep {text}: a share above 0 and up to 100 %, such as 99%.")
    return value


def _seconds(text: str | None) -> float | None:
    if text is None:
        return None
    match = _SECONDS.fullmatch(text.strip())
    if match is None or float(match[1]) == 0:
        raise InputError(f"--max-time {text}: write for example 800ms or 2s.")
    return float(match[1]) / (1000 if match[2] == "ms" else 1)


def _bytes(text: str | None, flag: str) -> int | None:
    return None if text is None else parse_bytes(text, flag)


def run(args: argparse.Namespace) -> int:
    limits = Limits(_share(args.keep), _seconds(args.max_time), _bytes(args.max_flash, "--max-flash"),
                    _bytes(args.max_sram, "--max-sram"))  # fmt: skip
    wanted = Wanted(args.model, args.part, limits, args.puzzles, args.givens, args.data, args.folder,
                    args.catalogue, args.check_tiles)  # fmt: skip
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    with asked_executor(args) as executor, Progress(*columns, console=console, transient=True) as progress:
        found = fit(wanted, executor, progress)
    show(sheet(found), args)
    return 0 if found.choice.best is not None and found.choice.keeps else 1
